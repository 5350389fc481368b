// Package compare says in what recorded runs of two kinds differ: by how much, with
// what interval, how surely, and how small a difference they could have shown.
//
//	a, err := compare.Load([]string{"runs/a"})
//	c, err := compare.Compare(a, b, force)
//	c.Text(os.Stdout)
//	err = c.Write("runs/comparison")       // figures and tables
//
// It reads plan.json and summary.json and nothing else. It refuses to count runs
// that are no results, to compare plans that differ in more than what is compared, and to give an interval
// where there are too few repeats for one. The same runs give the same numbers.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// A Comparison is what came of comparing two sides.
type Comparison struct {
	A       Account  `json:"a"`
	B       Account  `json:"b"`
	Differ  []Axis   `json:"differ_in"` // what is compared: one axis, or more where that was forced
	Axes    []string `json:"cell_axes"` // on which the cells lie; none where each side is one cell
	Cells   []*Cell  `json:"cells"`
	Tests   int      `json:"tests"` // the number that P is corrected for
	Notes   []string `json:"notes"`
	Level   float64  `json:"level"`
	Figures []string `json:"figures,omitempty"` // files
}

// An Account is which runs stand for a side.
type Account struct {
	Label   string   `json:"label"`
	Runs    int      `json:"runs"`
	Invalid []string `json:"invalid"` // runs in which the system broke a promise; they count
	Unknown []string `json:"unknown"` // runs of which that is not known; they count
	Left    []Left   `json:"left_out"`
}

// A Cell is runs of both sides that are alike but for what is compared.
type Cell struct {
	Name    string    `json:"name"`
	Values  []string  `json:"values"` // on the comparison's axes
	Results []*Result `json:"results"`

	runs [2][]Run
}

// A Result is one measure of one cell.
type Result struct {
	Measure    string   `json:"measure"`
	Unit       string   `json:"unit"`
	A          Sample   `json:"a"`
	B          Sample   `json:"b"`
	Difference Number   `json:"difference"`                  // of the medians, B less A
	Interval   []Number `json:"interval_95"`                 // of the difference: from, to; null where there is none
	Infinite   []string `json:"interval_infinite,omitempty"` // of the interval's two ends, "inf" or "-inf" where one is, "" where it is not; absent where neither is
	NoInterval string   `json:"no_interval,omitempty"`
	P          Number   `json:"p"`          // two-sided, by Mann and Whitney; null where a side has no value
	Corrected  Number   `json:"p_holm"`     // corrected for all tests of the comparison
	Detectable Number   `json:"could_show"` // the smallest shift that would have been found in four of five such comparisons
	Differs    bool     `json:"differs"`
	Sentence   string   `json:"sentence"`
	values     [2][]float64
	of         measure
	side       int // 1 where values of B are more often the larger than the smaller, by the rank test; -1 where the smaller
	least      int // operations, where runs have too few
}

// A Sample is the values of one side.
type Sample struct {
	N       int    `json:"n"`
	Never   int    `json:"never"`   // how many of them have no end
	Missing int    `json:"missing"` // runs in which there was nothing to measure
	Few     int    `json:"few"`     // of those, runs in which there was, but too few operations
	Median  Number `json:"median"`
}

// A Number is null in JSON where it is not finite.
type Number float64

// MarshalJSON writes the number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.finite() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

func (n Number) finite() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Compare compares the sides. Unless forced it refuses runs that differ in more than one thing.
func Compare(a, b Side, force bool) (*Comparison, error) {
	if err := apart(a, b); err != nil {
		return nil, err
	}
	for name, s := range map[string]Side{"A": a, "B": b} {
		if len(s.Runs) == 0 {
			return nil, ErrNoResult{name, s.Left}
		}
	}
	p := pair(a.Runs, b.Runs)
	if err := p.refuse(); err != nil && !force {
		return nil, err
	}
	c := &Comparison{A: account(a), B: account(b), Differ: slices.Concat(p.compared, p.mixed), Level: stats.Level}
	c.label()
	var lone []string
	c.Cells, lone = p.cellsOf(a.Runs, b.Runs)
	c.Axes = p.cells
	if len(c.Cells) == 0 {
		return nil, errors.New("compare: A and B have no cell in common")
	}
	for _, name := range lone {
		c.Notes = append(c.Notes, fmt.Sprintf("only one side has runs of %s: left out", name))
	}
	c.noteVersions(a.Runs, b.Runs)
	c.noteWhere(a.Runs, b.Runs)
	c.measure()
	return c, nil
}

// ErrNoResult says that a side has runs, but none that is a result.
type ErrNoResult struct {
	Side string
	Left []Left
}

func (e ErrNoResult) Error() string {
	s := fmt.Sprintf("compare: %s has no run that is a result", e.Side)
	for _, l := range e.Left {
		s += fmt.Sprintf("\n  %s: %s", l.Dir, l.Why)
	}
	return s
}

// apart refuses a run that stands on both sides.
func apart(a, b Side) error {
	for _, r := range b.Runs {
		if slices.ContainsFunc(a.Runs, func(q Run) bool { return q.Dir == r.Dir }) {
			return fmt.Errorf("compare: %s stands on both sides", r.Dir)
		}
	}
	return nil
}

func account(s Side) Account {
	a := Account{Runs: len(s.Runs), Left: append([]Left{}, s.Left...), Invalid: []string{}, Unknown: []string{}}
	for _, r := range s.Runs {
		switch r.Verdict {
		case results.StatusInvalid:
			a.Invalid = append(a.Invalid, r.Dir)
		case results.StatusValid:
		default:
			a.Unknown = append(a.Unknown, r.Dir)
		}
	}
	return a
}

// label calls the sides by what they differ in.
func (c *Comparison) label() {
	c.A.Label, c.B.Label = "A", "B"
	if len(c.Differ) == 0 || len(c.Differ[0].A) != 1 || len(c.Differ[0].B) != 1 {
		return
	}
	x := c.Differ[0]
	c.A.Label, c.B.Label = x.A[0], x.B[0]
	if name, isFlag := strings.CutPrefix(x.Name, "--"); isFlag {
		c.A.Label, c.B.Label = name+" "+x.A[0], name+" "+x.B[0]
	}
}

// noteVersions says which versions of the systems are on the sides where the systems differ, so that the versions
// are no axis: etcd and etcd-no-pre-vote are of one version, unless they were recorded by different builds of reckon.
func (c *Comparison) noteVersions(a, b []Run) {
	if slices.Contains(c.Axes, versionAxis) || slices.ContainsFunc(c.Differ, func(x Axis) bool { return x.Name == versionAxis }) {
		return
	}
	note := func(of string, a, b []Run) {
		x, y := versions(a), versions(b)
		switch {
		case x == "" || y == "" || x == y && !strings.Contains(x, ", "):
		case x == y:
			c.Notes = append(c.Notes, fmt.Sprintf("the version of %s is not one: %s on both sides", of, x))
		default:
			c.Notes = append(c.Notes, fmt.Sprintf("the version of %s is %s in A and %s in B", of, x, y))
		}
	}
	x, y := valuesOf(a, "system"), valuesOf(b, "system")
	if !slices.Equal(x, y) {
		note("the system", a, b)
		return
	}
	for _, system := range x {
		of := func(r Run) bool { return r.Axes["system"] != system }
		note(system, slices.DeleteFunc(slices.Clone(a), of), slices.DeleteFunc(slices.Clone(b), of))
	}
}

// versions lists those of the runs' systems.
func versions(runs []Run) string {
	seen := map[string]bool{}
	for _, r := range runs {
		if v := r.Axes[versionAxis]; v != "" {
			seen[v] = true
		}
	}
	return strings.Join(slices.SortedFunc(maps.Keys(seen), natural), ", ")
}

// noteWhere says what differs though nobody asked to compare it.
func (c *Comparison) noteWhere(a, b []Run) {
	names := map[string]bool{}
	for _, r := range slices.Concat(a, b) {
		for n := range r.Where {
			names[n] = true
		}
	}
	list := func(runs []Run, name string) string {
		seen := map[string]bool{}
		for _, r := range runs {
			seen[cmp.Or(r.Where[name], "unknown")] = true
		}
		return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if x, y := list(a, n), list(b, n); x != y {
			c.Notes = append(c.Notes, fmt.Sprintf("the %s is %s in A and %s in B", n, x, y))
		}
	}
	if slices.ContainsFunc(slices.Concat(a, b), func(r Run) bool { return len(r.Recoveries) > 1 }) {
		c.Notes = append(c.Notes, "runs have several strikes: a run's time to recover is the longest over its strikes, and has no end where one of them has none")
	}
}

// measure fills the cells in, on all processors; every measure has a random stream of its own.
func (c *Comparison) measure() {
	var all []*Result
	for _, cell := range c.Cells {
		for _, m := range measures {
			r := &Result{Measure: m.name, Unit: m.unit, of: m, P: Number(math.NaN()), Corrected: Number(math.NaN()), Detectable: Number(math.NaN())}
			r.gather(cell)
			if r.A.N+r.B.N+r.A.Few+r.B.Few == 0 {
				continue // no run has it: without a fault there is no "during"
			}
			cell.Results = append(cell.Results, r)
			all = append(all, r)
		}
	}
	tested := slices.DeleteFunc(slices.Clone(all), func(r *Result) bool { return r.A.N == 0 || r.B.N == 0 })
	c.Tests = len(tested)
	each(tested, (*Result).test)
	var p []float64
	for _, r := range tested {
		p = append(p, float64(r.P))
	}
	for i, corrected := range stats.Holm(p) {
		tested[i].Corrected = Number(corrected)
		tested[i].Differs = corrected <= stats.Level
	}
	each(tested, func(r *Result) { r.couldShow(stats.Level / float64(len(tested))) })
	for _, r := range all {
		r.Sentence = c.sentence(r)
	}
}

func each(all []*Result, do func(*Result)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, r := range all {
		slots <- struct{}{}
		wg.Go(func() { do(r); <-slots })
	}
	wg.Wait()
}

// gather takes the measure's values from the cell's runs.
func (r *Result) gather(c *Cell) {
	for side, s := range []*Sample{&r.A, &r.B} {
		for _, run := range c.runs[side] {
			v, ok := run.Values[r.Measure]
			switch {
			case !ok:
				s.Missing++
				if few := run.Few[r.Measure]; few > 0 {
					s.Few++
					r.least = few
				}
				continue
			case math.IsInf(v, 1):
				s.Never++
			}
			s.N++
			r.values[side] = append(r.values[side], v)
		}
		s.Median = Number(stats.Median(r.values[side]))
	}
	r.Difference = Number(float64(r.B.Median) - float64(r.A.Median))
}

func (r *Result) test() {
	a, b := r.values[0], r.values[1]
	t := stats.MannWhitney(a, b)
	r.P, r.side = Number(t.P), cmp.Compare(t.U, float64(len(a)*len(b))/2)
	i, ok := stats.DifferenceOfMedians(a, b, seed.Stream(1, "interval of "+r.Measure))
	switch {
	case ok:
		r.Interval = []Number{Number(i.Low), Number(i.High)}
		if !r.Interval[0].finite() || !r.Interval[1].finite() {
			r.Infinite = []string{infinite(i.Low), infinite(i.High)}
		}
	case min(len(a), len(b)) < stats.MinRepeats:
		r.NoInterval = fmt.Sprintf("too few repeats for an interval: %d and %d, at least %d each", len(a), len(b), stats.MinRepeats)
	default:
		r.NoInterval = "no interval: too many have no end"
	}
}

func infinite(x float64) string {
	if math.IsInf(x, 0) {
		return cellText(x)
	}
	return ""
}

func (r *Result) couldShow(level float64) {
	if d, ok := stats.Detectable(r.values[0], r.values[1], level, seed.Stream(1, "detectable "+r.Measure)); ok {
		r.Detectable = Number(d)
	}
}

// natural orders numbers, with or without a unit, by size, and everything else as text.
func natural(a, b string) int {
	x, xok := leading(a)
	y, yok := leading(b)
	if xok && yok {
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}
