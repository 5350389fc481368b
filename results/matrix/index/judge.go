package index

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
)

// Limits of what an index quotes of a run.
const (
	excerptLines = 8
	excerptWidth = 300
)

// Judge returns the outcome of a cell whose run has the summary: the run's own verdict, made worse
// where a threshold is exceeded, and reversed where the cell must fail.
func Judge(c *Cell, s results.Summary) *Outcome {
	o := &Outcome{Run: s.Verdict, Verdict: s.Verdict, Reason: s.Reason, Metrics: measure(s), Excerpt: excerpt(s)}
	for _, r := range s.Checks {
		o.Checks = append(o.Checks, Check{r.Name, r.Verdict.String(), r.Detail})
	}
	if t, any := judgeThresholds(c.Limits(), s); any {
		o.hold(t)
	}
	if s.Interrupted && s.Verdict == results.StatusInvalid {
		o.Reason += " It was interrupted."
	}
	if c.MustFail {
		o.reverse()
	}
	return o
}

// hold takes the result of the thresholds into the outcome.
func (o *Outcome) hold(t check.Result) {
	o.Checks = append(o.Checks, Check{t.Name, t.Verdict.String(), t.Detail})
	v := map[check.Verdict]results.Status{
		check.Valid: results.StatusValid, check.Invalid: results.StatusInvalid, check.Unknown: results.StatusUnknown,
	}[t.Verdict]
	switch {
	case v == o.Verdict.Worst(v) && v != o.Verdict:
		o.Verdict, o.Reason = v, "Threshold: "+t.Detail+"."
	case v == results.StatusInvalid:
		o.Reason += " Threshold: " + t.Detail + "."
	}
}

// reverse reverses the verdict of a cell that must fail. Harness and unknown stay what they are.
func (o *Outcome) reverse() {
	switch o.Verdict {
	case results.StatusInvalid:
		o.Verdict, o.Reason = results.StatusValid, "Invalid, as expected: "+o.Reason
	case results.StatusValid:
		o.Verdict, o.Reason = results.StatusInvalid, "Expected to be invalid, but the run was valid: the planted damage was not detected."
	}
}

// Crashed returns the outcome of a run that left no usable record: a harness verdict with the
// reason, and with the last lines that the run printed.
func Crashed(why string, last []string) *Outcome {
	return &Outcome{Run: results.StatusHarness, Verdict: results.StatusHarness, Reason: why, Excerpt: bounded(last, excerptLines)}
}

// excerpt returns what a person looks for first in a run that is not valid: what was wrong with the
// harness, and each check that is not valid with its first operations.
func excerpt(s results.Summary) (lines []string) {
	if s.Verdict == results.StatusHarness {
		lines = append(lines, s.Harness...)
	}
	for _, r := range s.Checks {
		if r.Verdict == check.Valid {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", r.Name, r.Verdict, r.Detail))
		for _, op := range r.Evidence[:min(len(r.Evidence), excerptLines)] {
			lines = append(lines, "  "+op.String())
		}
	}
	return bounded(lines, 3*excerptLines)
}

// bounded returns the first lines, each shortened.
func bounded(lines []string, most int) []string {
	lines = slices.Clone(lines[:min(len(lines), most)])
	for i, l := range lines {
		lines[i] = Shorten(l)
	}
	return lines
}

// Shorten returns the text as valid UTF-8 and at most some 300 characters long.
func Shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > excerptWidth {
		s = string(r[:excerptWidth]) + " ..."
	}
	return s
}
