package matrix

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

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

// expand returns the file's products with `all` and `others` replaced by words, and each followed by
// the trials of words that cannot be in it. A word with which no cell can be planned (corrupt-data
// where no workload writes files) is left out and noted. used marks the exclusions that match a
// cell of such a word.
func (f *File) expand(used []bool) (blocks []block, err error) {
	f.notes = nil
	for _, b := range f.blocks {
		a, _ := b.axis("fault")
		if a.set == "" {
			blocks = append(blocks, b)
			continue
		}
		if b.with(axis{name: "fault", values: []value{{"none"}}}).size() > maxCells {
			return nil, f.tooMany(b)
		}
		words := f.words(b, a, func(c *Cell) bool { return !b.include && f.excluded(c, used) })
		for _, r := range words.refused {
			f.notes = append(f.notes, fmt.Sprintf("%s:%d: fault: %s leaves out %s", f.Name, a.line, a.set, r))
		}
		values := slices.Concat(a.values, words.fit)
		if len(values) == 0 && len(words.trials) == 0 {
			why := append(words.refused, "the file names every fault itself")[0]
			return nil, fmt.Errorf("%s:%d: fault: %s: no fault is left: %s", f.Name, a.line, a.set, why)
		}
		if len(values) > 0 {
			blocks = append(blocks, b.with(axis{name: a.name, values: values, line: a.line}))
		}
		blocks = append(blocks, words.trials...)
	}
	return blocks, nil
}

// brought are the words that `all` or `others` bring to a product.
type brought struct {
	fit     []value  // those that it suits
	trials  []block  // those that run with their own trial
	refused []string // those that are left out, and why
}

// words returns the words that the axis adds to its values.
func (f *File) words(b block, a axis, exclude func(*Cell) bool) (all brought) {
	named := f.namedFaults()
	for _, name := range registeredFaults() {
		v := value{name}
		if a.set == otherWords && named[name] || slices.ContainsFunc(a.values, func(w value) bool { return w.String() == name }) {
			continue
		}
		one := b.with(axis{name: "fault", values: []value{v}, line: a.line})
		err := one.refuse(exclude)
		if err == nil {
			all.fit = append(all.fit, v)
			continue
		}
		if trial, ok := one.trial(name); ok && b.trials {
			if err = trial.refuse(exclude); err == nil {
				all.trials = append(all.trials, trial)
				continue
			}
		}
		all.refused = append(all.refused, fmt.Sprintf("%s: %v", name, err))
	}
	return all
}

// trial returns the product with what the fault's own trial sets in place of what the file does; ok
// is false for a fault that states none.
func (b block) trial(fault string) (tried block, ok bool) {
	w, err := reckon.Faults.Lookup(fault)
	if err != nil {
		return b, false
	}
	t, ok := w.New(pflag.NewFlagSet(fault, pflag.ContinueOnError)).(reckon.Trialer)
	if !ok {
		return b, false
	}
	trial := t.Trial()
	if trial.Workload != "" {
		b = b.with(axis{name: "workload", values: []value{{trial.Workload}}, line: b.line})
	}
	for _, name := range sortedKeys(trial.Flags) {
		b = b.with(axis{name: name, values: []value{trial.Flags[name]}, line: b.line})
	}
	b.invalid = trial.Invalid
	return b, true
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
