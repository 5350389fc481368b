package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/sweep"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
)

func newMerge() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "merge DIR... --out DIR", Short: "Join the shards of a matrix in a new directory; the worst verdict is the exit status", GroupID: groupRead,
		Args: cobra.ArbitraryArgs, // judged below, where an example can be given
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || out == "" {
				return fmt.Errorf("merge wants directories of shards and a new one, for example: reckon merge shard-1 shard-2 --out whole")
			}
			dir, err := campaign.Merge(out, args)
			if err != nil {
				return err
			}
			sweep.Print(os.Stdout, dir)
			if n := dir.Index.Verdict.Exit(); n != 0 {
				return exit.Status(n)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the directory to make, which must not exist")
	cmd.SetFlagErrorFunc(flagError)
	return cmd
}
