package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// A tally counts what the runs of a campaign came to. It is safe for concurrent use.
type tally struct {
	out   io.Writer // for progress
	want  uint64
	began time.Time

	mu      sync.Mutex
	said    time.Time
	runs    int
	by      map[results.Status]int
	wrong   []outcome
	outages []float64
	ttr     []float64
	virtual time.Duration
}

func newTally(out io.Writer, want uint64) *tally {
	now := time.Now()
	return &tally{out: out, want: want, began: now, said: now, by: map[results.Status]int{}}
}

func (t *tally) add(o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs++
	t.by[o.status]++
	t.virtual += o.virtual
	t.outages = append(t.outages, o.outage)
	t.ttr = append(t.ttr, o.ttr...)
	if o.status != results.StatusValid {
		t.wrong = append(t.wrong, o)
	}
}

// fail counts a seed that could not be simulated to its end.
func (t *tally) fail(seed uint64, err error) {
	t.add(outcome{seed: seed, status: results.StatusHarness, reason: firstLine(err.Error())})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (t *tally) bad() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.wrong) > 0
}

// first is the lowest seed that was not valid.
func (t *tally) first() uint64 {
	return slices.MinFunc(t.wrong, func(a, b outcome) int { return int(a.seed) - int(b.seed) }).seed
}

// progress prints a line every second.
func (t *tally) progress() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.said) >= time.Second {
		t.said = now
		fmt.Fprintf(t.out, "%d of %d runs, %.1f a second, %d not valid\n", t.runs, t.want, float64(t.runs)/now.Sub(t.began).Seconds(), len(t.wrong))
	}
}

// shown is how many runs that are not valid are printed.
const shown = 10

func (t *tally) print(out io.Writer, p *plan.Plan) {
	took := time.Since(t.began)
	fmt.Fprintf(out, "%d runs of %s from seed %d: %d valid, %d invalid, %d unknown, %d harness\n",
		t.runs, p.Words, p.Options.Seed, t.by[results.StatusValid], t.by[results.StatusInvalid], t.by[results.StatusUnknown], t.by[results.StatusHarness])
	fmt.Fprintf(out, "  simulated %v in %v: %.1f runs a second, %.0f times real time\n",
		t.virtual.Round(time.Second), took.Round(time.Millisecond), float64(t.runs)/took.Seconds(), t.virtual.Seconds()/took.Seconds())
	fmt.Fprintf(out, "  longest outage   %s\n", quantiles(t.outages))
	if len(t.ttr) > 0 {
		fmt.Fprintf(out, "  time to recover  %s\n", quantiles(t.ttr))
	}
	if n := t.by[results.StatusInvalid]; n == 0 && t.runs > 0 {
		fmt.Fprintf(out, "  none is invalid, which leaves a probability of at most %.2g %% that a run is (at 95 %%)\n", leftOpen(t.runs))
	}
	slices.SortFunc(t.wrong, func(a, b outcome) int { return int(a.seed) - int(b.seed) })
	for _, o := range t.wrong[:min(shown, len(t.wrong))] {
		fmt.Fprintf(out, "  seed %d: %s: %s\n", o.seed, o.status, firstLine(o.reason))
	}
	if more := len(t.wrong) - shown; more > 0 {
		fmt.Fprintf(out, "  and %d more\n", more)
	}
	if len(t.wrong) > 0 {
		fmt.Fprintf(out, "  again: %s\n", seedCommand(p, t.wrong[0].seed))
	}
}

// leftOpen is the largest probability, in percent, that so many clean runs leave open at 95 %: three in so many.
func leftOpen(runs int) float64 { return min(100, 300/float64(runs)) }

// seedCommand is what to type to simulate the plan with the seed.
func seedCommand(p *plan.Plan, seed uint64) string {
	again := *p
	again.Given = slices.DeleteFunc(slices.Clone(p.Given), func(f string) bool { return f == "seed" })
	again.Options.Seed = seed
	return strings.Replace(results.CommandLine(&again), "reckon ", "reckon simulate ", 1)
}

// quantiles prints the distribution of times in milliseconds.
func quantiles(ms []float64) string {
	if len(ms) == 0 {
		return "-"
	}
	slices.Sort(ms)
	at := func(q float64) float64 { return ms[min(len(ms)-1, int(q*float64(len(ms))))] }
	return fmt.Sprintf("p50 %.0f  p90 %.0f  p99 %.0f  max %.0f ms", at(0.5), at(0.9), at(0.99), ms[len(ms)-1])
}

// status is the campaign's exit status: that of its worst run.
func (t *tally) status(interrupted bool) int {
	switch {
	case t.by[results.StatusInvalid] > 0:
		return results.StatusInvalid.Exit()
	case t.by[results.StatusHarness] > 0:
		return exit.HarnessStatus
	case t.by[results.StatusUnknown] > 0 || interrupted:
		return results.StatusUnknown.Exit()
	}
	return 0
}
