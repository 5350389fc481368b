package figure

import (
	"fmt"
	"time"

	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results/canvas"
)

// throughput draws how operations ended over time, stacked, and the rate at which they were
// offered.
func (v *view) throughput() *canvas.Figure {
	ok, failed, unknown, offered := v.outcomes()
	if v.s.Ops.Offered == 0 {
		return nil
	}
	zero := v.rates.series(func(int) float64 { return 0 })
	second := v.rates.series(func(i int) float64 { return ok.Values[i] + failed.Values[i] })
	third := v.rates.series(func(i int) float64 { return second.Values[i] + unknown.Values[i] })
	most := 0.0
	for i := range third.Values {
		most = max(most, third.Values[i], offered.Values[i])
	}
	p := v.timePlot(
		canvas.Area{Low: zero, High: ok, Color: canvas.Sky}, canvas.Area{Low: ok, High: second, Color: canvas.Vermilion}, canvas.Area{Low: second, High: third, Color: canvas.Purple},
		canvas.Steps{Series: offered, Style: draw.LineStyle{Color: canvas.Black, Width: 0.8}})
	p.Y.Min, p.Y.Max = 0, 1.08*most
	p.Y.Tick.Marker = canvas.LinearTicks{N: 4}
	legend := []canvas.Entry{{Text: "offered", Mark: canvas.MarkLine, Color: canvas.Black}, {Text: "acknowledged", Mark: canvas.MarkBlock, Color: canvas.Sky}}
	if v.s.Ops.Failed > 0 {
		legend = append(legend, canvas.Entry{Text: "failed", Mark: canvas.MarkBlock, Color: canvas.Vermilion})
	}
	if v.s.Ops.Unknown > 0 {
		legend = append(legend, canvas.Entry{Text: "unknown", Mark: canvas.MarkBlock, Color: canvas.Purple})
	}
	return &canvas.Figure{
		Name: "throughput", Title: "Throughput over time",
		Caption: fmt.Sprintf("Operations in windows of %s s: acknowledged ones at the time of the acknowledgement, and stacked on them those that failed or whose outcome is unknown, at the time they were due. "+
			"The line: operations offered.", canvas.Number(v.rates.width)),
		Faults: v.faults, Leaders: v.led,
		Panels: []canvas.Panel{{Plot: p, Y: "operations/s", Height: 96, Legend: legend}},
	}
}

// outcomes are operations a second in each window. An acknowledgement belongs to when it came, so
// that silence shows and so does what was caught up after it. Failures belong to when they were
// due: some end by a time-out seconds after what caused them.
func (v *view) outcomes() (ok, failed, unknown, offered canvas.Series) {
	w := v.rates
	zero := func(int) float64 { return 0 }
	ok, failed, unknown, offered = w.series(zero), w.series(zero), w.series(zero), w.series(zero)
	add := func(s canvas.Series, at time.Duration) {
		if i, on := w.of(at); on {
			// The last window may end before it is full.
			s.Values[i] += 1 / min(w.width, v.end-float64(i)*w.width)
		}
	}
	for i := range v.H.Ops {
		o := &v.H.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		add(offered, o.Due)
		switch o.Outcome {
		case history.OK:
			add(ok, o.Return)
		case history.Failed:
			add(failed, o.Due)
		default:
			add(unknown, o.Due)
		}
	}
	return ok, failed, unknown, offered
}
