package reckon

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
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
	// New declares the flags that the word understands, with their defaults, and returns the value
	// that reads them once they are parsed. A flag of one name means the same, with the same default, for every word.
	New func(fs *pflag.FlagSet) T
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

// Words lists the catalogue in order of name.
func (c *Catalogue[T]) Words() []Word[T] { return c.words }

// Lookup finds the word; the error for an unknown one names the nearest and lists the known.
func (c *Catalogue[T]) Lookup(name string) (Word[T], error) {
	var known []string
	for _, w := range c.words {
		if w.Name == name || slices.Contains(w.Aliases, name) {
			return w, nil
		}
		known = append(known, w.Name)
		known = append(known, w.Aliases...)
	}
	return Word[T]{}, fmt.Errorf("unknown %s %q%s; known: %s", c.Kind, name, didYouMean(name, known), strings.Join(known, ", "))
}

// didYouMean is ", did you mean X?" where a known word is near enough.
func didYouMean(name string, known []string) string {
	near := Nearest(name, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", near)
}

// Nearest is the known word that a mistyped one is nearest to (Levenshtein distance), "" where none is near.
func Nearest(name string, known []string) (nearest string) {
	best := len(name)/2 + 1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < best {
			best, nearest = d, k
		}
	}
	return nearest
}
