package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check DIR", Short: "Check a recorded run again; its verdict is the exit status", GroupID: groupRead,
		Args: oneDir, RunE: func(_ *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			summary, err := judge.Conclude(dir)
			if err != nil {
				return exit.Harness(err)
			}
			screen.Summary(os.Stdout, dir, summary)
			return statusError(summary)
		},
	}
}

func newReport() *cobra.Command {
	return &cobra.Command{
		Use: "report DIR", Short: "Summarise and draw a recorded run again, with the verdicts of its last check", GroupID: groupRead,
		Args: oneDir, RunE: func(_ *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			old, err := dir.ReadSummary()
			if errors.Is(err, os.ErrNotExist) {
				_, err = judge.Conclude(dir)
			} else if err == nil {
				err = judge.Redraw(dir, old.Checks)
			}
			if err != nil {
				return exit.Harness(err)
			}
			fmt.Println(dir.Path("report.html"))
			return nil
		},
	}
}

func oneDir(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s wants the directory of one run, for example runs/latest", cmd.Name())
	}
	return nil
}
