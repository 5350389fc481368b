package index

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// A Group is the cells of one configuration: only their repeats differ.
type Group struct {
	Name  string // words, and the flags that vary
	Flags string // the flags that vary
	Cells []*Cell
}

// Groups returns the cells by configuration, in the order of the file.
func (x *Index) Groups() (all []*Group) {
	by := map[string]*Group{}
	for _, c := range x.Cells {
		name := c.Configuration(x.Dimensions)
		g := by[name]
		if g == nil {
			g = &Group{Name: name, Flags: strings.TrimSpace(strings.TrimPrefix(name, c.Words.String()))}
			by[name], all = g, append(all, g)
		}
		g.Cells = append(g.Cells, c)
	}
	return all
}

// A Measure takes one number in milliseconds from a run; ok is false where the run does not have
// it.
type Measure func(m *Metrics) (ms float64, ok bool)

// Recovery is the slowest recovery from a fault.
func Recovery(m *Metrics) (ms float64, ok bool) { return number(m.TTR) }

// Outage is the longest time between acknowledged operations.
func Outage(m *Metrics) (ms float64, ok bool) { return number(m.Unavailability) }

// Median is the median latency of the whole load.
func Median(m *Metrics) (ms float64, ok bool) {
	return tail(m, func(t *Tails) float64 { return t.P50 })
}

// P99 is the 99th percentile of latency of the whole load.
func P99(m *Metrics) (ms float64, ok bool) { return tail(m, func(t *Tails) float64 { return t.P99 }) }

func number(x *float64) (ms float64, ok bool) {
	if x == nil {
		return 0, false
	}
	return *x, true
}

func tail(m *Metrics, of func(*Tails) float64) (ms float64, ok bool) {
	t := m.Latency["all"]
	if t == nil {
		return 0, false
	}
	return of(t), true
}

// Numbers returns the measure of the group's conclusive runs, sorted, and in how many of them
// service did not recover.
func (g *Group) Numbers(of Measure) (xs []float64, never int) {
	for _, c := range g.Cells {
		if !c.Conclusive() {
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

// Show returns the median and the range of the measure: "1410 (1380 to 1520)". Runs whose service
// did not recover have no number; they are counted behind it: ", never in 2".
func (g *Group) Show(of Measure) string {
	xs, never := g.Numbers(of)
	s := ""
	switch {
	case len(xs) == 1:
		s = Millis(xs[0])
	case len(xs) > 1:
		s = fmt.Sprintf("%s (%s to %s)", Millis(stats.QuantileSorted(xs, 0.5)), Millis(xs[0]), Millis(xs[len(xs)-1]))
	}
	if never > 0 {
		return strings.TrimPrefix(s+fmt.Sprintf(", never in %d", never), ", ")
	}
	return s
}

// Millis formats milliseconds: two decimals below 10, one below 100, none above.
func Millis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// Verdicts returns the verdicts of the group's cells in words: "1 invalid, 2 valid".
func (g *Group) Verdicts() string {
	n, open := map[results.Status]int{}, 0
	for _, c := range g.Cells {
		if c.State != Finished {
			open++
		} else {
			n[c.Verdict()]++
		}
	}
	return tally(n, open)
}
