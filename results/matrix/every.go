package matrix

import (
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon"
)

// Values of the fault axis that stand for registered words instead of naming one.
const (
	allWords   = "all"    // every registered word
	otherWords = "others" // every registered word that no product of the file names
)

// registeredFaults returns the registered fault words in order of name.
func registeredFaults() (names []string) {
	for _, w := range reckon.Faults.Words() {
		names = append(names, w.Name)
	}
	return names
}

// namedFaults returns the fault words that the file's products name, under their registered names.
func (f *File) namedFaults() map[string]bool {
	named := map[string]bool{}
	for _, b := range f.blocks {
		a, _ := b.axis("fault")
		for _, v := range a.values {
			if w, err := reckon.Faults.Lookup(v.String()); err == nil {
				named[w.Name] = true
			}
		}
	}
	return named
}

// expand returns the file's products with `all` and `others` replaced by words. A word with which
// no cell of the product can be planned (corrupt-data where no workload writes files) is left out
// and noted. used marks the exclusions that match a cell of such a word.
func (f *File) expand(used []bool) ([]block, error) {
	f.notes = nil
	blocks := slices.Clone(f.blocks)
	for i, b := range blocks {
		a, _ := b.axis("fault")
		if a.set == "" {
			continue
		}
		if b.with(axis{name: "fault", values: []value{{"none"}}}).size() > maxCells {
			return nil, f.tooMany(b)
		}
		exclude := func(c *Cell) bool { return i == 0 && f.excluded(c, used) }
		words, refused := f.words(b, a, exclude)
		for _, r := range refused {
			f.notes = append(f.notes, fmt.Sprintf("%s:%d: fault: %s leaves out %s", f.Name, a.line, a.set, r))
		}
		values := slices.Concat(a.values, words)
		if len(values) == 0 {
			why := append(refused, "the file names every fault itself")[0]
			return nil, fmt.Errorf("%s:%d: fault: %s: no fault is left: %s", f.Name, a.line, a.set, why)
		}
		blocks[i] = b.with(axis{name: a.name, values: values, line: a.line})
	}
	return blocks, nil
}

// words returns the words that the axis adds to its values, and of those that cannot be planned the
// name and why.
func (f *File) words(b block, a axis, exclude func(*Cell) bool) (words []value, refused []string) {
	named := f.namedFaults()
	for _, name := range registeredFaults() {
		v := value{name}
		if a.set == otherWords && named[name] || slices.ContainsFunc(a.values, func(w value) bool { return w.String() == name }) {
			continue
		}
		if err := b.with(axis{name: "fault", values: []value{v}}).refuse(exclude); err != nil {
			refused = append(refused, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		words = append(words, v)
	}
	return words, refused
}

// with returns a copy of the block with the axis in place of the one of its name.
func (b block) with(a axis) block {
	b.axes = slices.Clone(b.axes)
	b.set(a)
	return b
}

// refuse returns nil where some cell of the block can be planned, or where all are excluded; else
// the planner's first error.
func (b block) refuse(exclude func(*Cell) bool) (first error) {
	b.repeats = 1
	for c := range b.cells() {
		if exclude(c) {
			continue
		}
		err := c.makePlan()
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}
