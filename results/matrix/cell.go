package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A Cell is one run of a matrix.
type Cell struct {
	Number int        `json:"number"` // its place in the file, from 1
	Name   string     `json:"name"`   // of its directory, below cells/
	Words  plan.Words `json:"words"`
	Flags  plan.Flags `json:"flags"` // those that the file sets
	Repeat int        `json:"repeat"`
	Seed   uint64     `json:"seed"`
	Order  int        `json:"order"` // its place in the shuffled order, from 1
	// MustFail reports that the file expects the cell to be invalid, because its damage is planted.
	MustFail bool `json:"must_fail,omitempty"`

	// System is the system's word with its exact version: for etcd@v3.5 the newest patch when the
	// cell was first prepared. Every run of the cell uses it, also after resuming. "" before the
	// version is known.
	System string `json:"system,omitempty"`

	plan   *plan.Plan
	limits []Threshold
}

// Plan returns the cell's plan; nil before File.Plan, or where the cell was read from an index.
func (c *Cell) Plan() *plan.Plan { return c.plan }

// Limits returns the thresholds that apply to the cell, in order of metric.
func (c *Cell) Limits() []Threshold { return c.limits }

// Value returns what the cell sets the word or flag to; ok is false for a flag that it does not
// set.
func (c *Cell) Value(name string) (v string, ok bool) {
	if i := slices.Index(kinds, name); i >= 0 {
		return c.Words.List()[i], true
	}
	values, ok := c.Flags[name]
	return value(values).String(), ok
}

// exact returns the cell's words with the exact version of its system.
func (c *Cell) exact() plan.Words {
	w := c.Words
	w.System = cmp.Or(c.System, w.System)
	return w
}

// Arguments returns the words and flags of the run as reckon takes them on its command line.
func (c *Cell) Arguments() []string {
	args := c.exact().List()
	for _, name := range sortedKeys(c.Flags) {
		for _, v := range c.Flags[name] {
			args = append(args, "--"+name+"="+v)
		}
	}
	return append(args, fmt.Sprintf("--seed=%d", c.Seed))
}

// Same reports whether both cells are the same run of the same file: the same words, flags, repeat,
// seed and place in the order.
func (c *Cell) Same(d *Cell) bool {
	return c.Seed == d.Seed && c.Order == d.Order && c.key() == d.key()
}

// overhead is what a cell takes beyond its load: starting, settling, checking, drawing.
const overhead = 7 * time.Second

// Estimate returns roughly how long the cell takes. The cell must be planned.
func (c *Cell) Estimate() time.Duration { return c.plan.Options.Duration + overhead }

// maxCells bounds a file that multiplies to more than its author meant.
const maxCells = 100_000

// Cells returns the cells in the order of the file, each with its seed and its place in the
// shuffled order, not yet planned. `all` and `others` are expanded here; Notes then has what they
// leave out. It refuses a file that excludes, includes or limits what does not exist, or that has
// more than 100,000 cells.
func (f *File) Cells() ([]*Cell, error) {
	used := make([]bool, len(f.exclude))
	blocks, err := f.expand(used)
	if err != nil {
		return nil, err
	}
	var all []*Cell
	seen := map[string]bool{}
	for _, b := range blocks {
		if b.size() > maxCells-len(all) {
			return nil, f.tooMany(b)
		}
		for c := range b.cells() {
			if !b.include && f.excluded(c, used) {
				continue
			}
			k := c.key()
			if seen[k] {
				return nil, fmt.Errorf("%s:%d: include: the cell %s is there already", f.Name, b.line, k)
			}
			seen[k] = true
			all = append(all, c)
		}
	}
	for i, hit := range used {
		if !hit {
			return nil, fmt.Errorf("%s:%d: exclude: no cell is %s", f.Name, f.exclude[i].line, f.exclude[i])
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: every cell is excluded", f.Name)
	}
	if err := f.mark(all); err != nil {
		return nil, err
	}
	f.number(all)
	return all, nil
}

func (f *File) tooMany(b block) error {
	return fmt.Errorf("%s:%d: more than %d cells", f.Name, b.line, maxCells)
}

// excluded reports whether an exclusion matches the cell, and marks each that does as used.
func (f *File) excluded(c *Cell, used []bool) (hit bool) {
	for i, w := range f.exclude {
		if w.matches(c) {
			used[i], hit = true, true
		}
	}
	return hit
}

// size returns how many cells the block has; above maxCells it may return less than that, but more
// than maxCells.
func (b block) size() int {
	n := b.repeats
	for _, a := range b.axes {
		if n *= len(a.values); n > maxCells {
			return n
		}
	}
	return n
}

// cells yields the product; the repeats vary fastest, then the last axis.
func (b block) cells() func(yield func(*Cell) bool) {
	return func(yield func(*Cell) bool) {
		for i := range b.size() {
			c := &Cell{Flags: plan.Flags{}, Repeat: i%b.repeats + 1, MustFail: b.invalid}
			rest := i / b.repeats
			for k := len(b.axes) - 1; k >= 0; k-- {
				a := b.axes[k]
				c.set(a.name, a.values[rest%len(a.values)])
				rest /= len(a.values)
			}
			if !yield(c) {
				return
			}
		}
	}
}

func (c *Cell) set(name string, v value) {
	switch name {
	case "system":
		c.Words.System = v[0]
	case "topology":
		c.Words.Topology = v[0]
	case "workload":
		c.Words.Workload = v[0]
	case "fault":
		c.Words.Fault = v[0]
	default:
		c.Flags[name] = v
	}
}

// key returns everything that tells the cell from the others of its file; its seed is derived with
// it.
func (c *Cell) key() string {
	parts := c.Words.List()
	for _, name := range sortedKeys(c.Flags) {
		parts = append(parts, name+"="+value(c.Flags[name]).String())
	}
	return strings.Join(append(parts, fmt.Sprintf("#%d", c.Repeat)), " ")
}

// mark sets the thresholds and the expectation of each cell. It refuses those that match no cell.
func (f *File) mark(all []*Cell) error {
	matched := func(w where) bool { return slices.ContainsFunc(all, w.matches) }
	for _, w := range f.wheres() {
		if !matched(w) {
			return fmt.Errorf("%s:%d: %s: no cell is %s", f.Name, w.line, w.what, w)
		}
	}
	for _, c := range all {
		c.limits = f.limits(c)
		c.MustFail = c.MustFail || slices.ContainsFunc(f.invalid, func(w where) bool { return w.matches(c) })
	}
	return nil
}

// number sets the cells' numbers, names, seeds and places in the shuffled order.
//
// A seed has 32 bits because people type it, and because programs that read it from JSON may hold
// numbers of 53 bits.
func (f *File) number(all []*Cell) {
	varied := Dimensions(all)
	width := len(fmt.Sprint(len(all)))
	order := seed.Stream(f.Seed, "matrix order").Perm(len(all))
	for i, c := range all {
		c.Number, c.Order = i+1, order[i]+1
		c.Seed = seed.Derive(f.Seed, "matrix cell "+c.key()) >> 32
		c.Name = fmt.Sprintf("%0*d-%s", width, c.Number, directoryName(c.Title(varied)))
	}
}
