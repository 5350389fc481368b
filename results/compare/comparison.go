package compare

import (
	"math"
	"slices"
	"strconv"
)

// A Comparison is the result of comparing two sides. Its JSON is comparison.json.
type Comparison struct {
	A       Account  `json:"a"`
	B       Account  `json:"b"`
	Differ  []Axis   `json:"differ_in"` // what is compared: one axis, or more where that was forced
	Axes    []string `json:"cell_axes"` // the axes of the cells; none where each side is one cell
	Cells   []*Cell  `json:"cells"`
	Tests   int      `json:"tests"` // how many tests P is corrected for
	Notes   []string `json:"notes"`
	Level   float64  `json:"level"`
	Figures []string `json:"figures,omitempty"` // paths of their SVG files
}

// An Account says which runs a side has.
type Account struct {
	Label   string   `json:"label"`
	Runs    int      `json:"runs"`
	Invalid []string `json:"invalid"` // invalid runs, which count
	Unknown []string `json:"unknown"` // runs whose verdict is unknown, which count
	Left    []Left   `json:"left_out"`
}

// A Cell holds the runs of both sides that differ only in what is compared.
type Cell struct {
	Name    string    `json:"name"`
	Values  []string  `json:"values"` // on the comparison's axes
	Results []*Result `json:"results"`

	Runs [2][]Run `json:"-"` // of A and B
}

// A Result is one measure of one cell.
type Result struct {
	Measure    string   `json:"measure"`
	Unit       string   `json:"unit"`
	A          Sample   `json:"a"`
	B          Sample   `json:"b"`
	Difference Number   `json:"difference"`  // of the medians, B minus A
	Interval   []Number `json:"interval_95"` // of the difference: from, to; null where there is none
	// Infinite has "inf" or "-inf" for an end of the interval that is infinite, "" for the other;
	// absent where both are finite.
	Infinite   []string `json:"interval_infinite,omitempty"`
	NoInterval string   `json:"no_interval,omitempty"`
	P          Number   `json:"p"`      // of the two-sided Mann-Whitney test; null where a side has no value
	Corrected  Number   `json:"p_holm"` // P corrected for all tests of the comparison
	// Detectable is the smallest shift that would have been found in four of five such comparisons.
	Detectable Number `json:"could_show"`
	Differs    bool   `json:"differs"`
	Sentence   string `json:"sentence"`

	Values [2][]float64 `json:"-"` // of A and B, in the order of their runs; +Inf for an unbounded one

	of    measure
	side  int // 1 where, by the rank test, a value of B is more often the larger; -1 where the smaller
	least int // how many operations the measure needs, where runs have fewer
}

// A Sample describes the values of one side.
type Sample struct {
	N       int    `json:"n"`
	Never   int    `json:"never"`   // how many of them are unbounded
	Missing int    `json:"missing"` // runs without a value
	Few     int    `json:"few"`     // those of them that had too few operations for one
	Median  Number `json:"median"`
}

// A Number is null in JSON where it is not finite.
type Number float64

// MarshalJSON writes the number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Finite() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// Finite reports whether the number is neither infinite nor NaN.
func (n Number) Finite() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Result returns the cell's result of the measure; nil where it has none.
func (c *Cell) Result(measure string) *Result {
	i := slices.IndexFunc(c.Results, func(r *Result) bool { return r.Measure == measure })
	if i < 0 {
		return nil
	}
	return c.Results[i]
}

// ValuesOn returns the values of the cells on the i-th of Axes, in order.
func (c *Comparison) ValuesOn(i int) (all []string) {
	for _, cell := range c.Cells {
		all = append(all, cell.Values[i])
	}
	slices.SortFunc(all, natural)
	return slices.Compact(all)
}
