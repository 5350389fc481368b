package drawing

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/compare"
)

// A box summarises the values of one side of a cell: the quartiles, and the farthest values within
// one and a half times their distance (Tukey's whiskers). Unbounded values rank last, as in the
// table, so that any of the numbers may be infinite.
type box struct {
	low, q1, median, q3, high float64
	values                    []float64 // the finite ones, in order
	never                     int
}

// boxOf returns the box of the values; ok is false where there are none.
func boxOf(values []float64) (b box, ok bool) {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return box{}, false
	}
	f := finite(s)
	q := func(p float64) float64 { return stats.QuantileSorted(s, p) }
	b = box{q1: q(0.25), median: q(0.5), q3: q(0.75), values: f, never: len(s) - len(f)}
	b.low, b.high = b.q1, b.q3
	reach := 0.0
	if b.q1 != b.q3 { // both may be infinite
		reach = 1.5 * (b.q3 - b.q1)
	}
	for _, v := range s {
		if v >= b.q1-reach {
			b.low = min(b.low, v)
		}
		if v <= b.q3+reach {
			b.high = max(b.high, v)
		}
	}
	return b, true
}

// The heights of a cell's parts in a figure of boxes, in points.
const (
	boxLabel = 10
	boxRow   = 11
	boxSpace = 5
)

// boxesAPage is how many cells one figure of boxes has at most: more do not fit in a column of a
// paper.
const boxesAPage = 16

// boxes draws a pair of boxes for each cell, one above the other under the cell's name, in as many
// figures as needed, all with the same scale.
func boxes(c *compare.Comparison, measure string) (all []drawing) {
	var cells []*compare.Cell
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, cell := range c.Cells {
		r := cell.Result(measure)
		if r == nil {
			continue
		}
		cells = append(cells, cell)
		for _, v := range slices.Concat(r.Values[0], r.Values[1]) {
			if !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if math.IsInf(lo, 0) {
		return nil
	}
	figures := (len(cells) + boxesAPage - 1) / boxesAPage
	for i := range figures {
		from, to := i*len(cells)/figures, (i+1)*len(cells)/figures
		d := boxFigure(c, measure, cells[from:to], lo, hi)
		if figures > 1 {
			d.chart.Name += fmt.Sprintf("-%d", i+1)
		}
		all = append(all, d)
	}
	return all
}

// boxFigure draws the boxes of some cells, on the scale from lo to hi.
func boxFigure(c *compare.Comparison, measure string, cells []*compare.Cell, lo, hi float64) drawing {
	d := drawing{head: append(append([]string{}, c.Axes...), "side", "label", "n", "never", "whisker_low", "q1", "median", "q3", "whisker_high")}
	b := boxPlot{}
	for _, cell := range cells {
		r := cell.Result(measure)
		row := boxPair{name: cell.Name, n: "n = " + counted(r.A) + ", " + counted(r.B)}
		for side, label := range []string{c.A.Label, c.B.Label} {
			x, ok := boxOf(r.Values[side])
			if !ok {
				continue
			}
			row.boxes[side] = &x
			d.rows = append(d.rows, append(append([]string{}, cell.Values...), string(rune('A'+side)), label, strconv.Itoa(len(x.values)+x.never), strconv.Itoa(x.never),
				compare.Decimal(x.low), compare.Decimal(x.q1), compare.Decimal(x.median), compare.Decimal(x.q3), compare.Decimal(x.high)))
		}
		b.pairs = append(b.pairs, row)
	}
	p := canvas.NewPlot()
	p.Add(canvas.Grid(), b)
	timeAxis(&p.X, lo, hi)
	p.X.Label.Text = measure + " (ms)"
	p.Y.Min, p.Y.Max = 0, b.height()
	p.HideY()
	legend := []canvas.Key{{Text: fit(c.A.Label, dataWidth), Color: canvas.ColorA, Block: true}, {Text: fit(c.B.Label, dataWidth), Color: canvas.ColorB, Block: true}}
	d.chart = canvas.Chart{Name: "box-" + fileName(strings.ReplaceAll(measure, " ", "-")), Title: measure,
		Panels: []canvas.ChartPanel{{Plot: p, Height: b.height() + 30, Legend: legend}}}
	return d
}

// dataWidth is the width of the data area of a figure, in points.
const dataWidth = canvas.PaperWidth - 2*canvas.PaperMargin - 4

// counted returns how many values the sample has, and how many of them are unbounded.
func counted(s compare.Sample) string {
	if s.Never > 0 {
		return fmt.Sprintf("%d (%d never)", s.N, s.Never)
	}
	return strconv.Itoa(s.N)
}

// A boxPlot draws pairs of boxes from the top down; its y axis is in points.
type boxPlot struct{ pairs []boxPair }

// A boxPair is the boxes of both sides of a cell.
type boxPair struct {
	name  string
	n     string // how many values each box has
	boxes [2]*box
}

func (b boxPlot) height() float64 {
	h := float64(boxSpace)
	for _, p := range b.pairs {
		h += p.height()
	}
	return h
}

func (p boxPair) height() float64 { return 2*boxRow + boxSpace + p.head() }

// head returns the height of the pair's labels: one line where both fit, else two.
func (p boxPair) head() float64 {
	sty := canvas.TextStyle(canvas.Dark)
	if float64(sty.Width(p.name)+sty.Width(p.n))+8 > dataWidth {
		return 2 * boxLabel
	}
	return boxLabel
}

// Plot implements plot.Plotter.
func (b boxPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	top := b.height() - boxSpace/2
	for i, pair := range b.pairs {
		if i > 0 {
			c.StrokeLine2(draw.LineStyle{Color: canvas.Faint, Width: 0.4}, c.Min.X, y(top+1), c.Max.X, y(top+1))
		}
		at := top
		label(c, y(at-boxLabel/2), y(at-pair.head()+boxLabel/2), pair)
		at -= pair.head()
		for side, bx := range pair.boxes {
			if bx != nil {
				bx.draw(c, x, y(at-boxRow/2), side)
			}
			at -= boxRow
		}
		top -= pair.height()
	}
}

// label writes the pair's name at the left edge, and how many values it has at the right edge.
func label(c draw.Canvas, name, n vg.Length, pair boxPair) {
	left, right := canvas.TextStyle(canvas.Dark), canvas.TextStyle(canvas.Grey)
	right.XAlign = draw.XRight
	c.FillText(left, vg.Point{X: c.Min.X + 2, Y: name}, fit(pair.name, dataWidth))
	c.FillText(right, vg.Point{X: c.Max.X - 2, Y: n}, pair.n)
}

const boxHalf = vg.Length(3.6)

// draw draws unbounded values as an arrow at the right edge. Where there are too few values for an
// interval it draws each value and no box, as quartiles of three values are just those values.
func (b *box) draw(c draw.Canvas, scale func(float64) vg.Length, y vg.Length, side int) {
	x := func(v float64) vg.Length {
		if math.IsInf(v, 1) {
			return c.Max.X
		}
		return scale(v)
	}
	col := keyOf(side, "").Color
	few := len(b.values)+b.never < stats.MinRepeats
	if !few {
		b.frame(c, x, y, draw.LineStyle{Color: col, Width: 0.8})
	}
	if !math.IsInf(b.median, 1) {
		c.StrokeLine2(draw.LineStyle{Color: canvas.Dark, Width: 1.4}, x(b.median), y-boxHalf, x(b.median), y+boxHalf)
	} else {
		c.StrokeLine2(draw.LineStyle{Color: canvas.Dark, Width: 1.4}, c.Max.X-0.7, y-boxHalf, c.Max.X-0.7, y+boxHalf)
	}
	for _, v := range b.values {
		if few || v < b.low || v > b.high { // beyond the whiskers
			ring(c, draw.LineStyle{Color: col, Width: 0.6}, x(v), y)
		}
	}
	if b.never > 0 {
		c.FillPolygon(col, []vg.Point{{X: c.Max.X + 1, Y: y - 2.4}, {X: c.Max.X + 1, Y: y + 2.4}, {X: c.Max.X + 5, Y: y}})
	}
	if len(b.values) == 0 {
		sty := canvas.TextStyle(col)
		sty.XAlign = draw.XRight
		c.FillText(sty, vg.Point{X: c.Max.X - 4, Y: y}, fmt.Sprintf("%d never", b.never))
	}
}

// frame draws the whiskers and the box, which is open where a quartile is infinite.
func (b *box) frame(c draw.Canvas, x func(float64) vg.Length, y vg.Length, line draw.LineStyle) {
	c.StrokeLine2(line, x(b.low), y, x(b.q1), y)
	c.StrokeLine2(line, x(b.q3), y, x(b.high), y)
	for _, v := range []float64{b.low, b.high} {
		if !math.IsInf(v, 1) {
			c.StrokeLine2(line, x(v), y-2, x(v), y+2)
		}
	}
	if math.IsInf(b.q1, 1) {
		return
	}
	l, r := x(b.q1), max(x(b.q3), x(b.q1)+0.6)
	outline := []vg.Point{{X: r, Y: y - boxHalf}, {X: l, Y: y - boxHalf}, {X: l, Y: y + boxHalf}, {X: r, Y: y + boxHalf}}
	c.FillPolygon(canvas.Pale(line.Color), outline)
	if !math.IsInf(b.q3, 1) {
		outline = append(outline, outline[0])
	}
	c.StrokeLines(line, outline)
}

// ring draws a single value.
func ring(c draw.Canvas, s draw.LineStyle, x, y vg.Length) {
	const r = vg.Length(1.3)
	var p vg.Path
	p.Move(vg.Point{X: x + r, Y: y})
	p.Arc(vg.Point{X: x, Y: y}, r, 0, 2*math.Pi)
	p.Close()
	c.SetLineStyle(s)
	c.Stroke(p)
}
