package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/sim"
	"github.com/reckon-bench/reckon/reckon/sim/scenario"
	"github.com/reckon-bench/reckon/reckon/sim/world"
	"github.com/reckon-bench/reckon/results"
)

// trials are the flags of simulate trials.
type trials struct {
	runs  uint64
	stop  bool
	kinds []string
	scenario.Trial
}

// Trials returns the command that simulates etcd in scenarios drawn from seeds. flagError words the errors of its flags.
func Trials(flagError func(*cobra.Command, error) error) *cobra.Command {
	t := trials{}
	cmd := &cobra.Command{
		Use:   "trials",
		Short: "Simulate etcd in scenarios that are drawn from seeds: its size, links and settings, and what strikes it",
		Long: `Each seed draws a cluster of etcd, its links, how often it takes snapshots, and a dozen strikes on its hosts, disks,
clocks and links. Invariants are checked at every step, and the history at the end. A seed that fails is printed
with the command that repeats it; with --runs 1 so is all that was drawn.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd) },
	}
	fs := cmd.Flags()
	fs.Uint64Var(&t.runs, "runs", 100, "how many seeds, over all processors")
	fs.Uint64Var(&t.Seed, "seed", 0, "the first of them")
	fs.BoolVar(&t.stop, "break", false, "stop at the first seed that fails")
	fs.IntVar(&t.Nodes, "nodes", 0, "members (default: 3 or 5 are drawn)")
	fs.IntVar(&t.Strikes, "strikes", 0, "strikes in a run (default: 4 to 24 are drawn)")
	flags.SecondsVar(fs, &t.Duration, "duration", 6*time.Second, "how long the load lasts")
	fs.Float64Var(&t.Rate, "rate", 100, "operations a second")
	fs.StringSliceVar(&t.kinds, "kinds", nil, "strikes to draw from, one named twice twice as often (default: all but twin and swap-disks, which no store survives)")
	cmd.SetFlagErrorFunc(flagError)
	return cmd
}

// validate says what is wrong with the flags, if anything.
func (t *trials) validate() error {
	known := append(scenario.Honest(), scenario.Twin, scenario.SwapDisks)
	for _, k := range t.kinds {
		if !slices.Contains(known, scenario.Kind(k)) {
			return fmt.Errorf("--kinds %s: want some of %v", k, known)
		}
		t.Kinds = append(t.Kinds, scenario.Kind(k))
	}
	switch {
	case t.runs == 0:
		return errors.New("--runs 0: must be at least 1")
	case t.Nodes < 0 || t.Nodes > 9:
		return fmt.Errorf("--nodes %d: must be from 1 to 9", t.Nodes)
	case t.Strikes < 0 || t.Strikes > 1000:
		return fmt.Errorf("--strikes %d: must be from 1 to 1000", t.Strikes)
	case t.Duration < time.Second || t.Duration > time.Hour:
		return fmt.Errorf("--duration %v: must be from 1s to 1h", t.Duration)
	case !(t.Rate >= 1 && t.Rate <= 10_000):
		return fmt.Errorf("--rate %v: must be from 1 to 10,000", t.Rate)
	}
	return nil
}

// trialTally counts what trials came to.
type trialTally struct {
	mu      sync.Mutex
	began   time.Time
	said    time.Time
	virtual time.Duration
	events  uint64
	failed  map[uint64]error
	names   map[string]int
}

func (t *trials) run(cmd *cobra.Command) error {
	if err := t.validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	now := time.Now()
	tally := &trialTally{began: now, said: now, failed: map[uint64]error{}, names: map[string]int{}}
	done := uint64(0)
	runs := sim.Campaign{
		From: t.Seed, Runs: t.runs, Workers: runtime.GOMAXPROCS(0),
		Run: func(_ context.Context, seed uint64) error {
			one := t.Trial
			one.Seed = seed
			w, err := one.Run()
			if w != nil {
				tally.add(w)
			}
			return err
		},
		Done: func(seed uint64, err error) bool {
			done++
			tally.see(cmd.ErrOrStderr(), seed, err, done, t.runs)
			return err == nil || !t.stop
		},
	}.Go(ctx)
	if t.runs == 1 {
		if err := t.describe(cmd.OutOrStdout()); err != nil {
			return exit.Harness(err)
		}
	}
	tally.print(cmd.OutOrStdout(), t, runs)
	switch {
	case len(tally.failed) > 0:
		return exit.Status(results.StatusInvalid.Exit())
	case ctx.Err() != nil:
		return exit.Status(results.StatusUnknown.Exit())
	}
	return nil
}

func (y *trialTally) add(w *world.World) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.virtual += w.Loop.Now()
	y.events += w.Loop.Steps()
}

// see takes the outcome of a seed, and prints a line every second.
func (y *trialTally) see(out io.Writer, seed uint64, err error, done, want uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if err != nil {
		y.failed[seed] = err
		var f *world.Failure
		if errors.As(err, &f) {
			y.names[f.Name]++
		} else {
			y.names["the simulator itself"]++
		}
	}
	if now := time.Now(); now.Sub(y.said) >= time.Second {
		y.said = now
		fmt.Fprintf(out, "%d of %d seeds, %.1f a second, %d failed\n", done, want, float64(done)/now.Sub(y.began).Seconds(), len(y.failed))
	}
}

func (y *trialTally) print(out io.Writer, t *trials, runs uint64) {
	took := time.Since(y.began)
	fmt.Fprintf(out, "%d seeds from %d: %d failed\n", runs, t.Seed, len(y.failed))
	fmt.Fprintf(out, "  simulated %v in %v: %.1f seeds a second, %.0f times real time, %.0f events a second\n",
		y.virtual.Round(time.Second), took.Round(time.Millisecond), float64(runs)/took.Seconds(), y.virtual.Seconds()/took.Seconds(), float64(y.events)/took.Seconds())
	var seeds []uint64
	for seed := range y.failed {
		seeds = append(seeds, seed)
	}
	slices.Sort(seeds)
	for _, seed := range seeds[:min(shown, len(seeds))] {
		fmt.Fprintf(out, "  %s\n    again: %s\n", firstLine(y.failed[seed].Error()), t.command(seed))
	}
	if len(seeds) > 0 {
		fmt.Fprintf(out, "  by name: %v\n", y.names)
	} else if runs > 0 {
		fmt.Fprintf(out, "  none failed, which leaves a probability of at most %.2g %% that a seed does (at 95 %%)\n", leftOpen(int(runs)))
	}
}

// command is what to type to run the seed again.
func (t *trials) command(seed uint64) string {
	c := fmt.Sprintf("reckon simulate trials --runs 1 --seed %d --duration %v --rate %v", seed, t.Duration, t.Rate)
	if t.Nodes > 0 {
		c += fmt.Sprintf(" --nodes %d", t.Nodes)
	}
	if t.Strikes > 0 {
		c += fmt.Sprintf(" --strikes %d", t.Strikes)
	}
	if len(t.kinds) > 0 {
		c += " --kinds " + strings.Join(t.kinds, ",")
	}
	return c
}

// describe prints what the first seed draws.
func (t *trials) describe(out io.Writer) error {
	w, s, err := t.World()
	if err != nil {
		return err
	}
	defer w.Close()
	fmt.Fprintf(out, "%d members, election timeout %v, links of %v, %v operations a second on %d keys\n",
		len(w.Nodes), w.ElectionTimeout, w.Network.Shape(w.Config.Links.Paths()[0]), s.Rate, s.Keys)
	for _, x := range s.Strikes {
		fmt.Fprintf(out, "  %v\n", x)
	}
	return nil
}
