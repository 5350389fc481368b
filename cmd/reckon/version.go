package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/results"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions that results depend on", GroupID: groupAbout, Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			v := results.Versions()
			w := screen.Table(cmd.OutOrStdout())
			defer w.Flush()
			for _, name := range slices.Sorted(maps.Keys(v)) {
				fmt.Fprintf(w, "%s\t%s\n", name, v[name])
			}
		},
	}
}
