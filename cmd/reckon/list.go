package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/cmd/reckon/words"
	"github.com/reckon-bench/reckon/reckon/plan"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all words, what they mean and the flags they understand", GroupID: groupAbout, Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			w := screen.Table(cmd.OutOrStdout())
			defer w.Flush()
			kind := ""
			for _, x := range words.All() {
				if x.Kind != kind {
					if kind != "" {
						fmt.Fprintln(w)
					}
					kind = x.Kind
					fmt.Fprintf(w, "%s\n", strings.ToUpper(kind))
				}
				name := strings.Join(append([]string{x.Name}, x.Aliases...), ", ")
				fmt.Fprintf(w, "  %s\t%s\n", name, x.Doc)
				if len(x.Forms) > 0 {
					fmt.Fprintf(w, "  \tto run a different one: %s\n", strings.Join(x.Forms, " or "))
				}
				if names := words.FlagNames(x.Flags); names != "" {
					fmt.Fprintf(w, "  \t%s\n", names)
				}
			}
			every := plan.OptionFlags()
			new(local).bind(every)
			fmt.Fprintf(w, "\nEVERY RUN\n  \t%s\n", words.FlagNames(every))
			fmt.Fprint(w, "\nWorkloads and faults may be comma lists: they run, and strike, together.\n")
		},
	}
}
