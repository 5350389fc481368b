package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/export"
)

func newExport() *cobra.Command {
	var (
		format, out string
		all         bool
	)
	cmd := &cobra.Command{
		Use: "export DIR --format FORMAT", Short: "Write a run's operations for other programs: JSON, CSV, Parquet, a Jepsen history", GroupID: groupRead,
		Long:    "Write the operations of a recorded run for other programs, to standard output or a file. Formats:\n" + export.Describe(),
		Example: "  reckon export runs/latest --format parquet -o ops.parquet",
		Args:    oneDir, RunE: func(_ *cobra.Command, args []string) error {
			if format == "" {
				return fmt.Errorf("export wants --format, one of:\n%s", export.Describe())
			}
			if err := export.Known(format); err != nil {
				return fmt.Errorf("--format: %w", err)
			}
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			run, err := recordedRun(dir, all)
			if err != nil {
				return exit.Harness(err)
			}
			return exportTo(out, format, run)
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "reckon-json, csv, parquet or edn")
	cmd.Flags().StringVarP(&out, "output", "o", "", "the file, which must not exist (default standard output)")
	cmd.Flags().BoolVar(&all, "all", false, "every operation, not only those of the load: the preload, and the final reads from each member, too")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(export.Formats(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.SetFlagErrorFunc(flagError)
	return cmd
}

// recordedRun returns the run in the directory, with its time by the wall clock.
func recordedRun(dir *results.Dir, all bool) (export.Run, error) {
	events, err := dir.Events()
	if err != nil {
		return export.Run{}, err
	}
	run := export.Run{All: all}
	h := history.History{Events: events}
	run.Load, _ = h.PhaseStart("load")
	if run.Epoch, err = epochOf(dir, events); err != nil {
		return run, err
	}
	run.Each = func(do func(*history.Op) error) error {
		note, err := dir.EachOp(do)
		if note != "" {
			fmt.Fprintln(os.Stderr, "reckon:", note)
		}
		return err
	}
	return run, nil
}

// epochOf is the wall clock's time of the record's epoch. Records that do not hold it
// were made by an older reckon: their plans say to a fraction of a second when they started.
func epochOf(dir *results.Dir, events []history.Event) (time.Time, error) {
	for _, e := range events {
		if epoch, ok := e.Epoch(); ok {
			return epoch, nil
		}
	}
	plan, err := dir.ReadPlan()
	if err != nil {
		return time.Time{}, err
	}
	if plan.Started.IsZero() {
		return time.Time{}, errors.New("the record does not say when it was made")
	}
	fmt.Fprintln(os.Stderr, "reckon: the record does not hold the wall clock's time of its epoch: times are shifted by some tenths of a second")
	return plan.Started, nil
}

// exportTo writes to the file, or to standard output if the path is empty. It leaves no partial
// file.
func exportTo(path, format string, run export.Run) error {
	if path == "" {
		return exit.Harness(export.Write(os.Stdout, format, run))
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	err = errors.Join(export.Write(io.Writer(f), format, run), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return exit.Harness(err)
}
