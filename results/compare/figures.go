package compare

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
)

// drawings are the figures that the comparison has something to show for.
func (c *Comparison) drawings() (all []drawing) {
	for i, cell := range c.Cells {
		if d, ok := c.ecdf(cell, i); ok {
			all = append(all, d)
		}
	}
	for _, m := range []string{timeToRecover, unavailability} {
		all = append(all, c.boxes(m)...)
	}
	for _, m := range []string{timeToRecover, unavailability} {
		if d, ok := c.heat(m); ok {
			all = append(all, d)
		}
	}
	return all
}

// recoveries are those of all strikes of the runs, in order.
func strikesOf(runs []Run) (all []float64) {
	for _, r := range runs {
		all = append(all, r.Recoveries...)
	}
	slices.Sort(all)
	return all
}

// finite are the values that have an end, of sorted ones.
func finite(sorted []float64) []float64 {
	i := slices.IndexFunc(sorted, func(x float64) bool { return math.IsInf(x, 1) })
	if i < 0 {
		return sorted
	}
	return sorted[:i]
}

// ecdf draws the share of strikes from which service was back after at most so long.
// A curve that does not reach 1 has strikes from which it never came back.
func (c *Comparison) ecdf(cell *Cell, i int) (drawing, bool) {
	var (
		sides  = [2][]float64{strikesOf(cell.runs[0]), strikesOf(cell.runs[1])}
		both   = slices.Concat(finite(sides[0]), finite(sides[1]))
		legend []canvas.Key
		d      = drawing{head: []string{"side", "label", "time_to_recover_ms", "share"}}
	)
	if len(sides[0]) == 0 || len(sides[1]) == 0 || len(both) == 0 {
		return d, false
	}
	p := canvas.NewPlot()
	p.Add(canvas.Grid())
	lo, hi := slices.Min(both), slices.Max(both)
	timeAxis(&p.X, lo, hi)
	p.X.Label.Text = "time to recover (ms)"
	canvas.LinearAxis(&p.Y, 0, 1, 5)
	for side, label := range []string{c.A.Label, c.B.Label} {
		s := sides[side]
		key := keyOf(side, fmt.Sprintf("%s (n = %d)", fit(label, 150), len(s)))
		switch never := len(s) - len(finite(s)); {
		case never == len(s):
			key.Text = fmt.Sprintf("%s (n = %d, all never)", fit(label, 130), len(s))
		case never > 0:
			key.Text = fmt.Sprintf("%s (n = %d, %d never)", fit(label, 130), len(s), never)
		}
		legend = append(legend, key)
		p.Add(stairs{finite(s), len(s), style(key)})
		for k, x := range finite(s) {
			d.rows = append(d.rows, []string{string(rune('A' + side)), label, cellText(x), cellText(float64(k+1) / float64(len(s)))})
		}
	}
	d.chart = canvas.Chart{Name: "ecdf", Title: "Time to recover", Panels: []canvas.ChartPanel{{Plot: p, Y: "share of strikes", Height: 128, Legend: legend}}}
	if len(c.Cells) > 1 {
		d.chart.Name = fmt.Sprintf("ecdf-%02d-%s", i+1, fileName(cell.Name))
		p.X.Label.Text += "\n" + fit(cell.Name, canvas.PaperWidth-60)
		d.chart.Panels[0].Height += 10
	}
	return d, true
}

// fileName makes a cell's name fit to be part of a file's. Its number makes it the only one.
func fileName(s string) string {
	const most = 60
	s = s[:min(len(s), most)]
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, strings.ReplaceAll(s, ", ", "-"))
}

// timeAxis is logarithmic where times span more than a decade.
func timeAxis(a *plot.Axis, lo, hi float64) {
	if lo > 0 && hi/lo > 10 {
		canvas.LogAxis(a, lo, hi)
		return
	}
	room := max((hi-lo)*0.08, hi*0.02, 1e-6)
	from := max(0, lo-room)
	if lo < hi/3 {
		from = 0
	}
	canvas.LinearAxis(a, from, hi+room, 5)
}

func keyOf(side int, text string) canvas.Key {
	if side == 0 {
		return canvas.Key{Text: text, Color: canvas.ColorA}
	}
	return canvas.Key{Text: text, Color: canvas.ColorB, Dashed: true}
}

func style(k canvas.Key) draw.LineStyle {
	s := draw.LineStyle{Color: k.Color, Width: 1.2}
	if k.Dashed {
		s.Dashes = canvas.Dashes
	}
	return s
}

// stairs draws a distribution function from its first step to what it reaches at the right edge.
type stairs struct {
	sorted []float64
	of     int
	style  draw.LineStyle
}

func (s stairs) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	from := c.Min.X // of none the curve stays at 0
	if len(s.sorted) > 0 {
		from = x(s.sorted[0])
	}
	path.Move(vg.Point{X: from, Y: y(0)})
	for i, v := range s.sorted {
		path.Line(vg.Point{X: x(v), Y: y(float64(i) / float64(s.of))})
		path.Line(vg.Point{X: x(v), Y: y(float64(i+1) / float64(s.of))})
	}
	path.Line(vg.Point{X: c.Max.X, Y: y(float64(len(s.sorted)) / float64(s.of))})
	c.SetLineStyle(s.style)
	c.Stroke(path)
}

// result finds the cell's result of the measure.
func (c *Cell) result(measure string) *Result {
	i := slices.IndexFunc(c.Results, func(r *Result) bool { return r.Measure == measure })
	if i < 0 {
		return nil
	}
	return c.Results[i]
}

// A box sums up the values of one side of a cell: quartiles, and the farthest
// values within one and a half times their distance (Tukey's). What has no end ranks last, as in the
// table, so that any of them may be infinite.
type box struct {
	low, q1, median, q3, high float64
	values                    []float64 // the finite ones, in order
	never                     int
}

// boxOf is false where there are no values.
func boxOf(values []float64) (box, bool) {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return box{}, false
	}
	f := finite(s)
	q := func(p float64) float64 { return stats.QuantileSorted(s, p) }
	b := box{q1: q(0.25), median: q(0.5), q3: q(0.75), values: f, never: len(s) - len(f)}
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

// Heights in points of what a cell takes in the figure of boxes.
const (
	boxLabel = 10
	boxRow   = 11
	boxSpace = 5
)

// boxesAPage is how many cells one figure of boxes has at most: more do not fit a column of a paper.
const boxesAPage = 16

// boxes draws a pair of boxes for each cell, over each other under the cell's name: in as many figures as
// it takes, with one scale.
func (c *Comparison) boxes(measure string) (all []drawing) {
	var cells []*Cell
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, cell := range c.Cells {
		r := cell.result(measure)
		if r == nil {
			continue
		}
		cells = append(cells, cell)
		for _, v := range slices.Concat(r.values[0], r.values[1]) {
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
		d := c.boxFigure(measure, cells[from:to], lo, hi)
		if figures > 1 {
			d.chart.Name += fmt.Sprintf("-%d", i+1)
		}
		all = append(all, d)
	}
	return all
}

func (c *Comparison) boxFigure(measure string, cells []*Cell, lo, hi float64) drawing {
	d := drawing{head: append(append([]string{}, c.Axes...), "side", "label", "n", "never", "whisker_low", "q1", "median", "q3", "whisker_high")}
	b := boxPlot{}
	for _, cell := range cells {
		r := cell.result(measure)
		row := boxPair{name: cell.Name, n: "n = " + r.A.counted() + ", " + r.B.counted()}
		for side, label := range []string{c.A.Label, c.B.Label} {
			x, ok := boxOf(r.values[side])
			if !ok {
				continue
			}
			row.boxes[side] = &x
			d.rows = append(d.rows, append(append([]string{}, cell.Values...), string(rune('A'+side)), label, strconv.Itoa(len(x.values)+x.never), strconv.Itoa(x.never),
				cellText(x.low), cellText(x.q1), cellText(x.median), cellText(x.q3), cellText(x.high)))
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

// dataWidth is what labels have room for in the figure of boxes, in points.
const dataWidth = canvas.PaperWidth - 2*canvas.PaperMargin - 4

// fit cuts the end of a label that is wider than the points given.
func fit(label string, width float64) string {
	sty := canvas.TextStyle(canvas.Dark)
	if float64(sty.Width(label)) <= width {
		return label
	}
	for r := []rune(label); len(r) > 0; r = r[:len(r)-1] {
		if cut := string(r) + "…"; float64(sty.Width(cut)) <= width {
			return cut
		}
	}
	return ""
}

// counted is how many values there are, and how many of them have no end.
func (s Sample) counted() string {
	if s.Never > 0 {
		return fmt.Sprintf("%d (%d never)", s.N, s.Never)
	}
	return strconv.Itoa(s.N)
}

// A boxPlot draws pairs from the top down; its y axis counts points.
type boxPlot struct{ pairs []boxPair }

type boxPair struct {
	name  string
	n     string // how many values each box sums up
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

// head is the height of the pair's labels: one line where both fit, two otherwise.
func (p boxPair) head() float64 {
	sty := canvas.TextStyle(canvas.Dark)
	if float64(sty.Width(p.name)+sty.Width(p.n))+8 > dataWidth {
		return 2 * boxLabel
	}
	return boxLabel
}

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

// label names the pair at the left edge, and says at the right one how many values it has.
func label(c draw.Canvas, name, n vg.Length, pair boxPair) {
	left, right := canvas.TextStyle(canvas.Dark), canvas.TextStyle(canvas.Grey)
	right.XAlign = draw.XRight
	c.FillText(left, vg.Point{X: c.Min.X + 2, Y: name}, fit(pair.name, dataWidth))
	c.FillText(right, vg.Point{X: c.Max.X - 2, Y: n}, pair.n)
}

const boxHalf = vg.Length(3.6)

// draw draws what is infinite to the right edge, with an arrow there. Of too few values for an interval it draws
// each, and no box: quartiles of three values are no more than those.
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

// frame draws whiskers and the box, which is open where a quartile is infinite.
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

func ring(c draw.Canvas, s draw.LineStyle, x, y vg.Length) {
	const r = vg.Length(1.3)
	var p vg.Path
	p.Move(vg.Point{X: x + r, Y: y})
	p.Arc(vg.Point{X: x, Y: y}, r, 0, 2*math.Pi)
	p.Close()
	c.SetLineStyle(s)
	c.Stroke(p)
}
