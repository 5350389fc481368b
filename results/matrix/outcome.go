package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
)

// Bounds on what an index quotes of a run.
const (
	excerptLines = 8
	excerptWidth = 300
)

// judge makes an outcome of what the run says of itself.
func judge(c *Cell, s results.Summary) *Outcome {
	o := &Outcome{Run: s.Verdict, Verdict: s.Verdict, Reason: s.Reason, Metrics: metricsOf(s), Excerpt: excerpt(s)}
	for _, r := range s.Checks {
		o.Checks = append(o.Checks, Check{r.Name, r.Verdict.String(), r.Detail})
	}
	if t, any := judgeThresholds(c.limits, s); any {
		o.Checks = append(o.Checks, Check{t.Name, t.Verdict.String(), t.Detail})
		v := map[check.Verdict]results.Status{check.Valid: results.StatusValid, check.Invalid: results.StatusInvalid, check.Unknown: results.StatusUnknown}[t.Verdict]
		switch {
		case v == o.Verdict.Worst(v) && v != o.Verdict:
			o.Verdict, o.Reason = v, "Threshold: "+t.Detail+"."
		case v == results.StatusInvalid:
			o.Reason += " Threshold: " + t.Detail + "."
		}
	}
	if s.Interrupted && s.Verdict == results.StatusInvalid {
		o.Reason += " It was interrupted."
	}
	o.expect(c)
	return o
}

// expect turns the verdict of a cell that must fail round. What is no result, or not decided, stays so.
func (o *Outcome) expect(c *Cell) {
	if !c.MustFail {
		return
	}
	switch o.Verdict {
	case results.StatusInvalid:
		o.Verdict, o.Reason = results.StatusValid, "Invalid, as expected: "+o.Reason
	case results.StatusValid:
		o.Verdict, o.Reason = results.StatusInvalid, "It was expected to be invalid, and was not: the planted damage went unseen."
	}
}

// excerpt is what a person wants to see first of a run that is not valid.
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

// bounded keeps so many lines, none of them too wide.
func bounded(lines []string, most int) []string {
	lines = slices.Clone(lines[:min(len(lines), most)])
	for i, l := range lines {
		l = strings.ToValidUTF8(l, "\uFFFD")
		if r := []rune(l); len(r) > excerptWidth {
			l = string(r[:excerptWidth]) + " ..."
		}
		lines[i] = l
	}
	return lines
}

// crashed is the outcome of a run that left no summary.
func crashed(c *Cell, why string, last []string) *Outcome {
	return &Outcome{Run: results.StatusHarness, Verdict: results.StatusHarness, Reason: why, Excerpt: bounded(last, excerptLines)}
}
