package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/cmd/reckon/words"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// help prints what the command is for, and the flags that the line before -h understand, by word.
func help(cmd *cobra.Command, args []string) {
	out := cmd.OutOrStdout()
	line := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	if len(line) > 0 && line[0] == cmd.Name() {
		line = line[1:]
	}
	if cmd.Parent() == nil && len(line) == 0 {
		cmd.SetHelpFunc(nil)
		cmd.SetUsageTemplate(overview)
		fmt.Fprintf(out, "%s\n\n%s", cmd.Long, cmd.UsageString())
		return
	}
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n", cmd.Short, cmd.UseLine())
	known := append([]words.Word{{Name: "every run", Flags: plan.OptionFlags()}}, words.All()...)
	seen := map[string]bool{}
	for _, k := range known {
		if k.Name != "every run" && !k.In(line) {
			continue
		}
		fs := pflag.NewFlagSet(k.Name, pflag.ContinueOnError)
		k.Flags.VisitAll(func(f *pflag.Flag) {
			if !seen[f.Name] {
				seen[f.Name] = true
				fs.AddFlag(f)
			}
		})
		title := k.Name
		if k.Kind != "" {
			title = fmt.Sprintf("%s %s: %s", k.Kind, k.Name, k.Doc)
		}
		fmt.Fprintf(out, "\n%s\n%s", title, fs.FlagUsagesWrapped(100))
	}
	var l local
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	l.bind(fs)
	fmt.Fprintf(out, "\nthis command\n%s", fs.FlagUsagesWrapped(100))
	if len(line) == 0 {
		fmt.Fprintf(out, "\nWith words before it, -h shows what those understand: reckon etcd simple uniform leader -h\n")
	}
}

// overview is the usage of the bare command. Its flags are the words', and too many to show at
// once.
const overview = `Usage:
  {{.UseLine}}
  reckon COMMAND

Examples:
{{.Example}}
{{range $g := .Groups}}
{{.Title}}{{range $.Commands}}{{if and (eq .GroupID $g.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}
Exit status: 0 valid, 1 invalid (the system violated a guarantee), 2 wrong usage, or a machine that cannot run it
(nothing was started), 3 harness (inconclusive: reckon itself misbehaved), 4 unknown. A script given to -d ends with 1
if a command in it failed; compare ends with 0 whatever it finds; kibishii has its own (reckon kibishii -h).
`
