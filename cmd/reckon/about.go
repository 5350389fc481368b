package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions that results depend on", GroupID: groupAbout, Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			v := versions()
			w := table(cmd.OutOrStdout())
			defer w.Flush()
			for _, name := range slices.Sorted(maps.Keys(v)) {
				fmt.Fprintf(w, "%s\t%s\n", name, v[name])
			}
		},
	}
}

func newList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all words, what they mean and the flags they understand", GroupID: groupAbout, Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			w := table(cmd.OutOrStdout())
			defer w.Flush()
			kind := ""
			for _, x := range everyWord() {
				if x.kind != kind {
					if kind != "" {
						fmt.Fprintln(w)
					}
					kind = x.kind
					fmt.Fprintf(w, "%s\n", strings.ToUpper(kind))
				}
				name := strings.Join(append([]string{x.name}, x.aliases...), ", ")
				fmt.Fprintf(w, "  %s\t%s\n", name, x.doc)
				if len(x.forms) > 0 {
					fmt.Fprintf(w, "  \tto run a different one: %s\n", strings.Join(x.forms, " or "))
				}
				if names := flagNames(x.flags); names != "" {
					fmt.Fprintf(w, "  \t%s\n", names)
				}
			}
			every := plan.OptionFlags()
			new(local).bind(every)
			fmt.Fprintf(w, "\nEVERY RUN\n  \t%s\n", flagNames(every))
			fmt.Fprint(w, "\nWorkloads and faults may be comma lists: they run, and strike, together.\n")
		},
	}
}

func flagNames(fs *pflag.FlagSet) string {
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return strings.Join(names, " ")
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) }

// help prints what the command is for, and the flags that the words before -h understand, by word.
func help(cmd *cobra.Command, args []string) {
	out := cmd.OutOrStdout()
	words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	if len(words) > 0 && words[0] == cmd.Name() {
		words = words[1:]
	}
	if cmd.Parent() == nil && len(words) == 0 {
		cmd.SetHelpFunc(nil)
		cmd.SetUsageTemplate(overview)
		fmt.Fprintf(out, "%s\n\n%s", cmd.Long, cmd.UsageString())
		return
	}
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n", cmd.Short, cmd.UseLine())
	known := append([]word{{name: "every run", flags: plan.OptionFlags()}}, everyWord()...)
	seen := map[string]bool{}
	for _, k := range known {
		if k.name != "every run" && !mentioned(words, k) {
			continue
		}
		fs := pflag.NewFlagSet(k.name, pflag.ContinueOnError)
		k.flags.VisitAll(func(f *pflag.Flag) {
			if !seen[f.Name] {
				seen[f.Name] = true
				fs.AddFlag(f)
			}
		})
		title := k.name
		if k.kind != "" {
			title = fmt.Sprintf("%s %s: %s", k.kind, k.name, k.doc)
		}
		fmt.Fprintf(out, "\n%s\n%s", title, fs.FlagUsagesWrapped(100))
	}
	var l local
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	l.bind(fs)
	fmt.Fprintf(out, "\nthis command\n%s", fs.FlagUsagesWrapped(100))
	if len(words) == 0 {
		fmt.Fprintf(out, "\nWith words before it, -h shows what those understand: reckon etcd simple uniform leader -h\n")
	}
}

// mentioned says whether one of the words, which may be comma lists, is k.
func mentioned(words []string, k word) bool {
	for _, list := range words {
		for name := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(name, "@")
			if name == k.name || slices.Contains(k.aliases, name) {
				return true
			}
		}
	}
	return false
}

// overview is the usage of the bare command. Its flags are the words', and too many to show at once.
const overview = `Usage:
  {{.UseLine}}
  reckon COMMAND

Examples:
{{.Example}}
{{range $g := .Groups}}
{{.Title}}{{range $.Commands}}{{if and (eq .GroupID $g.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}
Exit status: 0 valid, 1 invalid (the system broke a promise), 2 usage, or this machine cannot run it (nothing was
started), 3 harness (no result), 4 unknown. A script given to -d ends with 1 if a command of it failed; compare ends
with 0 whatever it finds; kibishii has its own (reckon kibishii -h).
`

// autoLinks says what --links auto takes on the machine examined, and why.
func autoLinks(found []finding) string {
	for _, f := range found {
		switch {
		case f.Needed && !f.OK:
			return "nothing on this machine: " + f.Detail
		case f.What == "netem" && f.OK:
			return "netem on this machine: " + f.Detail
		case f.What == "netem":
			return "userspace on this machine: " + f.Detail
		}
	}
	return "userspace on this machine"
}

// printPlan prints what would be done, and touches nothing.
func printPlan(cmd *cobra.Command, p *plan.Plan, _ local) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "seed %d  %s\n\nHosts\n", p.Options.Seed, p.Words)
	w := table(out)
	for _, h := range p.Hosts {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", h.Name, h.Addr, h.Role)
	}
	w.Flush()
	fmt.Fprintf(out, "\nLinks, one way\n%s", indent(p.Links.Table()))
	if p.Options.Links == "auto" { // not a part of the plan, which is the same on every machine
		fmt.Fprintln(cmd.ErrOrStderr(), "--links auto takes", autoLinks(examine()))
	}
	fmt.Fprintf(out, "\nTimeline, from the start of the load\n")
	w = table(out)
	fmt.Fprintf(w, "  %v\t\tload starts\n", time.Duration(0))
	for _, s := range strikeRows(p.Strikes) {
		fmt.Fprintf(w, "  %v\t%v\t%s: %s\n", round(s.From), round(s.To), s.Fault, s.Name)
	}
	fmt.Fprintf(w, "  %v\t\tload ends; whatever is struck is healed, and the cluster settles within %v\n", p.Options.Duration, p.Bounds.Settle)
	w.Flush()
	printScenes(out, p)
	fmt.Fprintf(out, "\nBounds, past which the run is no result\n")
	w = table(out)
	for _, b := range boundsOf(p) {
		fmt.Fprintf(w, "  %s\t%s\n", b.name, b.value)
	}
	w.Flush()
	fmt.Fprintf(out, "\nFlags (* given)\n")
	w = table(out)
	for _, f := range p.Effective() {
		mark := " "
		if f.Given {
			mark = "*"
		}
		fmt.Fprintf(w, " %s--%s\t%s\n", mark, f.Name, f.Value)
	}
	w.Flush()
	fmt.Fprintf(out, "\nChecks\n")
	for _, c := range p.Checks() {
		fmt.Fprintf(out, "  %s\n", c.Name)
	}
	return nil
}

// strikeRows are the strikes, those that do the same again and again in one row.
func strikeRows(all []plan.Strike) (rows []plan.Strike) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Fault == all[0].Fault && all[n].Name == all[0].Name {
			n++
		}
		row := all[0]
		if n > 2 {
			row.Name = fmt.Sprintf("%s, for %v; and %d more times, the last at %v", row.Name, round(row.To-row.From), n-1, round(all[n-1].From))
			row.To = all[n-1].To
			rows, all = append(rows, row), all[n:]
			continue
		}
		rows, all = append(rows, row), all[1:]
	}
	return rows
}

// printScenes draws who still hears whom.
func printScenes(out io.Writer, p *plan.Plan) {
	scenes := p.Preview()
	if len(scenes) == 0 {
		return
	}
	fmt.Fprintf(out, "\nWho still hears whom, should %s lead, and after it the first that can (✓ hears, ✗ cut, † dead, + worse by)\n", p.Members[0].Name)
	for i, s := range scenes {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "  %s\n%s", s.Title(), indent(indent(s.String())))
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		b.WriteString("  " + l)
	}
	return b.String()
}
