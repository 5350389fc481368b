package main

import (
	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/results"
)

func newRerun() *cobra.Command {
	var l local
	cmd := &cobra.Command{
		Use: "rerun DIR", Short: "Run the plan of a recorded run again, with the same seed, in a new directory", GroupID: groupRun,
		Args: oneDir, RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			plan, _, err := dir.Plan()
			if err != nil {
				return err
			}
			return runWords(cmd, plan, l)
		},
	}
	l.bind(cmd.Flags())
	return cmd
}
