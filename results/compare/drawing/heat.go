package drawing

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/compare"
)

// heat draws the difference of the medians over the two axes of the cells; ok is false for any
// other number of axes. The axis with more values runs down, where there is room for its names.
func heat(c *compare.Comparison, measure string) (d drawing, ok bool) {
	d.head = append(slices.Clone(c.Axes), "a_median_ms", "b_median_ms", "difference_ms", "p_holm", "differs")
	if len(c.Axes) != 2 {
		return d, false
	}
	across, down := 0, 1
	if len(c.ValuesOn(across)) > len(c.ValuesOn(down)) {
		across, down = down, across
	}
	h := heatMap{cols: c.ValuesOn(across), rows: c.ValuesOn(down)}
	unbounded := false // in some cell
	for _, cell := range c.Cells {
		r := cell.Result(measure)
		if r == nil || r.A.N == 0 || r.B.N == 0 {
			continue
		}
		t := tile{col: slices.Index(h.cols, cell.Values[across]), row: slices.Index(h.rows, cell.Values[down]), value: float64(r.Difference), differs: r.Differs}
		h.tiles = append(h.tiles, t)
		if r.Difference.Finite() {
			h.most = max(h.most, math.Abs(t.value))
		} else {
			unbounded = true
		}
		d.rows = append(d.rows, append(append([]string{}, cell.Values...), compare.Decimal(float64(r.A.Median)), compare.Decimal(float64(r.B.Median)),
			compare.Decimal(float64(r.Difference)), compare.Decimal(float64(r.Corrected)), fmt.Sprint(r.Differs)))
	}
	if len(h.tiles) == 0 {
		return d, false
	}
	p := canvas.NewPlot()
	p.Add(h)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(len(h.cols)), 0, float64(len(h.rows))
	rows, cols := named(h.rows), named(h.cols)
	left := 16.0 // of the axis' own label
	for _, name := range rows {
		left = max(left, 20+wide(name))
	}
	height := 22 + 17*float64(len(h.rows))
	p.X.Tick.Marker, p.Y.Tick.Marker = cols, names(reversed(rows))
	if crowded(cols, canvas.PaperWidth-canvas.PaperMargin-left) {
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/6, draw.XRight, draw.YTop
		most := 0.0
		for _, name := range cols {
			most = max(most, wide(name))
		}
		height += most / 2
		left = max(left, min(0.87*most, 80)) // for what the first leans over the edge
	}
	key := []string{axisLabel(c.Axes[across]), measure + " (ms),", "difference of medians", "bold: differs, corrected p ≤ 0.05"}
	if unbounded {
		key = append(key, "+inf, −inf, ±inf: half or more", "of B, A, both are unbounded")
	}
	p.X.Label.Text = strings.Join(key, "\n")
	p.X.Label.TextStyle.Font.Size = 7
	height += 8.5 * float64(len(key))
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	legend := []canvas.Key{
		{Text: "B longer", Color: canvas.ColorB, Block: true}, {Text: "B shorter", Color: canvas.ColorA, Block: true},
	}
	if c.A.Label != "A" {
		b := fit(c.B.Label, 150)
		legend[0].Text, legend[1].Text = b+" longer", b+" shorter"
	}
	d.chart = canvas.Chart{Name: "heat-" + fileName(strings.ReplaceAll(measure, " ", "-")), Title: measure, Left: left, Panels: []canvas.ChartPanel{{
		Plot: p, Y: axisLabel(c.Axes[down]), Height: height, Legend: legend,
	}}}
	return d, true
}

// wide returns the width of the name of a row or a column, in points.
func wide(name string) float64 { return float64(canvas.TextStyle(canvas.Dark).Width(name)) * 8 / 7 }

// named returns the values as names of rows and columns: none is empty, or so long that no room is
// left for the tiles.
func named(values []string) names {
	var n names
	for _, v := range values {
		if v == "" {
			v = "none"
		}
		n = append(n, fit(v, 80))
	}
	return n
}

// crowded reports whether the names would overlap beneath their columns, which have the width in
// points together.
func crowded(names []string, width float64) bool {
	for _, n := range names {
		if wide(n)+4 > width/float64(len(names)) {
			return true
		}
	}
	return false
}

// axisLabel returns the name of an axis without the dashes of a flag.
func axisLabel(name string) string { return strings.TrimPrefix(name, "--") }

// reversed returns the strings in reverse order.
func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// names labels the middles of unit steps on an axis.
type names []string

func (n names) Ticks(_, _ float64) (ticks []plot.Tick) {
	for i, name := range n {
		ticks = append(ticks, plot.Tick{Value: float64(i) + 0.5, Label: name})
	}
	return ticks
}

// A heatMap draws a tile for each cell.
type heatMap struct {
	cols, rows []string
	tiles      []tile
	most       float64 // the greatest difference, which has the strongest colour
}

type tile struct {
	col, row int
	value    float64
	differs  bool
}

// Plot draws a tile for each cell, with the difference in it; those that differ have bold frames.
func (h heatMap) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range h.tiles {
		top := float64(len(h.rows) - t.row)
		l, r := x(float64(t.col))+1, x(float64(t.col+1))-1
		low, high := y(top-1)+1, y(top)-1
		corners := []vg.Point{{X: l, Y: low}, {X: r, Y: low}, {X: r, Y: high}, {X: l, Y: high}}
		side := canvas.ColorA
		if t.value > 0 {
			side = canvas.ColorB
		}
		share := h.share(t.value)
		// The strongest colour is pale enough for black type to be legible on it.
		c.FillPolygon(canvas.Mix(side, 0.75*share), corners)
		frame := draw.LineStyle{Color: canvas.Faint, Width: 0.5}
		if t.differs {
			frame = draw.LineStyle{Color: canvas.Dark, Width: 1.5}
		}
		c.StrokeLines(frame, append(corners, corners[0]))
		sty := canvas.TextStyle(canvas.Black)
		sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
		text := difference(t.value)
		if room := r - l - 1; sty.Width(text) > room {
			sty.Font.Size = max(5, sty.Font.Size*room/sty.Width(text))
		}
		if sty.Width(text) <= r-l { // else only the table has it
			c.FillText(sty, vg.Point{X: (l + r) / 2, Y: (low + high) / 2}, text)
		}
	}
}

// share returns how strong the colour of a difference is: 0 where there is none or it is not known,
// 1 for the strongest.
func (h heatMap) share(x float64) float64 {
	switch {
	case math.IsInf(x, 0):
		return 1
	case math.IsNaN(x) || h.most == 0:
		return 0
	}
	return math.Abs(x) / h.most
}

// difference formats the difference in a tile.
func difference(x float64) string {
	switch {
	case math.IsNaN(x):
		return "±inf"
	case math.IsInf(x, 1):
		return "+inf"
	case math.IsInf(x, -1):
		return "−inf"
	case x > 0:
		return "+" + compare.Amount(x)
	case x < 0:
		return "−" + compare.Amount(-x)
	}
	return "0"
}
