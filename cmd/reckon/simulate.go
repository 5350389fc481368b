package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/simulate"
	"github.com/reckon-bench/reckon/reckon/plan"
)

func newSimulate() *cobra.Command {
	var o simulate.Options
	cmd := &cobra.Command{
		Use:     "simulate <system> <topology> <workload> <fault>",
		Short:   "Run in virtual time, on simulated hosts, disks and links: one seed, or thousands",
		GroupID: groupRun,
	}
	o.Bind(cmd.Flags())
	cmd.AddCommand(simulate.Trials(flagError))
	takeWords(cmd, func(cmd *cobra.Command, p *plan.Plan, l local) error {
		if l.debug {
			return errors.New("--debug: simulate has no prompt; --break-at stops anywhere and prints the state")
		}
		o.Location = l.location
		return simulate.Run(cmd, p, o)
	})
	return cmd
}
