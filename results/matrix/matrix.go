// Package matrix reads a matrix file and plans its cells. It is pure: it runs nothing and writes
// nothing.
//
//	f, err := matrix.Read("nightly.yaml")
//	cells, err := f.Cells()       // one cell a combination and repeat
//	err = f.Plan(cells)           // refuses combinations that cannot be run
//
// A cell is one run: four words, flags, a repeat, and a seed that is derived from the file's seed
// and from what the cell is. The order of the cells is shuffled with the file's seed, so that a
// machine that drifts (it warms up, a neighbour becomes busy) does not show as a difference between
// two columns.
//
// Below it, package index holds the outcomes of cells, package report renders an index for people
// and for CI, and package campaign runs the cells and keeps the matrix's directory.
package matrix

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Kinds returns the kinds of a run's four words, in order.
func Kinds() []string { return slices.Clone(kinds) }

var kinds = []string{"system", "topology", "workload", "fault"}

// A File is a parsed matrix file.
type File struct {
	Name string // the path as it was given
	Text []byte
	Seed uint64

	blocks     []block // the file's own product first, then those that it includes
	exclude    []where
	thresholds []Threshold
	invalid    []where  // cells that are expected to be invalid
	notes      []string // what the last call of Cells left out
}

// Sum returns the SHA-256 of the file's text, which identifies the file wherever it is stored.
func (f *File) Sum() string {
	sum := sha256.Sum256(f.Text)
	return hex.EncodeToString(sum[:])
}

// Notes returns the fault words that the last call of Cells left out of `all` and `others`, a line
// each with the reason.
func (f *File) Notes() []string { return slices.Clone(f.notes) }

// A block is one product of axes.
type block struct {
	axes    []axis // the four words, then flags in the order of the file
	repeats int
	trials  bool // a word that `all` or `others` brings runs with its own trial where it cannot run as the product says
	invalid bool // every cell must be invalid: it is the trial of a fault that plants damage
	include bool // it is one that the file includes, to which exclusions do not apply
	line    int
}

// An axis is a word or flag with the values that it takes in turn.
type axis struct {
	name   string
	values []value
	set    string // allWords or otherWords: registered words that come after the values; "" for none
	line   int
}

// A value is what a word or flag is set to: one text, or several for a flag that may be repeated.
type value []string

func (v value) String() string { return strings.Join(v, " ") }

// isWord reports whether the axis is one of the four words.
func isWord(name string) bool { return slices.Contains(kinds, name) }

// axis returns the block's axis of that name.
func (b block) axis(name string) (axis, bool) {
	i := slices.IndexFunc(b.axes, func(a axis) bool { return a.name == name })
	if i < 0 {
		return axis{}, false
	}
	return b.axes[i], true
}

// names returns all words and flags that the file sets, in order.
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

// values returns all values that the word or flag may take in the file.
func (f *File) values(name string) (all []string) {
	add := func(v string) {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	for _, b := range f.blocks {
		a, _ := b.axis(name)
		for _, v := range a.values {
			add(v.String())
		}
		if a.set != "" {
			for _, w := range registeredFaults() {
				add(w)
			}
		}
	}
	return all
}
