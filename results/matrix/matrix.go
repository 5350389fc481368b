// Package matrix turns one file into many runs, and what came of them into one
// index, a table, pages for people and files for CI:
//
//	File -> Cells -> plan all -> run each in a directory of its own -> Index -> CSV, JUnit, Markdown, HTML
//
// A cell is one run: four words, flags, a repeat and a seed of its own, which is
// derived from the file's. The order is shuffled by that seed as well, so that a
// machine that drifts (it warms up, a neighbour comes to life) does not become a
// difference between two columns.
//
// The package starts no process: whoever calls Dir.Run says how a cell is run. It
// refuses to change what a run said of itself: what thresholds and expectations
// make of it stands beside that, in the index.
package matrix

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// kinds are the four words of a run, in order.
var kinds = []string{"system", "topology", "workload", "fault"}

// A File is a matrix as it was written.
type File struct {
	Name string // the path as it was given
	Text []byte
	Seed uint64

	blocks     []block // the file's own product first, then those that it includes
	exclude    []where
	thresholds []Threshold
	invalid    []where // cells that must fail
}

// Sum identifies the file by what it says, wherever it lies.
func (f *File) Sum() string {
	sum := sha256.Sum256(f.Text)
	return hex.EncodeToString(sum[:])
}

// A block is one product of axes.
type block struct {
	axes    []axis // the four words, then flags in the order of the file
	repeats int
	line    int
}

// An axis is a word or flag with the values that it takes in turn.
type axis struct {
	name   string
	values []value
}

// A value is what a word or flag is set to: one text, or several for a flag that may be repeated.
type value []string

func (v value) String() string { return strings.Join(v, " ") }

// isWord says whether the axis is one of the four words.
func isWord(name string) bool { return slices.Contains(kinds, name) }

// axis finds an axis of the block.
func (b block) axis(name string) (axis, bool) {
	i := slices.IndexFunc(b.axes, func(a axis) bool { return a.name == name })
	if i < 0 {
		return axis{}, false
	}
	return b.axes[i], true
}

// names are all words and flags that the file speaks of, in order.
func (f *File) names() []string {
	names := slices.Clone(kinds)
	for _, b := range f.blocks {
		for _, a := range b.axes {
			if !slices.Contains(names, a.name) {
				names = append(names, a.name)
			}
		}
	}
	return names
}

// values are all that the word or flag is set to anywhere in the file.
func (f *File) values(name string) (all []string) {
	for _, b := range f.blocks {
		a, _ := b.axis(name)
		for _, v := range a.values {
			if !slices.Contains(all, v.String()) {
				all = append(all, v.String())
			}
		}
	}
	return all
}

// everyFlag lists the flags that some run understands.
func everyFlag() []string {
	set := map[string]bool{}
	add := func(names []string) {
		for _, n := range names {
			set[n] = true
		}
	}
	add(flagNames(plan.OptionFlags()))
	add(flagsOf(&reckon.Systems))
	add(flagsOf(&reckon.Topologies))
	add(flagsOf(&reckon.Workloads))
	add(flagsOf(&reckon.Faults))
	delete(set, "seed") // each cell has its own
	return sortedKeys(set)
}
