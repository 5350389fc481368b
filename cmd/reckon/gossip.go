package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/gossip"
)

// newGossip returns the command gossip, which is a system's word as well: followed by three more
// words it is a run.
func newGossip() *cobra.Command {
	cmd := gossip.New(groupData, flagError)
	alone, usual := cmd.RunE, new(cobra.Command).HelpFunc()
	takeWords(cmd, runWords)
	run, complete, help := cmd.RunE, cmd.ValidArgsFunction, cmd.HelpFunc()
	system := func(args []string) []string { return append([]string{cmd.Name()}, args...) }
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if len(args) < 2 && c.Flags().NFlag() == 0 {
			return alone(c, args)
		}
		return run(c, system(args))
	}
	cmd.ValidArgsFunction = func(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
		return complete(c, system(args), to)
	}
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
		switch {
		case c != cmd:
			usual(c, args)
		case len(words) > 1:
			help(c, system(args))
		default:
			overviewOf(cmd)
		}
	})
	return cmd
}

// overviewOf prints what the command's subcommands are, without the flags of runs.
func overviewOf(cmd *cobra.Command) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s\n\nExamples:\n%s\n\nCommands:\n", cmd.Long, cmd.Example)
	for _, c := range cmd.Commands() {
		fmt.Fprintf(out, "  %-8s %s\n", c.Name(), c.Short)
	}
	fmt.Fprintf(out, "\nWith three more words it is a run: reckon %s <topology> <workload> <fault>\n", cmd.Name())
}
