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
	"github.com/reckon-bench/reckon/cmd/reckon/kibishii"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/cmd/reckon/simulate"
	"github.com/reckon-bench/reckon/cmd/reckon/words"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
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
		Version:       results.Release,
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
	root.AddCommand(run, plan, newSimulate(), newMatrix(), newRerun(), newCheck(), newReport(), newCompare(), newMerge(), newExport(), kibishii.New(groupData, flagError), data.New(groupData, flagError), newGossip(), newList(), newDoctor(), newVersion())
	root.SetHelpCommandGroupID(groupAbout)
	root.SetCompletionCommandGroupID(groupAbout)
	return root
}

// local holds the flags of the call, as opposed to those of the run.
type local struct {
	location string
	keepData bool
	debug    bool
}

func (l *local) bind(fs *pflag.FlagSet) {
	fs.StringVar(&l.location, "result-location", "", "the run's directory, which must not exist (default runs/TIME-WORDS)")
	fs.BoolVar(&l.keepData, "keep-data", false, "keep the data of nodes and workers (kept in any case when the run is not valid)")
	fs.BoolVarP(&l.debug, "debug", "d", false, "start the cluster and show a prompt, or run the commands of a script on standard input; no load, no faults (type help there)")
}

// takeWords gives the command the four words and every flag that any word understands.
func takeWords(cmd *cobra.Command, do func(*cobra.Command, *plan.Plan, local) error) {
	var l local
	l.bind(cmd.Flags())
	words.AddFlags(cmd.Flags())
	cmd.Args = cobra.ArbitraryArgs // checked below, where the error can give an example
	cmd.ValidArgsFunction = words.Complete
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && cmd.Flags().NFlag() == 0 && !cmd.HasParent() {
			return cmd.Help()
		}
		four, err := parseWords(cmd, args)
		if err != nil {
			return err
		}
		planned := screen.Announce(cmd.ErrOrStderr(), screen.Patience, "planning "+four.String()+": many hosts or faults take a while")
		p, err := plan.New(four, given(cmd.Flags()))
		planned()
		if err != nil {
			return err
		}
		return do(cmd, p, l)
	}
	cmd.SetFlagErrorFunc(flagError)
	words.CompleteChoices(cmd)
	usual := new(cobra.Command).HelpFunc()
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != cmd { // cobra hands a help function down to commands that take no words
			usual(c, args)
			return
		}
		help(c, args)
	})
}

// given returns the flags of the run that were given on the command line.
func given(fs *pflag.FlagSet) plan.Flags {
	var own local
	ours := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.bind(ours)
	out := plan.Flags{}
	fs.Visit(func(f *pflag.Flag) {
		if ours.Lookup(f.Name) != nil || f.Name == "help" || f.Annotations[simulate.NotOfTheRun] != nil {
			return
		}
		out[f.Name] = plan.FlagValues(f)
	})
	return out
}

// faultsFlag names a file of faults, which takes the place of the fault word.
const faultsFlag = "faults"

// fileWord returns the fault word that understands --faults.
func fileWord() string {
	faults := reckon.Faults.Words()
	return faults[slices.IndexFunc(faults, func(w reckon.Word[reckon.Fault]) bool { return w.Flags().Lookup(faultsFlag) != nil })].Name
}

func parseWords(cmd *cobra.Command, args []string) (plan.Words, error) {
	if len(args) == 1 && cmd.Parent() == nil {
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		if hint := flags.DidYouMean(args[0], known); hint != "" {
			return plan.Words{}, fmt.Errorf("unknown command %q%s (a run takes four words: <system> <topology> <workload> <fault>)", args[0], hint)
		}
	}
	if cmd.Flags().Changed(faultsFlag) {
		word := fileWord()
		switch len(args) {
		case 3:
			args = append(args, word)
		case 4:
			if !slices.Contains(strings.Split(args[3], ","), word) {
				return plan.Words{}, fmt.Errorf("--%s takes the place of the fault word: leave %q out, or write %q to have both", faultsFlag, args[3], args[3]+","+word)
			}
		}
	}
	if len(args) != 4 {
		return plan.Words{}, fmt.Errorf("want four words, <system> <topology> <workload> <fault>, and got %d; for example: reckon etcd simple uniform leader (reckon list names them all)", len(args))
	}
	return plan.Words{System: args[0], Topology: args[1], Workload: args[2], Fault: args[3]}, nil
}

// numberError matches how strconv words a value that is not a number.
var numberError = regexp.MustCompile(`strconv\.Parse(Int|Uint|Float): parsing "[^"]*": [a-z ]+`)

// flagError words the error of a wrong flag. For an unknown one it adds the nearest known flag.
func flagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return errors.New(numberError.ReplaceAllStringFunc(err.Error(), func(s string) string {
			return map[string]string{"Int": "want a whole number", "Uint": "want a whole number from 0 up", "Float": "want a number"}[numberError.FindStringSubmatch(s)[1]]
		}))
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	name = "--" + name
	return fmt.Errorf("unknown flag %q%s (reckon list names every flag)", name, flags.DidYouMean(name, known))
}
