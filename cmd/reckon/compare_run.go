package main

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

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/results"
)

// again is how often a run that is no result is repeated, each time in a directory of its own.
const again = 2

// A duel is a comparison that makes its own runs.
type duel struct {
	systems  [2]string
	words    plan.Words // the system left open
	flags    plan.Flags
	seed     uint64
	repeats  int
	location string
	signals  chan os.Signal
	harness  int // runs that were no results
}

// runBoth runs both systems, A B B A A B ..., so that a machine that drifts wrongs neither, and compares.
func (c *comparing) runBoth(cmd *cobra.Command, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("compare --run wants five words, SYSTEM_A SYSTEM_B <topology> <workload> <fault>, and got %d", len(args))
	}
	if c.repeats < 1 || c.repeats > 1000 {
		return fmt.Errorf("--repeats %d: must be from 1 to 1000", c.repeats)
	}
	d := duel{
		systems: [2]string{args[0], args[1]}, words: plan.Words{Topology: args[2], Workload: args[3], Fault: args[4]},
		flags: runFlags(cmd.Flags(), c), repeats: c.repeats, location: c.location, signals: make(chan os.Signal, 4),
	}
	if d.systems[0] == d.systems[1] {
		fmt.Fprintln(os.Stderr, "note: both sides are the same system")
	}
	if err := untaken(d.location, "a run never overwrites another"); err != nil {
		return err
	}
	// Both plans are made before anything is run: one of them may not do with the words or flags.
	for side := range d.systems {
		p, err := d.plan(side)
		if err != nil {
			return err
		}
		if err := allHere(p); err != nil {
			return err
		}
		if err := prepare(p); err != nil {
			return err
		}
		d.systems[side] = p.Words.System // exactly: what is a minor's newest now may not be when the last run begins
		d.seed = p.Options.Seed
	}
	if d.location == "" {
		d.location = filepath.Join("runs", time.Now().Format("20060102-150405")+"-compare-"+inPath(strings.Join(append([]string{shortSystem(args[0]), shortSystem(args[1])}, args[2:]...), " ")))
	}
	if err := os.MkdirAll(d.location, 0o777); err != nil {
		return harnessError{err}
	}
	if err := errors.Join(d.run(), results.GiveTree(d.location)); err != nil {
		return err
	}
	if c.out == "" {
		c.out = filepath.Join(d.location, "comparison")
	}
	return c.compare([]string{filepath.Join(d.location, "a")}, []string{filepath.Join(d.location, "b")})
}

func (d *duel) plan(side int) (*plan.Plan, error) {
	w := d.words
	w.System = d.systems[side]
	return plan.New(w, d.flags)
}

// run makes all runs, the sides of one repeat with the same seed.
func (d *duel) run() error {
	signal.Notify(d.signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(d.signals)
	fmt.Fprintf(os.Stderr, "seed %d  %d runs each of %s and %s, in %s\n", d.seed, d.repeats, d.systems[0], d.systems[1], d.location)
	began := time.Now()
	for i := range d.repeats {
		order := [2]int{0, 1}
		if i%2 == 1 {
			order = [2]int{1, 0}
		}
		for k, side := range order {
			line, err := d.once(i, side)
			if err != nil {
				return err
			}
			done := 2*i + k + 1
			left := time.Since(began) / time.Duration(done) * time.Duration(2*d.repeats-done)
			fmt.Fprintf(os.Stderr, "%*d/%d  %c %s  %s  (about %v left)\n", len(fmt.Sprint(2*d.repeats)), done, 2*d.repeats, 'A'+side, d.systems[side], line, left.Round(time.Second))
		}
	}
	if d.harness > 0 {
		fmt.Fprintf(os.Stderr, "%d runs were no results (harness), and were repeated at most %d times each\n", d.harness, again)
	}
	return nil
}

// once makes one run of the side, again where it is no result, and says how it went.
func (d *duel) once(repeat, side int) (line string, err error) {
	for try := 0; ; try++ {
		name := fmt.Sprintf("%03d", repeat+1)
		if try > 0 {
			name += fmt.Sprintf("-again%d", try)
		}
		dir := filepath.Join(d.location, string(rune('a'+side)), name)
		last, err := d.child(dir, repeat, side)
		if err != nil {
			return "", err
		}
		s, err := summaryOf(dir)
		switch {
		case err != nil:
			return "", harnessError{fmt.Errorf("run %s: it left no summary: %s", dir, last)}
		case s.Verdict != results.StatusHarness:
			return describeRun(s), nil
		}
		d.harness++
		if try == again {
			return "harness, and left out: " + strings.Join(s.Harness, "; "), nil
		}
		fmt.Fprintf(os.Stderr, "  %s is no result, again: %s\n", dir, strings.Join(s.Harness, "; "))
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
			line += fmt.Sprintf(", recovered in %s ms", number(*ttr))
		case s.Unavailability.Censored[i]:
			line += ", did not recover"
		}
	}
	return line
}

// child runs one plan as a process of its own, as anybody would on the command line. An interrupt
// is passed on, the child keeps what it has, and no further run begins.
func (d *duel) child(dir string, repeat, side int) (last string, err error) {
	select {
	case <-d.signals:
		return "", d.interrupted()
	default:
	}
	var said bytes.Buffer
	cmd := newChild(&said, append([]string{d.systems[side], d.words.Topology, d.words.Workload, d.words.Fault}, d.flagArgs(dir, repeat)...)...)
	stopped := false
	err = runChild(cmd, func(ended <-chan struct{}) {
		for {
			select {
			case s := <-d.signals:
				stopped = true
				_ = cmd.Process.Signal(s) // it may have ended meanwhile
			case <-ended:
				return
			}
		}
	})
	var exit *exec.ExitError
	switch {
	case stopped:
		return "", d.interrupted()
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		return "", exitWith(2, lastLines(said.String()))
	case err != nil && exit == nil:
		return "", harnessError{err}
	}
	return lastLines(said.String()), nil
}

// flagArgs are the run's flags, its own seed and its directory.
func (d *duel) flagArgs(dir string, repeat int) (args []string) {
	for name, values := range d.flags {
		for _, v := range values {
			if name != "seed" {
				args = append(args, "--"+name+"="+v)
			}
		}
	}
	slices.Sort(args)
	return append(args, fmt.Sprintf("--seed=%d", seed.Derive(d.seed, fmt.Sprintf("repeat %d", repeat))), "--result-location="+dir)
}

func (d *duel) interrupted() error {
	fmt.Fprintf(os.Stderr, "interrupted: what was run is kept; to compare it: reckon compare %s -- %s\n", filepath.Join(d.location, "a"), filepath.Join(d.location, "b"))
	return exitStatus(results.StatusUnknown.Exit())
}

func exitWith(status int, why string) error {
	fmt.Fprintln(os.Stderr, why)
	return exitStatus(status)
}

// lastLines are the last few lines of what a run said.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
