package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/results"
)

// A group is the cells of one configuration: they differ in their repeat alone.
type group struct {
	name  string // for people: words, and the flags that vary
	flags string // the flags that vary
	cells []*Cell
}

// groups gathers the cells by configuration, in the order of the file.
func (x *Index) groups() (all []*group) {
	by := map[string]*group{}
	for _, c := range x.Cells {
		name := c.configuration(x.Dimensions)
		g := by[name]
		if g == nil {
			g = &group{name: name, flags: strings.TrimSpace(strings.TrimPrefix(name, c.Words.String()))}
			by[name], all = g, append(all, g)
		}
		g.cells = append(g.cells, c)
	}
	return all
}

// A measure takes one number from a run; ok is false where it has none.
type measure func(m *Metrics) (ms float64, ok bool)

func recovery(m *Metrics) (float64, bool) {
	if m.TTR == nil {
		return 0, false
	}
	return *m.TTR, true
}

func outage(m *Metrics) (float64, bool) {
	if m.Unavailability == nil {
		return 0, false
	}
	return *m.Unavailability, true
}

func latency(phase string, quantile int) measure {
	return func(m *Metrics) (float64, bool) {
		t := m.Latency[phase]
		switch {
		case t == nil:
			return 0, false
		case quantile == 50:
			return t.P50, true
		}
		return t.P99, true
	}
}

// result says whether the cell's run has numbers that mean something: harness and unknown have none.
func (c *Cell) result() bool {
	return c.State == Finished && c.Outcome != nil && c.Outcome.Metrics != nil &&
		(c.Outcome.Run == results.StatusValid || c.Outcome.Run == results.StatusInvalid)
}

// numbers are the measure's over the group's results, sorted, and in how many of them service never came back.
func (g *group) numbers(of measure) (xs []float64, never int) {
	for _, c := range g.cells {
		if !c.result() {
			continue
		}
		if x, ok := of(c.Outcome.Metrics); ok {
			xs = append(xs, x)
		} else if c.Outcome.Metrics.Censored {
			never++
		}
	}
	slices.Sort(xs)
	return xs, never
}

// median of sorted numbers: the middle one, or the mean of the two.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// show is "1410 (1380 to 1520)". Recoveries that never came are told apart: no number stands for them.
func (g *group) show(of measure) string {
	xs, never := g.numbers(of)
	s := ""
	switch {
	case len(xs) == 1:
		s = showMillis(xs[0])
	case len(xs) > 1:
		s = fmt.Sprintf("%s (%s to %s)", showMillis(median(xs)), showMillis(xs[0]), showMillis(xs[len(xs)-1]))
	}
	if never > 0 {
		return strings.TrimPrefix(s+fmt.Sprintf(", never in %d", never), ", ")
	}
	return s
}

func showMillis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// verdicts counts: "3 valid", "1 invalid, 2 valid".
func (g *group) verdicts() string {
	n, open := map[results.Status]int{}, 0
	for _, c := range g.cells {
		if c.State != Finished {
			open++
		} else {
			n[c.verdict()]++
		}
	}
	var parts []string
	for _, s := range statuses {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	if open > 0 {
		parts = append(parts, fmt.Sprintf("%d not finished", open))
	}
	return strings.Join(parts, ", ")
}
