package matrix

import (
	"cmp"
	"fmt"
	"regexp"
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
	// MustFail says that the file expects the cell to be invalid: its damage was planted.
	MustFail bool `json:"must_fail,omitempty"`

	// System is the system's word as it names one program: of etcd@v3.5 the patch that was the newest when the cell was first to be
	// run. Every run of the cell, after resuming too, is of this one; "" where it was not looked for yet.
	System string `json:"system,omitempty"`

	State   State    `json:"state"`
	Outcome *Outcome `json:"outcome,omitempty"` // of a finished cell
	// Attempts are the earlier runs, no results, of a cell that is not finished; then its outcome has them.
	Attempts []Attempt `json:"attempts,omitempty"`

	plan   *plan.Plan
	limits []Threshold
}

// value is what the cell sets the word or flag to.
func (c *Cell) value(name string) (string, bool) {
	if i := slices.Index(kinds, name); i >= 0 {
		return c.Words.List()[i], true
	}
	v, ok := c.Flags[name]
	return value(v).String(), ok
}

// exact are the cell's words with the exact one for its system.
func (c *Cell) exact() plan.Words {
	w := c.Words
	w.System = cmp.Or(c.System, w.System)
	return w
}

// Arguments are the words and flags of the run, as reckon takes them.
func (c *Cell) Arguments() []string {
	args := c.exact().List()
	for _, name := range sortedKeys(c.Flags) {
		for _, v := range c.Flags[name] {
			args = append(args, "--"+name+"="+v)
		}
	}
	return append(args, fmt.Sprintf("--seed=%d", c.Seed))
}

// Plan is the cell's plan; nil where it was read from an index.
func (c *Cell) Plan() *plan.Plan { return c.plan }

// maxCells bounds a file that multiplies more than its author meant.
const maxCells = 100_000

// Cells lists the cells in the order of the file, each with its seed and its
// place in the shuffled order. It plans none of them.
func (f *File) Cells() ([]*Cell, error) {
	var all []*Cell
	seen := map[string]bool{}
	used := make([]bool, len(f.exclude))
	for i, b := range f.blocks {
		if n := b.size(); n > maxCells-len(all) {
			return nil, fmt.Errorf("%s:%d: more than %d cells", f.Name, b.line, maxCells)
		}
		for c := range b.cells() {
			if i == 0 && f.excluded(c, used) {
				continue
			}
			if k := c.key(); seen[k] {
				return nil, fmt.Errorf("%s:%d: include: the cell %s is there already", f.Name, b.line, k)
			} else {
				seen[k] = true
			}
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

func (f *File) excluded(c *Cell, used []bool) (hit bool) {
	for i, w := range f.exclude {
		if w.matches(c) {
			used[i], hit = true, true
		}
	}
	return hit
}

// size is how many cells the block has; more than maxCells is not counted out.
func (b block) size() int {
	n := b.repeats
	for _, a := range b.axes {
		if n *= len(a.values); n > maxCells {
			return n
		}
	}
	return n
}

// cells yields the product, the last axis and then the repeats fastest.
func (b block) cells() func(yield func(*Cell) bool) {
	return func(yield func(*Cell) bool) {
		for i := range b.size() {
			c := &Cell{Flags: plan.Flags{}, Repeat: i%b.repeats + 1, State: Waiting}
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

// key is everything that makes the cell another than the rest, and that its seed is derived with.
func (c *Cell) key() string {
	parts := c.Words.List()
	for _, name := range sortedKeys(c.Flags) {
		parts = append(parts, name+"="+value(c.Flags[name]).String())
	}
	return strings.Join(append(parts, fmt.Sprintf("#%d", c.Repeat)), " ")
}

// mark notes what is expected of each cell and which limits it has.
func (f *File) mark(all []*Cell) error {
	matched := func(w where) (any bool) {
		for _, c := range all {
			any = any || w.matches(c)
		}
		return any
	}
	for _, w := range f.invalid {
		if !matched(w) {
			return fmt.Errorf("%s:%d: %s: no cell is %s", f.Name, w.line, w.what, w)
		}
	}
	for _, t := range f.thresholds {
		if !matched(t.where) {
			return fmt.Errorf("%s:%d: %s: no cell is %s", f.Name, t.where.line, t.where.what, t.where)
		}
	}
	for _, c := range all {
		c.limits = f.limits(c)
		c.MustFail = slices.ContainsFunc(f.invalid, func(w where) bool { return w.matches(c) })
	}
	return nil
}

// number gives the cells their numbers, names, seeds and places in the shuffled order.
//
// A seed has 32 bits: it is read in JSON by programs whose numbers have 53, and typed by people.
func (f *File) number(all []*Cell) {
	varied := varied(all)
	width := len(fmt.Sprint(len(all)))
	order := seed.Stream(f.Seed, "matrix order").Perm(len(all))
	for i, c := range all {
		c.Number, c.Order = i+1, order[i]+1
		c.Seed = seed.Derive(f.Seed, "matrix cell "+c.key()) >> 32
		c.Name = fmt.Sprintf("%0*d-%s", width, c.Number, directoryName(c.title(varied)))
	}
}

// A Dimension is a word or flag of which not all cells have the same value.
type Dimension struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // in the order of the cells; "" where it is not set
	Usual  string   `json:"usual"`  // of a flag that all cells set, the value that nearly all have, which titles leave out; "" where there is none
}

// usually is how many of four cells, at least, have a value that goes without saying.
const usually = 3

// varied lists what tells the cells apart, repeats aside.
func varied(all []*Cell) (dims []Dimension) {
	names := slices.Clone(kinds)
	flags := map[string]bool{}
	for _, c := range all {
		for n := range c.Flags {
			flags[n] = true
		}
	}
	for _, name := range append(names, sortedKeys(flags)...) {
		d, have := Dimension{Name: name}, map[string]int{}
		for _, c := range all {
			v, _ := c.value(name)
			if have[v]++; have[v] == 1 {
				d.Values = append(d.Values, v)
			}
		}
		for _, v := range d.Values {
			if 4*have[v] > usually*len(all) && have[""] == 0 && !isWord(name) {
				d.Usual = v
			}
		}
		if len(d.Values) > 1 {
			dims = append(dims, d)
		}
	}
	return dims
}

// label is what a title says of the cell's value, "" where there is nothing to say.
func (d Dimension) label(c *Cell) string {
	v, ok := c.value(d.Name)
	switch {
	case !ok || v == d.Usual:
		return ""
	case isWord(d.Name):
		return v
	}
	return d.Name + "=" + v
}

// usual says what goes without saying in titles.
func (x *Index) usual() string {
	var parts []string
	for _, d := range x.Dimensions {
		if d.Usual != "" {
			parts = append(parts, d.Name+"="+d.Usual)
		}
	}
	return strings.Join(parts, " ")
}

// title names the cell for people: its words, the flags that vary, and its repeat.
func (c *Cell) title(dims []Dimension) string {
	return fmt.Sprintf("%s #%d", c.configuration(dims), c.Repeat)
}

// configuration is the title without the repeat.
func (c *Cell) configuration(dims []Dimension) string {
	parts := c.Words.List()
	for _, d := range dims {
		if l := d.label(c); l != "" && !isWord(d.Name) {
			parts = append(parts, l)
		}
	}
	return strings.Join(parts, " ")
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._+=@-]+`)

// directoryName makes a title a plain file name of bounded length. Its number makes it the only one.
func directoryName(title string) string {
	s := strings.NewReplacer(",", "+", " #", "-r", " ", "-", "/", "_").Replace(title)
	s = unfit.ReplaceAllString(s, "_")
	return s[:min(len(s), 150)]
}

// overhead is what a cell takes beyond its load: starting, settling, checking, drawing.
const overhead = 7 * time.Second

// Estimate is about how long the cell takes.
func (c *Cell) Estimate() time.Duration { return c.plan.Options.Duration + overhead }
