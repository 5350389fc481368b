package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/reckon-bench/reckon/reckon/stats"
)

// sentence returns the result in words, for people.
func (c *Comparison) sentence(r *Result) string {
	a, b := c.A.Label, c.B.Label
	switch {
	case r.A.N+r.B.N == 0:
		return fmt.Sprintf("%s: not compared: it needs at least %d operations in a run; of fewer it would be the slowest.", r.Measure, r.least)
	case r.A.N == 0 || r.B.N == 0:
		return fmt.Sprintf("%s: not compared: %s has no value.", r.Measure, map[bool]string{true: a, false: b}[r.A.N == 0])
	case r.Differs:
		return fmt.Sprintf("%s: differs: %s (%s).", r.Measure, r.claim(a, b), r.evidence())
	}
	return fmt.Sprintf("%s: no difference shown (%s). %s", r.Measure, r.evidence(), r.limits(c))
}

// claim returns how B differs from A: by the medians, and by the ranks, which the test compares,
// where they disagree with the medians.
func (r *Result) claim(a, b string) string {
	d := float64(r.Difference)
	word, byRank := r.of.more, r.of.more
	if d < 0 {
		word = r.of.less
	}
	if r.side < 0 {
		byRank = r.of.less
	}
	ranks := fmt.Sprintf("run against run, %s is more often %s", b, byRank)
	s := ""
	switch {
	case math.IsInf(d, 1):
		s = fmt.Sprintf("in %s at least half of the values are unbounded; in %s the median is %s", b, a, r.amount(float64(r.A.Median)))
	case math.IsInf(d, -1):
		s = fmt.Sprintf("in %s at least half of the values are unbounded; in %s the median is %s", a, b, r.amount(float64(r.B.Median)))
	case math.IsNaN(d):
		return "in both at least half of the values are unbounded; " + ranks
	case d == 0:
		return "the medians are equal, but the distributions differ; " + ranks
	default:
		s = fmt.Sprintf("in %s the median is %s %s", b, r.amount(math.Abs(d)), word)
	}
	if r.side != 0 && word != byRank {
		s += "; but " + ranks + ", which is what the test compares"
	}
	return s
}

// evidence returns the interval and the P value, and a remark where they seem to disagree.
func (r *Result) evidence() string {
	parts := []string{r.NoInterval}
	if len(r.Interval) == 2 {
		parts[0] = fmt.Sprintf("difference %s, 95 %% interval %s to %s", r.signed(r.Difference), r.signed(r.Interval[0]), r.signed(r.Interval[1]))
	}
	parts = append(parts, "corrected p "+probability(r.Corrected))
	if r.Differs && len(r.Interval) == 2 && r.Interval[0] <= 0 && r.Interval[1] >= 0 {
		parts = append(parts, "the interval, which is of the medians alone, contains 0")
	}
	if !r.Differs && len(r.Interval) == 2 && (r.Interval[0] > 0 || r.Interval[1] < 0) {
		parts = append(parts, "the interval, which is not corrected for the number of tests, excludes 0")
	}
	return strings.Join(parts, "; ")
}

// limits returns in words how small a difference could have been found.
func (r *Result) limits(c *Comparison) string {
	const open = ", so the smallest detectable difference is not known."
	switch {
	case r.Detectable.Finite():
		return fmt.Sprintf("A difference of %s would have been found in four of five such comparisons.", r.amount(float64(r.Detectable)))
	case len(r.Values[0]) < 2 || len(r.Values[1]) < 2:
		return "One side has a single value" + open
	case constant(r.Values[0]) && constant(r.Values[1]):
		return "The values do not vary" + open
	case !r.Difference.Finite():
		return "At least half of the values are unbounded" + open
	}
	s := fmt.Sprintf("%d and %d runs cannot show any difference, however large, in %d tests", r.A.N, r.B.N, c.Tests)
	if n := repeatsFor(c.level()); n > 0 {
		return s + fmt.Sprintf("; use at least %d on each side.", n)
	}
	return s + "."
}

// repeatsFor returns how many runs each side needs for the rank test to reach the level where the
// sides do not overlap; 0 where a thousand are not enough.
func repeatsFor(level float64) int {
	n := 1 + sort.Search(1000, func(i int) bool {
		var a, b []float64
		for k := range i + 1 {
			a, b = append(a, float64(k)), append(b, float64(k+i+1))
		}
		return stats.MannWhitney(a, b).P <= level
	})
	if n > 1000 {
		return 0
	}
	return n
}

func constant(x []float64) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(x)))) <= 1
}

// Amount formats a number for people: three significant digits, and all digits before the point;
// "never" for an infinite one, "-" for NaN.
func Amount(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case math.IsInf(x, 0):
		return "never"
	case x == math.Trunc(x) && math.Abs(x) < 1e4 || math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	case math.Abs(x) < 1:
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// amount formats a value of the measure with its unit.
func (r *Result) amount(x float64) string {
	if r.Unit == "" || math.IsInf(x, 0) || math.IsNaN(x) {
		return Amount(x)
	}
	return Amount(x) + map[bool]string{true: " "}[r.Unit != "/s"] + r.Unit
}

// signed formats a difference with its sign and unit.
func (r *Result) signed(x Number) string {
	switch {
	case math.IsInf(float64(x), 1):
		return "+inf"
	case math.IsInf(float64(x), -1):
		return "-inf"
	case x > 0:
		return "+" + r.amount(float64(x))
	}
	return r.amount(float64(x))
}

// probability formats a P value.
func probability(p Number) string {
	switch {
	case math.IsNaN(float64(p)):
		return "-"
	case p < 0.001:
		return "< 0.001"
	case p < 0.1:
		return fmt.Sprintf("%.3f", float64(p))
	}
	return fmt.Sprintf("%.2f", float64(p))
}

// Text prints the comparison for people: which runs were compared, a table, and a sentence for each
// measure.
func (c *Comparison) Text(out io.Writer) {
	fmt.Fprintf(out, "A  %s: %s\nB  %s: %s\n", c.A.Label, c.A.runs(), c.B.Label, c.B.runs())
	if len(c.Differ) == 0 {
		fmt.Fprintln(out, "A and B have the same plan")
	}
	for _, x := range c.Differ {
		fmt.Fprintf(out, "A and B differ in: %s: %s and %s\n", x.Name, strings.Join(x.A, ", "), strings.Join(x.B, ", "))
	}
	for side, a := range []Account{c.A, c.B} {
		for _, d := range a.Invalid {
			fmt.Fprintf(out, "%c  invalid, but included: %s\n", 'A'+side, d)
		}
		for _, l := range a.Left {
			fmt.Fprintf(out, "%c  left out: %s: %s\n", 'A'+side, l.Dir, l.Why)
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	for _, cell := range c.Cells {
		c.cellText(out, cell)
	}
	fmt.Fprintf(out, "\np: two-sided Mann-Whitney rank test, corrected for %d tests by Holm's method. Interval: BCa bootstrap of the difference of medians, B minus A.\n", c.Tests)
}

// cellText prints the table and the sentences of a cell.
func (c *Comparison) cellText(out io.Writer, cell *Cell) {
	fmt.Fprintln(out)
	if cell.Name != "" {
		fmt.Fprintf(out, "%s\n", cell.Name)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "measure\tA\tB\tB - A\t95 %% from\tto\tp\tcorrected\tdetectable\t\n")
	for _, r := range cell.Results {
		low, high := "-", "-"
		if len(r.Interval) == 2 {
			low, high = r.signed(r.Interval[0]), r.signed(r.Interval[1])
		}
		difference := "-"
		if !math.IsNaN(float64(r.Difference)) {
			difference = r.signed(r.Difference)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Measure, r.A.text(r), r.B.text(r), difference, low, high,
			probability(r.P), probability(r.Corrected), r.amount(float64(r.Detectable)))
	}
	w.Flush()
	fmt.Fprintln(out)
	for _, r := range cell.Results {
		mark := " "
		if r.Differs {
			mark = "*"
		}
		fmt.Fprintf(out, "%s %s%s\n", mark, r.Sentence, r.remarks())
	}
}

// remarks returns how many values are unbounded, and how many runs have none.
func (r *Result) remarks() string {
	s := ""
	if r.A.Never+r.B.Never > 0 {
		s = fmt.Sprintf(" Unbounded, and ranked above all other values: %d of %d in A, %d of %d in B.", r.A.Never, r.A.N, r.B.Never, r.B.N)
	}
	if a, b := r.A.Missing-r.A.Few, r.B.Missing-r.B.Few; r.A.N > 0 && r.B.N > 0 && a+b > 0 {
		s += fmt.Sprintf(" Nothing to measure in %d runs of A and %d of B.", a, b)
	}
	if r.A.N+r.B.N > 0 && r.A.Few+r.B.Few > 0 {
		s += fmt.Sprintf(" Left out for having fewer than %d operations: %d runs of A and %d of B.", r.least, r.A.Few, r.B.Few)
	}
	return s
}

func (s Sample) text(r *Result) string {
	if s.N == 0 {
		return "-"
	}
	return r.amount(float64(s.Median))
}

// runs returns how many runs the side has: "5 runs (1 invalid); 2 left out".
func (a Account) runs() string {
	s := fmt.Sprintf("%d runs", a.Runs)
	var parts []string
	if n := len(a.Invalid); n > 0 {
		parts = append(parts, fmt.Sprintf("%d invalid", n))
	}
	if n := len(a.Unknown); n > 0 {
		parts = append(parts, fmt.Sprintf("%d undecided", n))
	}
	if len(parts) > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	if n := len(a.Left); n > 0 {
		s += fmt.Sprintf("; %d left out", n)
	}
	return s
}
