package figure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/summary"
)

// cdf draws the share of operations that were at most so slow, by phase. Its y axis counts nines -
// 90 %, 99 %, 99.9 % are as far from each other - because a fault's cost is in the tail, which a
// linear axis hides.
func (v *view) cdf() *canvas.Figure {
	var (
		data   []plot.Plotter
		legend []canvas.Entry
		lo, hi = math.Inf(1), 0.0
		most   = 0
	)
	styles := [...]canvas.Entry{summary.Before: {Mark: canvas.MarkLine, Color: canvas.Blue}, summary.During: {Mark: canvas.MarkDashes, Color: canvas.Vermilion}, summary.After: {Mark: canvas.MarkDots, Color: canvas.Green}}
	by, _ := v.Latencies()
	for i, samples := range by {
		if len(samples) == 0 {
			continue
		}
		slices.Sort(samples)
		e := styles[i]
		e.Text = fmt.Sprintf("%s (n = %d)", summary.PhaseNames[i], len(samples))
		if v.FaultFrom < 0 {
			e.Text = fmt.Sprintf("all (n = %d)", len(samples))
		}
		legend = append(legend, e)
		data = append(data, quantileCurve{samples, canvas.LineStyle(e)})
		lo, hi = min(lo, max(summary.Millis(samples[0]), 0.001)), max(hi, summary.Millis(samples[len(samples)-1]))
		most = max(most, len(samples))
	}
	if len(data) == 0 {
		return nil
	}
	p := canvas.NewPlot()
	p.Add(canvas.Grid())
	p.Add(data...)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, canvas.LogTicks{}
	p.X.Min, p.X.Max = canvas.LogRange(lo, max(hi, lo))
	p.X.Label.Text = "latency (ms)"
	p.Y.Min, p.Y.Max = 0, max(1, math.Log10(2*float64(most))+0.05)
	p.Y.Tick.Marker = canvas.Nines{}
	return &canvas.Figure{
		Name: "cdf", Title: "Latency distribution",
		Caption: "The share of acknowledged operations with at most this latency, by the phase in which they were due. The vertical axis counts nines " +
			"to show the tail; each curve ends with its slowest operation." + v.unacknowledged(),
		Panels: []canvas.Panel{{Plot: p, Y: "percentile", Height: 132, Legend: legend}},
	}
}

// unacknowledged says what the curves leave out.
func (v *view) unacknowledged() string {
	if n := v.s.Ops.Failed + v.s.Ops.Unknown; n > 0 {
		return fmt.Sprintf(" %d operations were not acknowledged and are not included.", n)
	}
	return ""
}

// quantileCurve draws sorted samples against the nines of their rank.
type quantileCurve struct {
	sorted []time.Duration
	style  draw.LineStyle
}

func (q quantileCurve) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	n := len(q.sorted)
	var path vg.Path
	path.Move(vg.Point{X: x(ms(q.sorted[0])), Y: y(0)})
	last := path[0].Pos
	for i := 1; i <= n; i++ {
		// Rank i of n stands at (i - 1/2)/n: the slowest operation is no proof that none is slower.
		share := (float64(i) - 0.5) / float64(n)
		pt := vg.Point{X: x(ms(q.sorted[i-1])), Y: y(-math.Log10(1 - share))}
		if i < n && pt.X-last.X < 0.3 && pt.Y-last.Y < 0.3 {
			continue
		}
		path.Line(pt)
		last = pt
	}
	c.SetLineStyle(q.style)
	c.Stroke(path)
}

func ms(d time.Duration) float64 { return max(summary.Millis(d), 0.001) }
