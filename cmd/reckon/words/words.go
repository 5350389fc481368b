// Package words collects the words and flags that a run can be described with.
package words

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// A Word is a registered word of any kind.
type Word struct {
	Kind, Name string
	Aliases    []string
	Forms      []string // ways to write it with an argument
	Doc        string
	Flags      *pflag.FlagSet
}

// All returns the words of all kinds, in the order in which a run names the kinds.
func All() []Word {
	return slices.Concat(wordsOf(&reckon.Systems), wordsOf(&reckon.Topologies), wordsOf(&reckon.Workloads), wordsOf(&reckon.Faults))
}

func wordsOf[T any](c *reckon.Catalogue[T]) (all []Word) {
	for _, w := range c.Words() {
		all = append(all, Word{c.Kind, w.Name, w.Aliases, w.Forms(), w.Doc, w.Flags()})
	}
	return all
}

// In reports whether w is one of the words, which may be comma lists.
func (w Word) In(words []string) bool {
	for _, list := range words {
		for name := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(name, "@")
			if name == w.Name || slices.Contains(w.Aliases, name) {
				return true
			}
		}
	}
	return false
}

// AddFlags adds every flag that any word understands to fs. A flag of one name means the same for
// every word, so the first one is enough to parse it.
func AddFlags(fs *pflag.FlagSet) {
	add := func(more *pflag.FlagSet) {
		more.VisitAll(func(f *pflag.Flag) {
			if fs.Lookup(f.Name) == nil {
				fs.AddFlag(f)
			}
		})
	}
	add(plan.OptionFlags())
	for _, w := range All() {
		add(w.Flags)
	}
}

// CompleteChoices completes the values of those flags of the command that accept only a few words.
func CompleteChoices(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if c, ok := f.Value.(interface{ Choices() []string }); ok {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(c.Choices(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
		}
	})
}

// Complete completes the four words of a run, for cobra.
func Complete(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	kinds := []string{"system", "topology", "workload", "fault"}
	if len(args) >= len(kinds) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	kind, before := kinds[len(args)], ""
	if i := strings.LastIndexByte(toComplete, ','); i >= 0 && (kind == "workload" || kind == "fault") {
		before = toComplete[:i+1] // a comma list goes on
	}
	var out []string
	for _, w := range All() {
		if w.Kind == kind && strings.HasPrefix(before+w.Name, toComplete) {
			out = append(out, before+w.Name+"\t"+w.Doc)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// FlagNames returns the names of the flags, with their dashes.
func FlagNames(fs *pflag.FlagSet) string {
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return strings.Join(names, " ")
}
