package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// Words name a run. Workload and Fault may be comma lists: all of those workloads run, and all of
// those faults strike, together.
type Words struct {
	System   string `json:"system"`
	Topology string `json:"topology"`
	Workload string `json:"workload"`
	Fault    string `json:"fault"`
}

// List returns the words in order.
func (w Words) List() []string { return []string{w.System, w.Topology, w.Workload, w.Fault} }

func (w Words) String() string { return strings.Join(w.List(), " ") }

// Flags are the flags of a run by name, each with the values given to it in order.
type Flags map[string][]string

// Named is a value with the word that it belongs to.
type Named[T any] struct {
	Name  string
	Value T
}

// Parts are the values behind the words and flags of a run: all that a load driver needs of a plan.
type Parts struct {
	Words   Words
	Flags   Flags    // every flag that the words understand, so that a later default changes nothing
	Given   []string // those that were given, in order of name; the others have their defaults
	Options Options

	System    reckon.System
	Topology  reckon.Topology
	Workloads []Named[reckon.Workload]
	Faults    []Named[reckon.Fault]

	// Prepared is the program that the system runs, where it had to be found or built; nil before
	// Prepare.
	Prepared *reckon.Prepared
}

// Assemble finds the words and gives each the flags that it understands. A flag that none of them
// understands is an error that lists the words that would.
func Assemble(w Words, given Flags) (Parts, error) {
	p := Parts{Words: w, Given: slices.Sorted(maps.Keys(given))}
	a := &assembler{given: given, effective: Flags{}}
	a.flags("", p.Options.bind)
	p.System = pick(a, &reckon.Systems, w.System)
	p.Words.System = canonical(&reckon.Systems, w.System)
	p.Topology = pick(a, &reckon.Topologies, w.Topology)
	p.Workloads = pickAll(a, &reckon.Workloads, w.Workload)
	p.Faults = pickAll(a, &reckon.Faults, w.Fault)
	if len(a.errs) == 0 {
		a.leftOver(p.Words)
	}
	p.Flags = a.effective
	return p, cmp.Or(append(a.errs, nil)...)
}

// An assembler collects everything that is wrong with the words and flags.
type assembler struct {
	given     Flags
	effective Flags // every flag that is understood; without values where it has none
	errs      []error
}

// flags declares the flags of one word and sets those that were given.
func (a *assembler) flags(word string, declare func(*pflag.FlagSet)) {
	fs := pflag.NewFlagSet(word, pflag.ContinueOnError)
	declare(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		for _, v := range a.given[f.Name] {
			if err := fs.Set(f.Name, v); err != nil {
				a.errs = append(a.errs, fmt.Errorf("--%s %s: %w", f.Name, v, unwrapped(err)))
			}
		}
		a.effective[f.Name] = FlagValues(f)
	})
}

// FlagValues returns the values that the flag has, in order: none where it is empty.
func FlagValues(f *pflag.Flag) []string {
	if s, ok := f.Value.(pflag.SliceValue); ok {
		return s.GetSlice()
	}
	if v := f.Value.String(); v != "" {
		return []string{v}
	}
	return nil
}

// unwrapped returns a flag value's own error, without the line that pflag wraps it in.
func unwrapped(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

func pick[T any](a *assembler, c *reckon.Catalogue[T], name string) (value T) {
	w, err := c.Lookup(name)
	if err != nil {
		a.errs = append(a.errs, err)
		return value
	}
	a.flags(name, func(fs *pflag.FlagSet) { value = w.New(fs) })
	return value
}

// canonical returns the word as it is recorded, with an argument after an @ that means the same
// wherever it is read.
func canonical[T any](c *reckon.Catalogue[T], name string) string {
	if w, err := c.Lookup(name); err == nil && strings.Contains(name, "@") {
		return w.Name
	}
	return name
}

func pickAll[T any](a *assembler, c *reckon.Catalogue[T], list string) (all []Named[T]) {
	seen := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if seen[name] {
			a.errs = append(a.errs, fmt.Errorf("%s %q: named twice", c.Kind, name))
			continue
		}
		seen[name] = true
		all = append(all, Named[T]{name, pick(a, c, name)})
	}
	return all
}

// leftOver reports the given flags that no word of the run understands.
func (a *assembler) leftOver(w Words) {
	for _, name := range slices.Sorted(maps.Keys(a.given)) {
		if _, understood := a.effective[name]; understood {
			continue
		}
		err := fmt.Errorf("--%s: %s does not understand it", name, w)
		if others := understanding(name); len(others) > 0 {
			err = fmt.Errorf("--%s only applies to %s", name, strings.Join(others, "; "))
		}
		a.errs = append(a.errs, err)
	}
}

// understanding lists the registered words that understand the flag, by kind: "the faults churn,
// kill-n".
func understanding(flag string) (kinds []string) {
	kinds = append(kinds, understandingOf(&reckon.Systems, flag)...)
	kinds = append(kinds, understandingOf(&reckon.Topologies, flag)...)
	kinds = append(kinds, understandingOf(&reckon.Workloads, flag)...)
	return append(kinds, understandingOf(&reckon.Faults, flag)...)
}

func understandingOf[T any](c *reckon.Catalogue[T], flag string) []string {
	var words []string
	for _, w := range c.Words() {
		if w.Flags().Lookup(flag) != nil {
			words = append(words, w.Name)
		}
	}
	switch len(words) {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("the %s %s", c.Kind, words[0])}
	}
	return []string{fmt.Sprintf("the %s %s", c.Plural(), strings.Join(words, ", "))}
}

// FlagValue is a flag with a value that a plan gives it.
type FlagValue struct {
	Name, Value string
	Given       bool // on the command line; otherwise it is the default
}

// Effective lists every flag that has a value, in order of name.
func (p *Parts) Effective() (all []FlagValue) {
	for _, name := range slices.Sorted(maps.Keys(p.Flags)) {
		for _, v := range p.Flags[name] {
			all = append(all, FlagValue{name, v, slices.Contains(p.Given, name)})
		}
	}
	return all
}

// Prepare finds or builds the program that the system runs, and records its exact name in the plan.
// It is called before anything is started; its error is for the person who wrote the words.
// progress gets a line for people where it takes its time.
func (p *Parts) Prepare(ctx context.Context, progress io.Writer) error {
	system, ok := p.System.(reckon.Preparer)
	if !ok {
		return nil
	}
	found, err := system.Prepare(ctx, progress)
	if err != nil {
		return fmt.Errorf("system %s: %w", p.Words.System, err)
	}
	if found != nil {
		p.Words.System = found.Word
	}
	p.Use(found)
	return nil
}

// Use makes the plan run what was prepared for it, perhaps in another process; nil is nothing.
func (p *Parts) Use(found *reckon.Prepared) {
	if system, ok := p.System.(reckon.Preparer); ok && found != nil {
		p.Prepared = found
		system.Use(*found)
	}
}

// SystemVersion returns the version of the store that the plan runs, "" where its system does not
// tell.
func (p *Parts) SystemVersion() (string, error) {
	v, ok := p.System.(reckon.Versioner)
	if !ok {
		return "", nil
	}
	return v.Version()
}
