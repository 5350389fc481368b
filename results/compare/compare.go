// Package compare compares the recorded runs of two sides: the difference of each measure with its
// interval, whether it is significant, and how small a difference the runs could have shown.
//
//	a, err := compare.Load([]string{"runs/a"})
//	b, err := compare.Load([]string{"runs/b"})
//	c, err := compare.Compare(a, b, force)
//	c.Text(os.Stdout)
//	err = c.Write("runs/comparison")       // text and tables
//
// It reads plan.json and summary.json and nothing else. It refuses to count inconclusive runs, to
// compare plans that differ in more than the one thing compared, and to give an interval where
// there are too few repeats for one. The same runs give the same numbers. Package drawing draws a
// comparison.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// Compare compares the sides. Unless forced, it refuses sides whose plans differ in more than one
// thing. The error is an ErrNoResult where a side has no conclusive run.
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

// ErrNoResult reports that none of a side's runs is conclusive.
type ErrNoResult struct {
	Side string
	Left []Left
}

func (e ErrNoResult) Error() string {
	s := fmt.Sprintf("compare: %s has no conclusive run", e.Side)
	for _, l := range e.Left {
		s += fmt.Sprintf("\n  %s: %s", l.Dir, l.Why)
	}
	return s
}

// apart refuses a run that is on both sides.
func apart(a, b Side) error {
	for _, r := range b.Runs {
		if slices.ContainsFunc(a.Runs, func(q Run) bool { return q.Dir == r.Dir }) {
			return fmt.Errorf("compare: %s is on both sides", r.Dir)
		}
	}
	return nil
}

// account returns which of the side's runs count, and how.
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

// label names the sides by the value in which they differ, A and B where that is not a single one.
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

// noteVersions notes the versions of the systems where they differ but are no axis, as the systems
// differ: etcd and etcd-no-pre-vote have the same version, unless different builds of reckon
// recorded them.
func (c *Comparison) noteVersions(a, b []Run) {
	if slices.Contains(c.Axes, versionAxis) || slices.ContainsFunc(c.Differ, func(x Axis) bool { return x.Name == versionAxis }) {
		return
	}
	note := func(of string, a, b []Run) {
		x, y := versions(a), versions(b)
		switch {
		case x == "" || y == "" || x == y && !strings.Contains(x, ", "):
		case x == y:
			c.Notes = append(c.Notes, fmt.Sprintf("the version of %s varies on both sides: %s", of, x))
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

// versions returns the versions of the runs' systems.
func versions(runs []Run) string {
	seen := map[string]bool{}
	for _, r := range runs {
		if v := r.Axes[versionAxis]; v != "" {
			seen[v] = true
		}
	}
	return strings.Join(slices.SortedFunc(maps.Keys(seen), natural), ", ")
}

// noteWhere notes what differs besides the plans: machine, kernel, links' backend, and runs with
// several faults.
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
		c.Notes = append(c.Notes, "some runs have several faults: the time to recover of a run is the longest of them, and unbounded where service did not recover from one")
	}
}

// measure fills in the cells, on all processors. Each measure has a random stream of its own, so
// that the order of the work does not matter.
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
	each(tested, func(r *Result) { r.couldShow(c.level()) })
	for _, r := range all {
		r.Sentence = c.sentence(r)
	}
}

// each runs do for every result, on all processors.
func each(all []*Result, do func(*Result)) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, r := range all {
		g.Go(func() error { do(r); return nil })
	}
	_ = g.Wait() // do returns no error
}

// level is the P value below which the most significant of all tests is significant, by Holm's
// method.
func (c *Comparison) level() float64 { return stats.Level / float64(c.Tests) }

// gather takes the values of the measure from the cell's runs.
func (r *Result) gather(c *Cell) {
	for side, s := range []*Sample{&r.A, &r.B} {
		for _, run := range c.Runs[side] {
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
			r.Values[side] = append(r.Values[side], v)
		}
		s.Median = Number(stats.Median(r.Values[side]))
	}
	r.Difference = Number(float64(r.B.Median) - float64(r.A.Median))
}

// test sets the P value and the interval of the difference.
func (r *Result) test() {
	a, b := r.Values[0], r.Values[1]
	t := stats.MannWhitney(a, b)
	r.P, r.side = Number(t.P), cmp.Compare(t.U, float64(len(a)*len(b))/2)
	i, ok := stats.DifferenceOfMedians(a, b, seed.Stream(1, "interval of "+r.Measure))
	switch {
	case ok:
		r.Interval = []Number{Number(i.Low), Number(i.High)}
		if !r.Interval[0].Finite() || !r.Interval[1].Finite() {
			r.Infinite = []string{infinite(i.Low), infinite(i.High)}
		}
	case min(len(a), len(b)) < stats.MinRepeats:
		r.NoInterval = fmt.Sprintf("too few repeats for an interval: %d and %d, at least %d each are needed", len(a), len(b), stats.MinRepeats)
	default:
		r.NoInterval = "no interval: too many values are unbounded"
	}
}

// infinite returns "inf" or "-inf" for an infinite number, and "" for any other.
func infinite(x float64) string {
	if math.IsInf(x, 0) {
		return Decimal(x)
	}
	return ""
}

// couldShow sets the smallest difference that these runs could have shown at the level.
func (r *Result) couldShow(level float64) {
	if d, ok := stats.Detectable(r.Values[0], r.Values[1], level, seed.Stream(1, "detectable "+r.Measure)); ok {
		r.Detectable = Number(d)
	}
}
