package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// leading is the size that a value begins with: a duration, or a number.
func leading(s string) (float64, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return d.Seconds(), true
	}
	x, err := strconv.ParseFloat(strings.TrimRight(s, "%"), 64)
	return x, err == nil
}

// sentence says what the measure showed.
func (c *Comparison) sentence(r *Result) string {
	a, b := c.A.Label, c.B.Label
	switch {
	case r.A.N+r.B.N == 0:
		return fmt.Sprintf("%s: not compared: it wants at least %d operations, below which it is no more than the slowest.", r.Measure, r.least)
	case r.A.N == 0 || r.B.N == 0:
		return fmt.Sprintf("%s: not compared: %s has none.", r.Measure, map[bool]string{true: a, false: b}[r.A.N == 0])
	case r.Differs:
		return fmt.Sprintf("%s: differs: %s (%s).", r.Measure, r.claim(a, b), r.evidence())
	}
	return fmt.Sprintf("%s: no difference shown (%s). %s", r.Measure, r.evidence(), r.limits())
}

// claim says how B lies to A: by the medians, and by the ranks, which the test is of, where those say something else.
func (r *Result) claim(a, b string) string {
	d := float64(r.Difference)
	word, byRank := r.of.more, r.of.more
	if d < 0 {
		word = r.of.less
	}
	if r.side < 0 {
		byRank = r.of.less
	}
	s := ""
	switch {
	case math.IsInf(d, 1):
		s = fmt.Sprintf("in %s half or more have no end, in %s the median is %s", b, a, r.amount(float64(r.A.Median)))
	case math.IsInf(d, -1):
		s = fmt.Sprintf("in %s half or more have no end, in %s the median is %s", a, b, r.amount(float64(r.B.Median)))
	case math.IsNaN(d):
		return fmt.Sprintf("in both half or more have no end; run against run, %s has more often the %s", b, byRank)
	case d == 0:
		return fmt.Sprintf("the medians are equal, but the values around them are not distributed alike; run against run, %s has more often the %s", b, byRank)
	case r.of.wholeNumbers:
		s = fmt.Sprintf("%s has %s %s in the median", b, amount(math.Abs(d)), word)
	default:
		s = fmt.Sprintf("in %s it is %s %s in the median", b, r.amount(math.Abs(d)), word)
	}
	if r.side != 0 && word != byRank {
		s += fmt.Sprintf("; but run against run, which is what the test is of, %s has more often the %s", b, byRank)
	}
	return s
}

func (r *Result) evidence() string {
	parts := []string{}
	if len(r.Interval) == 2 {
		parts = append(parts, fmt.Sprintf("difference %s, 95 %% interval %s to %s", r.signed(r.Difference), r.signed(r.Interval[0]), r.signed(r.Interval[1])))
	} else {
		parts = append(parts, r.NoInterval)
	}
	parts = append(parts, "corrected p "+probability(r.Corrected))
	if r.Differs && len(r.Interval) == 2 && r.Interval[0] <= 0 && r.Interval[1] >= 0 {
		parts = append(parts, "the interval of the medians alone holds 0")
	}
	if !r.Differs && len(r.Interval) == 2 && (r.Interval[0] > 0 || r.Interval[1] < 0) {
		parts = append(parts, "the interval alone, which is corrected for nothing, excludes 0")
	}
	return strings.Join(parts, "; ")
}

// limits says how small a difference could have been found.
func (r *Result) limits() string {
	switch {
	case r.Detectable.finite():
		return fmt.Sprintf("A difference of %s would have been found in four of five such comparisons.", r.amount(float64(r.Detectable)))
	case len(r.values[0]) < 2 || len(r.values[1]) < 2:
		return "One value on a side says nothing of how small a difference could have been found."
	case constant(r.values[0]) && constant(r.values[1]):
		return "The values do not vary, which says nothing of how small a difference could have been found."
	case !Number(r.Difference).finite():
		return "Half or more have no end, which says nothing of how small a difference could have been found."
	}
	return fmt.Sprintf("With %d and %d runs and so many measures, no difference, however large, would have been found reliably: more repeats are needed.", r.A.N, r.B.N)
}

func constant(x []float64) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(x)))) <= 1
}

// amount is a number for people: three digits, and all of those before the point; below 1, three from the first that is not 0.
func amount(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case math.IsInf(x, 0):
		return "no end"
	case x == math.Trunc(x) && math.Abs(x) < 1e4 || math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	case math.Abs(x) < 1:
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func (r *Result) amount(x float64) string {
	if r.Unit == "" || math.IsInf(x, 0) || math.IsNaN(x) {
		return amount(x)
	}
	return amount(x) + map[bool]string{true: " "}[r.Unit != "/s"] + r.Unit
}

func (r *Result) signed(x Number) string {
	switch {
	case math.IsInf(float64(x), 1):
		return "endless"
	case math.IsInf(float64(x), -1):
		return "-endless"
	case x > 0:
		return "+" + r.amount(float64(x))
	}
	return r.amount(float64(x))
}

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

// Text prints the comparison for people: who was compared, a table, and a sentence for each measure.
func (c *Comparison) Text(out io.Writer) {
	fmt.Fprintf(out, "A  %s: %s\nB  %s: %s\n", c.A.Label, c.A.runs(), c.B.Label, c.B.runs())
	if len(c.Differ) == 0 {
		fmt.Fprintln(out, "A and B are of the same plan")
	}
	for _, x := range c.Differ {
		fmt.Fprintf(out, "A and B differ in: %s: %s and %s\n", x.Name, strings.Join(x.A, ", "), strings.Join(x.B, ", "))
	}
	for side, a := range []Account{c.A, c.B} {
		for _, d := range a.Invalid {
			fmt.Fprintf(out, "%c  invalid, and counted: %s\n", 'A'+side, d)
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
	fmt.Fprintf(out, "\np: Mann and Whitney's rank test, two-sided; corrected by Holm's method for %d tests. Interval: bootstrap (BCa) of the difference of medians, B less A.\n", c.Tests)
}

func (c *Comparison) cellText(out io.Writer, cell *Cell) {
	fmt.Fprintln(out)
	if cell.Name != "" {
		fmt.Fprintf(out, "%s\n", cell.Name)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "measure\tA\tB\tB - A\t95 %% from\tto\tp\tcorrected\tcould show\t\n")
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
		fmt.Fprintf(out, "%s %s%s\n", mark, r.Sentence, r.endless())
	}
}

// endless counts what has no end, and what was not there to measure.
func (r *Result) endless() string {
	s := ""
	if r.A.Never+r.B.Never > 0 {
		s = fmt.Sprintf(" No end, and ranked as longer than all others: %d of %d in A, %d of %d in B.", r.A.Never, r.A.N, r.B.Never, r.B.N)
	}
	if a, b := r.A.Missing-r.A.Few, r.B.Missing-r.B.Few; r.A.N > 0 && r.B.N > 0 && a+b > 0 {
		s += fmt.Sprintf(" Nothing to measure in %d runs of A and %d of B.", a, b)
	}
	if r.A.N+r.B.N > 0 && r.A.Few+r.B.Few > 0 {
		s += fmt.Sprintf(" Left out for want of %d operations: %d runs of A and %d of B.", r.least, r.A.Few, r.B.Few)
	}
	return s
}

func (s Sample) text(r *Result) string {
	if s.N == 0 {
		return "-"
	}
	return r.amount(float64(s.Median))
}

func (a Account) runs() string {
	s := fmt.Sprintf("%d runs", a.Runs)
	if n := len(a.Invalid); n > 0 {
		s += fmt.Sprintf(", of which %d invalid", n)
	}
	if n := len(a.Unknown); n > 0 {
		s += fmt.Sprintf(", of which %d not decided", n)
	}
	if n := len(a.Left); n > 0 {
		s += fmt.Sprintf("; %d left out", n)
	}
	return s
}
