package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// A panel is one of the small multiples: the values that are fixed in it, and a row for each value
// of the dimension that varies most.
type panel struct {
	Title []string // a part for each dimension
	rows  []panelRow
}

type panelRow struct {
	label string
	group *index.Group
}

// rowDimension returns the dimension whose values are the rows of a panel: the one with the most
// values, and among equals the fault, which is what most people compare.
func rowDimension(dims []matrix.Dimension) string {
	row, most := "fault", 1
	for _, d := range dims {
		if n := len(d.Values); n > most || n == most && d.Name == "fault" {
			row, most = d.Name, n
		}
	}
	return row
}

// panels returns the groups arranged in panels.
func panels(x *index.Index, groups []*index.Group) (all []*panel) {
	by := map[string]*panel{}
	row := rowDimension(x.Dimensions)
	for _, g := range groups {
		c := g.Cells[0]
		var title []string
		for _, d := range x.Dimensions {
			if l := d.Label(c.Cell); l != "" && d.Name != row {
				title = append(title, l)
			}
		}
		name := strings.Join(title, " ")
		p := by[name]
		if p == nil {
			p = &panel{Title: title}
			by[name], all = p, append(all, p)
		}
		label, _ := c.Value(row)
		p.rows = append(p.rows, panelRow{label, g})
	}
	if len(all) == 1 && len(all[0].Title) == 0 {
		all[0].Title = slices.DeleteFunc(x.Cells[0].Words.List(), func(w string) bool { return w == all[0].rows[0].label })
	}
	return all
}

// Sizes of a panel in CSS pixels.
const (
	panelWidth  = 380
	rowHeight   = 18
	labelWidth  = 7.0 // of a character, at most
	labelMost   = 22  // characters
	axisHeight  = 20
	neverWidth  = 46
	panelMargin = 10
)

// A scale is the logarithmic axis that all panels of one metric share.
type scale struct {
	lo, hi float64
	never  bool // some runs did not recover; they are drawn in a column of their own at the right
	label  float64
}

// newScale returns the scale that holds all values of the measure; ok is false where there are
// none.
func newScale(ps []*panel, of index.Measure, unit bool) (s scale, ok bool) {
	s.lo, s.hi = math.Inf(1), math.Inf(-1)
	longest := 0
	for _, p := range ps {
		for _, r := range p.rows {
			longest = max(longest, utf8.RuneCountInString(r.label))
			xs, never := r.group.Numbers(of)
			s.never = s.never || unit && never > 0
			for _, x := range xs {
				s.lo, s.hi = min(s.lo, max(x, 0.01)), max(s.hi, x, 0.01)
			}
		}
	}
	s.label = 8 + labelWidth*float64(min(longest, labelMost))
	if math.IsInf(s.lo, 1) {
		s.lo, s.hi = 1, 10
		return s, s.never
	}
	s.lo, s.hi = roundDown(s.lo), roundUp(s.hi)
	if s.hi < 4*s.lo { // a narrower range would make noise look like a difference
		s.lo, s.hi = roundDown(s.lo/2), roundUp(s.hi*2)
	}
	return s, true
}

// roundUp returns the smallest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is at least x.
func roundUp(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*p*(1+1e-9) {
			return m * p
		}
	}
	return 10 * p
}

func roundDown(x float64) float64 { return 1 / roundUp(1/x) }

// x returns the horizontal position of a number.
func (s scale) x(ms float64) float64 {
	right := float64(panelWidth - panelMargin)
	if s.never {
		right -= neverWidth
	}
	return s.label + (right-s.label)*math.Log(max(ms, s.lo)/s.lo)/math.Log(s.hi/s.lo)
}

// ticks returns the labelled numbers: decades, and 2 and 5 times those where the scale has few.
func (s scale) ticks() (all []float64) {
	few := s.hi/s.lo < 90
	for e := math.Floor(math.Log10(s.lo)); e <= math.Ceil(math.Log10(s.hi)); e++ {
		for _, m := range []float64{1, 2, 5} {
			t := m * math.Pow(10, e)
			if t >= s.lo*(1-1e-9) && t <= s.hi*(1+1e-9) && (m == 1 || few) {
				all = append(all, t)
			}
		}
	}
	return all
}

// with returns the panel without the rows in which no run has the measure. Without a fault there is
// no recovery.
func (p *panel) with(of index.Measure) *panel {
	out := &panel{Title: p.Title}
	for _, r := range p.rows {
		if xs, never := r.group.Numbers(of); len(xs)+never > 0 {
			out.rows = append(out.rows, r)
		}
	}
	return out
}

// draw returns the panel as SVG: a row for each configuration, a mark for each run that links to
// its report, and a bar at the median.
func (p *panel) draw(s scale, of index.Measure, dims []matrix.Dimension) template.HTML {
	var b strings.Builder
	height := rowHeight*len(p.rows) + axisHeight
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" height="%d">`, panelWidth, height, panelWidth, height)
	bottom := rowHeight * len(p.rows)
	for _, t := range s.ticks() {
		fmt.Fprintf(&b, `<path class="g" d="M%.1f 0V%d"/><text class="t" x="%.1f" y="%d">%s</text>`, s.x(t), bottom+3, s.x(t), bottom+15, showTick(t))
	}
	if s.never {
		fmt.Fprintf(&b, `<text class="t" x="%d" y="%d">never</text>`, panelWidth-neverWidth/2, bottom+15)
	}
	for i, r := range p.rows {
		middle := float64(rowHeight*i) + rowHeight/2
		fmt.Fprintf(&b, `<path class="g" d="M%.1f %.1fH%d"/>`, s.label, middle, panelWidth-panelMargin)
		fmt.Fprintf(&b, `<text class="l" x="%.1f" y="%.1f">%s</text>`, s.label-6, middle+4, template.HTMLEscapeString(shortened(r.label)))
		r.marks(&b, s, of, middle, dims)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// marks draws the runs of a row. The bar at the median needs three runs that all recovered.
func (r panelRow) marks(b *strings.Builder, s scale, of index.Measure, middle float64, dims []matrix.Dimension) {
	for i, c := range r.group.Cells {
		if !c.Conclusive() {
			continue
		}
		x, ok := of(c.Outcome.Metrics)
		never := !ok && c.Outcome.Metrics.Censored && s.never
		if !ok && !never {
			continue
		}
		y := middle + float64(i%5-2)*1.3*spread(len(r.group.Cells))
		fmt.Fprintf(b, `<a href="%s"><title>%s: %s</title>`, template.HTMLEscapeString(link(c)), template.HTMLEscapeString(c.Title(dims)), valueWords(x, never))
		switch {
		case never:
			fmt.Fprintf(b, `<path class="m never" d="M%.1f %.1fl8 4.5l-8 4.5z"/>`, panelWidth-neverWidth/2-4.0, y-4.5)
		case c.Verdict() == results.StatusInvalid:
			fmt.Fprintf(b, `<path class="m invalid" d="M%.1f %.1fl4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>`, s.x(x), y-4.5)
		default:
			fmt.Fprintf(b, `<circle class="m valid" cx="%.1f" cy="%.1f" r="3.2"/>`, s.x(x), y)
		}
		b.WriteString("</a>")
	}
	if xs, never := r.group.Numbers(of); len(xs) >= 3 && never == 0 {
		median := stats.QuantileSorted(xs, 0.5)
		fmt.Fprintf(b, `<path class="med" d="M%.1f %.1fV%.1f"/>`, s.x(median), middle-7, middle+7)
	}
}

// spread returns how far marks are moved off their line: not at all for few runs, which do not hide
// each other.
func spread(n int) float64 {
	if n <= 3 {
		return 0
	}
	return 1
}

func valueWords(ms float64, never bool) string {
	if never {
		return "service did not recover"
	}
	return index.Millis(ms) + " ms"
}

func showTick(ms float64) string {
	if ms >= 1000 {
		return plain(math.Round(ms)/1000) + " s"
	}
	return plain(math.Round(ms*1e4) / 1e4)
}

// shortened returns a long label without its middle, as both its beginning and its end may
// distinguish it.
func shortened(label string) string {
	r := []rune(label)
	if len(r) <= labelMost {
		return label
	}
	return string(r[:labelMost/2]) + "…" + string(r[len(r)-labelMost/2+1:])
}

// link returns the path from the page to the run: to its report, else to its directory, or to its
// log where it left no summary.
func link(c *index.Cell) string {
	to := index.CellsDir + "/" + c.Name + "/"
	if c.Outcome != nil && c.Outcome.Report {
		to += "report.html"
	} else if c.Outcome != nil && c.Outcome.Metrics == nil {
		to = index.LogsDir + "/" + c.Name + ".log"
	}
	return to
}
