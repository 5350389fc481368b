package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/cmd/reckon/data"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

const (
	groupRun   = "run"
	groupRead  = "read"
	groupData  = "data"
	groupAbout = "about"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "reckon <system> <topology> <workload> <fault>",
		Short: "Measure and verify what a replicated store does while its network and processes fail",
		Long: `reckon builds an emulated network on this machine, starts a real cluster on it, offers
load, injects faults on a schedule, records every operation, verifies the record, and draws it.`,
		Example: `  reckon etcd simple uniform leader
  reckon etcd wan uniform leader --number-nodes 5 --link-latency 40ms --duration 2m
  reckon etcd simple uniform --faults FILE   the faults of a YAML file, each at its own time
  reckon plan etcd simple uniform leader     what would be done, and when
  reckon etcd simple uniform leader -h       what these words understand
  reckon list                                all words`,
		Version:       release,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupRead, Title: "Read a recorded run:"},
		&cobra.Group{ID: groupData, Title: "Data that proves itself:"},
		&cobra.Group{ID: groupAbout, Title: "About reckon and this machine:"},
	)
	takeWords(root, runWords)
	run := &cobra.Command{Use: "run <system> <topology> <workload> <fault>", Short: "Run (the word run may be left out)", GroupID: groupRun}
	takeWords(run, runWords)
	plan := &cobra.Command{Use: "plan <system> <topology> <workload> <fault>", Short: "Print hosts, links and timeline of a run; touch nothing", GroupID: groupRun}
	takeWords(plan, printPlan)
	root.AddCommand(run, plan, newMatrix(), newRerun(), newCheck(), newReport(), newCompare(), newMerge(), newExport(), newKibishii(), data.New(groupData, flagError, func(s int) error { return exitStatus(s) }), newList(), newDoctor(), newVersion())
	root.SetHelpCommandGroupID(groupAbout)
	root.SetCompletionCommandGroupID(groupAbout)
	return root
}

// local are the flags that are about this call and not about the run.
type local struct {
	location string
	keepData bool
	debug    bool
}

func (l *local) bind(fs *pflag.FlagSet) {
	fs.StringVar(&l.location, "result-location", "", "the run's directory, which must not exist (default runs/TIME-WORDS)")
	fs.BoolVar(&l.keepData, "keep-data", false, "keep the data of nodes and workers (kept in any case when the run is not valid)")
	fs.BoolVarP(&l.debug, "debug", "d", false, "start the cluster and give a prompt, or do the commands of a script on standard input; no load, no faults (see help there)")
}

// takeWords gives the command the four words and every flag that some word understands.
func takeWords(cmd *cobra.Command, do func(*cobra.Command, *reckon.Plan, local) error) {
	var l local
	l.bind(cmd.Flags())
	union(cmd.Flags())
	cmd.Args = cobra.ArbitraryArgs // judged below, where an example can be given
	cmd.ValidArgsFunction = completeWords
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && cmd.Flags().NFlag() == 0 && !cmd.HasParent() {
			return cmd.Help()
		}
		words, err := parseWords(cmd, args)
		if err != nil {
			return err
		}
		p, err := reckon.NewPlan(words, given(cmd.Flags()))
		if err != nil {
			return err
		}
		return do(cmd, p, l)
	}
	cmd.SetFlagErrorFunc(flagError)
	completeChoices(cmd)
	usual := new(cobra.Command).HelpFunc()
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != cmd { // cobra hands a help function down to commands that take no words
			usual(c, args)
			return
		}
		help(c, args)
	})
}

// completeChoices completes the values of flags that are one of a few words.
func completeChoices(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if c, ok := f.Value.(interface{ Choices() []string }); ok {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(c.Choices(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
		}
	})
}

// union adds every flag that any word understands. A flag of one name means the
// same for every word, so the first will do to parse it.
func union(fs *pflag.FlagSet) {
	add := func(more *pflag.FlagSet) {
		more.VisitAll(func(f *pflag.Flag) {
			if fs.Lookup(f.Name) == nil {
				fs.AddFlag(f)
			}
		})
	}
	add(reckon.OptionFlags())
	for _, w := range everyWord() {
		add(w.flags)
	}
}

// word is a registration of any kind.
type word struct {
	kind, name string
	aliases    []string
	forms      []string // ways to write it with an argument
	doc        string
	flags      *pflag.FlagSet
}

func everyWord() []word {
	return slices.Concat(wordsOf(&reckon.Systems), wordsOf(&reckon.Topologies), wordsOf(&reckon.Workloads), wordsOf(&reckon.Faults))
}

func wordsOf[T any](c *reckon.Catalogue[T]) (all []word) {
	for _, w := range c.Words() {
		all = append(all, word{c.Kind, w.Name, w.Aliases, w.Forms(), w.Doc, w.Flags()})
	}
	return all
}

// given are the run's flags that were given on the command line.
func given(fs *pflag.FlagSet) reckon.Flags {
	var own local
	ours := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.bind(ours)
	out := reckon.Flags{}
	fs.Visit(func(f *pflag.Flag) {
		if ours.Lookup(f.Name) != nil || f.Name == "help" {
			return
		}
		out[f.Name] = reckon.FlagValues(f)
	})
	return out
}

// With a file of faults, three words do: the file's word takes the place of the fault.
const (
	faultsFlag   = "faults"
	timelineWord = "timeline"
)

func parseWords(cmd *cobra.Command, args []string) (reckon.Words, error) {
	if len(args) == 1 && cmd.Parent() == nil {
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		if near := flags.Nearest(args[0], known); near != "" {
			return reckon.Words{}, fmt.Errorf("unknown command %q, did you mean %q? (a run takes four words: <system> <topology> <workload> <fault>)", args[0], near)
		}
	}
	if cmd.Flags().Changed(faultsFlag) {
		switch len(args) {
		case 3:
			args = append(args, timelineWord)
		case 4:
			if !slices.Contains(strings.Split(args[3], ","), timelineWord) {
				return reckon.Words{}, fmt.Errorf("--%s takes the place of the fault word: leave %q out, or write %q to have both", faultsFlag, args[3], args[3]+","+timelineWord)
			}
		}
	}
	if len(args) != 4 {
		return reckon.Words{}, fmt.Errorf("want four words, <system> <topology> <workload> <fault>, and got %d; for example: reckon etcd simple uniform leader (reckon list names them all)", len(args))
	}
	return reckon.Words{System: args[0], Topology: args[1], Workload: args[2], Fault: args[3]}, nil
}

func completeWords(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	kinds := []string{"system", "topology", "workload", "fault"}
	if len(args) >= len(kinds) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	kind, before := kinds[len(args)], ""
	if i := strings.LastIndexByte(toComplete, ','); i >= 0 && (kind == "workload" || kind == "fault") {
		before = toComplete[:i+1] // a comma list goes on
	}
	var out []string
	for _, w := range everyWord() {
		if w.kind == kind && strings.HasPrefix(before+w.name, toComplete) {
			out = append(out, before+w.name+"\t"+w.doc)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// numberError is how strconv words what is no number.
var numberError = regexp.MustCompile(`strconv\.Parse(Int|Uint|Float): parsing "[^"]*": [a-z ]+`)

// flagError adds the nearest known flag to an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return errors.New(numberError.ReplaceAllStringFunc(err.Error(), func(s string) string {
			return map[string]string{"Int": "want a whole number", "Uint": "want a whole number from 0 up", "Float": "want a number"}[numberError.FindStringSubmatch(s)[1]]
		}))
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := flags.Nearest(name, known); near != "" {
		return fmt.Errorf("unknown flag --%s, did you mean --%s? (reckon list names every flag)", name, near)
	}
	return fmt.Errorf("unknown flag --%s (reckon list names every flag)", name)
}
