// Package simulate is the command that runs plans in virtual time: one seed with a run's directory, many seeds with what they came
// to, or trials of drawn scenarios.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/sim"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge"
)

// Options are the flags of simulate that are no part of a run.
type Options struct {
	Runs     uint64 // seeds, from the plan's on
	Stop     bool   // at the first run that is not valid
	BreakAt  string // a point at which to stop and print the state of everything; "": none
	Location string // of the directory; "": runs/TIME-WORDS
}

// NotOfTheRun marks flags that are no part of a run's plan.
const NotOfTheRun = "not of the run"

// Bind declares the flags.
func (o *Options) Bind(fs *pflag.FlagSet) {
	fs.Uint64Var(&o.Runs, "runs", 1, "how many seeds to simulate, from --seed on, over all processors")
	fs.BoolVar(&o.Stop, "break", false, "with --runs: stop at the first run that is not valid, and leave its directory")
	fs.StringVar(&o.BreakAt, "break-at", "", "stop at a step (a number), at a time since the start of the simulation (12.5s), or where an invariant breaks (invalid), and print the state of everything; leaves no directory")
	for _, name := range []string{"runs", "break", "break-at"} {
		_ = fs.SetAnnotation(name, NotOfTheRun, []string{}) // the flag is there
	}
}

// Run simulates the plan as the options ask.
func Run(cmd *cobra.Command, p *plan.Plan, o Options) error {
	switch {
	case o.Runs == 0:
		return errors.New("--runs 0: must be at least 1")
	case o.BreakAt != "" && o.Runs > 1:
		return errors.New("--break-at: stops one run, so it does not go with --runs")
	case o.BreakAt != "":
		return inspect(cmd, p, o.BreakAt)
	case o.Runs == 1:
		return simulateOne(p, o)
	}
	return simulateMany(cmd, p, o)
}

// simulateOne simulates one seed and leaves a directory as a real run does.
func simulateOne(p *plan.Plan, o Options) error {
	if err := launch.Free(o.Location, "a run never overwrites another"); err != nil {
		return err
	}
	s, err := sim.New(p)
	if err != nil {
		return err
	}
	defer s.Close()
	began := time.Now()
	_ = s.Carry() // what it found is in the record
	took := time.Since(began)
	dir, err := launch.Create(p, o.Location)
	if err != nil {
		return err
	}
	if err := dir.WritePlan(results.NewSimulatedFile(p, dir.Path())); err != nil {
		return exit.Harness(err)
	}
	if err := errors.Join(s.Record(dir), dir.Close()); err != nil {
		return exit.Harness(err)
	}
	if o.Location == "" {
		_ = results.PointLatest(dir.Path()) // only a convenience: the path is printed below
	}
	summary, err := judge.Conclude(dir)
	if err := errors.Join(err, dir.GiveBack()); err != nil {
		return exit.Harness(err)
	}
	fmt.Printf("simulated %v in %v (%.0f times real time), %d events, digest %016x\n",
		s.Loop.Now().Round(time.Millisecond), took.Round(time.Millisecond), s.Loop.Now().Seconds()/took.Seconds(), s.Loop.Steps(), s.Loop.Digest())
	screen.Summary(os.Stdout, dir, summary)
	if n := summary.Verdict.Exit(); n != 0 {
		return exit.Status(n)
	}
	return nil
}

// outcome is what one seed of a campaign came to.
type outcome struct {
	seed    uint64
	status  results.Status
	reason  string
	outage  float64 // ms
	ttr     []float64
	virtual time.Duration
	digest  uint64
}

// simulateSeed simulates the plan with another seed, in memory.
func simulateSeed(ctx context.Context, words plan.Words, flags plan.Flags, seed uint64) (outcome, error) {
	flags = maps.Clone(flags)
	flags["seed"] = []string{strconv.FormatUint(seed, 10)}
	p, err := plan.New(words, flags)
	if err != nil {
		return outcome{}, err
	}
	s, err := sim.New(p)
	if err != nil {
		return outcome{}, err
	}
	defer s.Close()
	_ = s.Carry() // what it found is in the record
	sum := judge.Of(p, results.PlanFile{Backend: results.Simulated}, &s.History, s.Verdicts(ctx))
	o := outcome{
		seed: seed, status: sum.Verdict, reason: reasonOf(sum), outage: sum.Unavailability.LongestGap,
		virtual: s.Loop.Now(), digest: s.Loop.Digest(),
	}
	for _, t := range sum.Unavailability.TTR {
		if t != nil {
			o.ttr = append(o.ttr, *t)
		}
	}
	return o, nil
}

// reasonOf is the first check that is not valid, or what the summary says.
func reasonOf(s results.Summary) string {
	for _, c := range s.Checks {
		if s.Verdict == results.StatusInvalid && c.Verdict.String() == "invalid" {
			return c.Name + ": " + c.Detail
		}
	}
	return s.Reason
}

// simulateMany simulates many seeds and prints what they came to.
func simulateMany(cmd *cobra.Command, p *plan.Plan, o Options) error {
	if _, err := sim.New(p); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTally(cmd.ErrOrStderr(), o.Runs)
	c := sim.Campaign{
		From: p.Options.Seed, Runs: o.Runs, Workers: runtime.GOMAXPROCS(0),
		Run: func(ctx context.Context, seed uint64) error {
			came, err := simulateSeed(ctx, p.Words, p.Flags, seed)
			if err == nil {
				t.add(came)
			}
			return err
		},
		Done: func(seed uint64, err error) bool {
			if err != nil {
				t.fail(seed, err)
			}
			t.progress()
			return !o.Stop || !t.bad()
		},
	}
	c.Go(ctx)
	t.print(cmd.OutOrStdout(), p)
	if o.Stop && t.bad() {
		return simulateFirst(p, o, t)
	}
	if n := t.status(ctx.Err() != nil); n != 0 {
		return exit.Status(n)
	}
	return nil
}

// simulateFirst simulates the first seed that was not valid again, with a directory.
func simulateFirst(p *plan.Plan, o Options, t *tally) error {
	flags := maps.Clone(p.Flags)
	flags["seed"] = []string{strconv.FormatUint(t.first(), 10)}
	again, err := plan.New(p.Words, flags)
	if err != nil {
		return exit.Harness(err)
	}
	again.Given = p.Given
	return simulateOne(again, o)
}
