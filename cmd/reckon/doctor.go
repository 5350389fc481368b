package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/cmd/reckon/exit"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check what this machine supports; for anything missing, what you lose and how to fix it", GroupID: groupAbout, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printFindings(cmd.OutOrStdout(), doctor.Examine())
		},
	}
}

// printFindings prints what the machine supports. The error is the exit status of a machine that
// cannot run reckon, the same as that of a run which is refused there.
func printFindings(out io.Writer, all []doctor.Finding) error {
	missing := 0
	for _, f := range all {
		mark := "yes"
		if !f.OK {
			mark = "no "
		}
		fmt.Fprintf(out, "%s  %-22s %s\n", mark, f.What, f.Detail)
		if f.OK {
			continue
		}
		fmt.Fprintf(out, "     cost: %s\n     fix:  %s\n", f.Cost, f.Mend)
		if f.Needed {
			missing++
		}
	}
	if missing > 0 {
		fmt.Fprintln(out, "\nThis machine cannot run reckon as it is.")
		return exit.Status(exit.UsageStatus)
	}
	fmt.Fprintln(out, "\nThis machine can run reckon.")
	return nil
}
