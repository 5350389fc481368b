package drawing

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/compare"
)

// recoveries returns the times to recover from all faults of the runs, sorted.
func recoveries(runs []compare.Run) (all []float64) {
	for _, r := range runs {
		all = append(all, r.Recoveries...)
	}
	slices.Sort(all)
	return all
}

// ecdf draws the empirical distribution of the times to recover of both sides: the share of faults
// from which service had recovered after each time. A curve that stays below 1 has faults from
// which it did not recover. ok is false where there is nothing to draw.
func ecdf(c *compare.Comparison, cell *compare.Cell, i int) (d drawing, ok bool) {
	var (
		sides  = [2][]float64{recoveries(cell.Runs[0]), recoveries(cell.Runs[1])}
		both   = slices.Concat(finite(sides[0]), finite(sides[1]))
		legend []canvas.Key
	)
	d.head = []string{"side", "label", "time_to_recover_ms", "share"}
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
			d.rows = append(d.rows, []string{string(rune('A' + side)), label, compare.Decimal(x), compare.Decimal(float64(k+1) / float64(len(s)))})
		}
	}
	d.chart = canvas.Chart{Name: "ecdf", Title: "Time to recover", Panels: []canvas.ChartPanel{{Plot: p, Y: "share of faults", Height: 128, Legend: legend}}}
	if len(c.Cells) > 1 {
		d.chart.Name = fmt.Sprintf("ecdf-%02d-%s", i+1, fileName(cell.Name))
		p.X.Label.Text += "\n" + fit(cell.Name, canvas.PaperWidth-60)
		d.chart.Panels[0].Height += 10
	}
	return d, true
}

// stairs draws a distribution function from its first step to its value at the right edge.
type stairs struct {
	sorted []float64
	of     int
	style  draw.LineStyle
}

// Plot implements plot.Plotter.
func (s stairs) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	from := c.Min.X // without values the curve stays at 0
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
