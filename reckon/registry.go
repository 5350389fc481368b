package reckon

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/spf13/pflag"
)

// The catalogues of words. A new word is one file and one registration in its init.
var (
	Systems    = Catalogue[System]{Kind: "system"}
	Topologies = Catalogue[Topology]{Kind: "topology"}
	Workloads  = Catalogue[Workload]{Kind: "workload"}
	Faults     = Catalogue[Fault]{Kind: "fault"}
)

// A Word is one registration.
type Word[T any] struct {
	Name    string
	Aliases []string
	Doc     string // one sentence, without a full stop
	// Source is where the word comes from, for docs/faults.md: a publication, or what it models.
	// Every fault states it; other kinds need not.
	Source string
	// New declares the flags that the word understands, with their defaults, and returns the value
	// that reads them once they are parsed. A flag of one name means the same, with the same
	// default, for every word.
	New func(fs *pflag.FlagSet) T
	// Arguments are what may stand after an @ behind the name, for people: "VERSION", "PATH". A
	// word without any takes none.
	Arguments []string
	// With is New for the word with an argument. It is called before any flag is parsed and touches
	// nothing. canonical is the argument as it goes on the record: it means the same wherever it is
	// read. The error says what is allowed.
	With func(argument string) (canonical string, build func(fs *pflag.FlagSet) T, err error)
}

// A Catalogue holds the words of one kind.
type Catalogue[T any] struct {
	Kind  string
	words []Word[T]
}

// Register adds the word; it panics where the name is taken.
func (c *Catalogue[T]) Register(w Word[T]) {
	for _, name := range append([]string{w.Name}, w.Aliases...) {
		if _, err := c.Lookup(name); err == nil {
			panic(fmt.Sprintf("reckon: %s %q is registered twice", c.Kind, name))
		}
	}
	c.words = append(c.words, w)
	slices.SortFunc(c.words, func(a, b Word[T]) int { return cmp.Compare(a.Name, b.Name) })
}

// Plural returns the kind in the plural: "faults".
func (c *Catalogue[T]) Plural() string {
	if stem, y := strings.CutSuffix(c.Kind, "y"); y {
		return stem + "ies"
	}
	return c.Kind + "s"
}

// Words lists the catalogue in order of name.
func (c *Catalogue[T]) Words() []Word[T] { return c.words }

// Lookup finds the word; the error for an unknown one names the nearest and lists the known.
// "etcd@v3.5.9" is the word etcd with an argument: it is found under that name, with the argument
// in its New.
func (c *Catalogue[T]) Lookup(name string) (Word[T], error) {
	name, argument, given := strings.Cut(name, "@")
	var known []string
	for _, w := range c.words {
		if w.Name == name || slices.Contains(w.Aliases, name) {
			if given {
				return c.with(w, argument)
			}
			return w, nil
		}
		known = append(known, w.Name)
		known = append(known, w.Aliases...)
	}
	return Word[T]{}, flags.Suggest(c.Kind, name, known)
}

// with is the word with its argument.
func (c *Catalogue[T]) with(w Word[T], argument string) (Word[T], error) {
	fail := func(err error) (Word[T], error) {
		return Word[T]{}, fmt.Errorf("%s %q: %w", c.Kind, w.Name+"@"+argument, err)
	}
	if w.With == nil {
		return fail(fmt.Errorf("%s takes nothing after an @", w.Name))
	}
	if argument == "" {
		return fail(fmt.Errorf("want %s", strings.Join(w.Forms(), " or ")))
	}
	canonical, build, err := w.With(argument)
	if err != nil {
		return fail(err)
	}
	w.Name, w.New = w.Name+"@"+canonical, build
	return w, nil
}

// Forms are the ways to write the word with an argument: "etcd@VERSION".
func (w Word[T]) Forms() (all []string) {
	for _, a := range w.Arguments {
		all = append(all, w.Name+"@"+a)
	}
	return all
}

// Flags is the set of flags that the word understands, with their defaults.
func (w Word[T]) Flags() *pflag.FlagSet {
	fs := pflag.NewFlagSet(w.Name, pflag.ContinueOnError)
	w.New(fs)
	return fs
}
