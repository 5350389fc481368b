package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge"
)

// runWords runs the plan in a new directory, checks and draws the record, and prints the result.
func runWords(_ *cobra.Command, p *plan.Plan, l local) error {
	if err := launch.Free(l.location, "a run never overwrites another"); err != nil {
		return err
	}
	if err := launch.Allowed(p); err != nil {
		return err
	}
	if err := launch.Prepare(p); err != nil {
		return err
	}
	if l.debug {
		return debugWords(p, l)
	}
	dir, err := launch.Create(p, l.location)
	if err != nil {
		return err
	}
	file := results.NewPlanFile(p, dir.Path())
	if err := dir.WritePlan(file); err != nil {
		return exit.Harness(err)
	}
	if l.location == "" {
		_ = results.PointLatest(dir.Path()) // only a convenience: the path is printed below
	}
	fmt.Fprintf(os.Stderr, "seed %d  %s  %s\n", p.Options.Seed, p.Words, dir)
	judging, release := untilJudged(func() { os.Exit(results.StatusUnknown.Exit()) })
	defer release()
	runErr := launch.Run(dir)
	judging()
	if launch.Refused(runErr) {
		return errors.Join(runErr, removeEmpty(dir))
	}
	if runErr != nil {
		if err := dir.NoteRunnerEnd(runErr); err != nil {
			fmt.Fprintln(os.Stderr, "reckon:", err)
		}
	}
	summary, err := judge.Conclude(dir)
	if err != nil {
		return exit.Harness(fmt.Errorf("%w\nThe record is kept: once this is fixed, run reckon check %s", errors.Join(runErr, err), dir))
	}
	if summary.Verdict == results.StatusValid && !l.keepData {
		if err := dir.RemoveScratch(); err != nil {
			return exit.Harness(err)
		}
	}
	if err := dir.GiveBack(); err != nil {
		return exit.Harness(err)
	}
	screen.Summary(os.Stdout, dir, summary)
	launch.PrintPackets(os.Stdout, dir)
	if size := sizeOf(dir.Path("scratch")); size > 0 {
		fmt.Printf("data:   %s (%.0f MB; kept%s)\n", dir.Path("scratch"), float64(size)/1e6, map[bool]string{true: ", as asked", false: ", as the run is not valid"}[l.keepData])
	}
	return statusError(summary)
}

// untilJudged catches interrupts until release is called, so that none ends this process before the
// record is checked and drawn. Those that arrive before judging is called are the run's, which gets
// them itself. Of those that arrive later, the second calls end.
func untilJudged(end func()) (judging, release func()) {
	signals, released := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	judging = func() {
		for len(signals) > 0 {
			<-signals
		}
		go func() {
			for i := 0; ; i++ {
				select {
				case <-released:
					return
				case <-signals:
				}
				if i > 0 {
					end()
					return
				}
				fmt.Fprintln(os.Stderr, "the record is being checked and drawn; interrupt once more to leave that to reckon check")
			}
		}()
	}
	return judging, func() { signal.Stop(signals); close(released) }
}

// sizeOf returns the bytes in the files below a directory. Files that cannot be read count as
// nothing.
func sizeOf(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// removeEmpty removes the directory of a run that recorded nothing.
func removeEmpty(dir *results.Dir) error {
	if err := os.Remove(dir.Path(results.PlanName)); err != nil {
		return err
	}
	return os.Remove(dir.Path()) // fails if anything else is there
}

// statusError returns nil for a valid run, and the exit status of any other.
func statusError(s results.Summary) error {
	if n := s.Verdict.Exit(); n != 0 {
		return exit.Status(n)
	}
	return nil
}
