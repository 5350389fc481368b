// Package paired runs two systems in turn with the same plans, so that their results can be
// compared.
package paired

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon/child"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/results"
)

// retries is how often a run that ends as harness is repeated, each time in a directory of its own.
const retries = 2

// Runs are the paired runs of two systems.
type Runs struct {
	Systems  [2]string
	Words    plan.Words // without the system
	Flags    plan.Flags
	Repeats  int    // runs per system
	Location string // the directory of all runs; "": runs/TIME-compare-WORDS

	seed    uint64
	signals chan os.Signal
	harness int // runs that ended as harness
}

// Side returns the directory with the runs of the first system (0) or the second (1).
func (r *Runs) Side(side int) string {
	return filepath.Join(r.Location, string(rune('a'+side)))
}

// Run makes the runs, in the order A B B A A B ..., so that a machine whose speed drifts favours
// neither system. Both plans are made, and both systems prepared, before the first run.
func (r *Runs) Run() error {
	if err := launch.Free(r.Location, "a run never overwrites another"); err != nil {
		return err
	}
	given := r.Systems
	for side := range r.Systems {
		if err := r.prepare(side); err != nil {
			return err
		}
	}
	if r.Location == "" {
		words := []string{launch.ShortSystem(given[0]), launch.ShortSystem(given[1]), r.Words.Topology, r.Words.Workload, r.Words.Fault}
		r.Location = filepath.Join("runs", time.Now().Format("20060102-150405")+"-compare-"+launch.InPath(strings.Join(words, " ")))
	}
	if err := os.MkdirAll(r.Location, 0o777); err != nil {
		return exit.Harness(err)
	}
	return errors.Join(r.runAll(), results.GiveTree(r.Location))
}

// prepare makes the plan of one side and prepares its system.
func (r *Runs) prepare(side int) error {
	w := r.Words
	w.System = r.Systems[side]
	p, err := plan.New(w, r.Flags)
	if err != nil {
		return err
	}
	if err := launch.Allowed(p); err != nil {
		return err
	}
	if err := launch.Prepare(p); err != nil {
		return err
	}
	r.Systems[side] = p.Words.System // exact: the newest patch release now may not be that of the last run
	r.seed = p.Options.Seed
	return nil
}

// runAll makes all runs. The two of one repeat have the same seed.
func (r *Runs) runAll() error {
	r.signals = make(chan os.Signal, 4)
	signal.Notify(r.signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(r.signals)
	fmt.Fprintf(os.Stderr, "seed %d  %d runs each of %s and %s, in %s\n", r.seed, r.Repeats, r.Systems[0], r.Systems[1], r.Location)
	began := time.Now()
	for i := range r.Repeats {
		order := [2]int{0, 1}
		if i%2 == 1 {
			order = [2]int{1, 0}
		}
		for k, side := range order {
			line, err := r.once(i, side)
			if err != nil {
				return err
			}
			done := 2*i + k + 1
			left := time.Since(began) / time.Duration(done) * time.Duration(2*r.Repeats-done)
			fmt.Fprintf(os.Stderr, "%*d/%d  %c %s  %s  (about %v left)\n", len(fmt.Sprint(2*r.Repeats)), done, 2*r.Repeats, 'A'+side, r.Systems[side], line, left.Round(time.Second))
		}
	}
	if r.harness > 0 {
		fmt.Fprintf(os.Stderr, "%d runs were inconclusive (harness), and were repeated at most %d times each\n", r.harness, retries)
	}
	return nil
}

// once makes one run of the side, and repeats it if it ends as harness. line describes its result.
func (r *Runs) once(repeat, side int) (line string, err error) {
	for try := 0; ; try++ {
		name := fmt.Sprintf("%03d", repeat+1)
		if try > 0 {
			name += fmt.Sprintf("-again%d", try)
		}
		dir := filepath.Join(r.Side(side), name)
		last, err := r.runOne(dir, repeat, side)
		if err != nil {
			return "", err
		}
		s, err := summaryOf(dir)
		switch {
		case err != nil:
			return "", exit.Harness(fmt.Errorf("run %s: it left no summary: %s", dir, last))
		case s.Verdict != results.StatusHarness:
			return describeRun(s), nil
		}
		r.harness++
		if try == retries {
			return "harness, and left out: " + strings.Join(s.Harness, "; "), nil
		}
		fmt.Fprintf(os.Stderr, "  %s is inconclusive, again: %s\n", dir, strings.Join(s.Harness, "; "))
	}
}

func summaryOf(dir string) (results.Summary, error) {
	d, err := results.Open(dir)
	if err != nil {
		return results.Summary{}, err
	}
	return d.ReadSummary()
}

func describeRun(s results.Summary) string {
	line := s.Verdict.String()
	for i, ttr := range s.Unavailability.TTR {
		switch {
		case ttr != nil:
			line += fmt.Sprintf(", recovered in %s ms", screen.Number(*ttr))
		case s.Unavailability.Censored[i]:
			line += ", did not recover"
		}
	}
	return line
}

// runOne runs one plan as a child process, as on the command line, and returns the last lines of
// its output. An interrupt is passed on to the child, which keeps its record, and no further run
// begins.
func (r *Runs) runOne(dir string, repeat, side int) (last string, err error) {
	select {
	case <-r.signals:
		return "", r.interrupted()
	default:
	}
	var said bytes.Buffer
	cmd := child.Command("reckon", append([]string{r.Systems[side], r.Words.Topology, r.Words.Workload, r.Words.Fault}, r.flagArgs(dir, repeat)...)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	stopped := false
	err = child.Run(cmd, func(ended <-chan struct{}) {
		for {
			select {
			case s := <-r.signals:
				stopped = true
				_ = cmd.Process.Signal(s) // it may have ended by now
			case <-ended:
				return
			}
		}
	})
	var ended *exec.ExitError
	switch {
	case stopped:
		return "", r.interrupted()
	case errors.As(err, &ended) && ended.ExitCode() == 2:
		fmt.Fprintln(os.Stderr, lastLines(said.String()))
		return "", exit.Status(exit.UsageStatus)
	case err != nil && ended == nil:
		return "", exit.Harness(err)
	}
	return lastLines(said.String()), nil
}

// flagArgs returns the run's flags, with its own seed and directory.
func (r *Runs) flagArgs(dir string, repeat int) (args []string) {
	for name, values := range r.Flags {
		for _, v := range values {
			if name != "seed" {
				args = append(args, "--"+name+"="+v)
			}
		}
	}
	slices.Sort(args)
	return append(args, fmt.Sprintf("--seed=%d", seed.Derive(r.seed, fmt.Sprintf("repeat %d", repeat))), "--result-location="+dir)
}

func (r *Runs) interrupted() error {
	fmt.Fprintf(os.Stderr, "interrupted: what was run is kept; to compare it: reckon compare %s -- %s\n", r.Side(0), r.Side(1))
	return exit.Status(results.StatusUnknown.Exit())
}

// lastLines returns the last few lines of s.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
