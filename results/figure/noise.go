package figure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results/canvas"
)

// hostNoise draws what the machine did beside the run, and below it how late the generator and the
// links were for it.
func (v *view) hostNoise() *canvas.Figure {
	var panels []canvas.Panel
	if machine, ok := v.machine(); ok {
		panels = append(panels, machine)
	}
	if lag, ok := v.lag(); ok {
		panels = append(panels, lag)
	}
	if len(panels) == 0 {
		return nil
	}
	for i := range len(panels) - 1 {
		canvas.Upper(panels[i].Plot)
	}
	return &canvas.Figure{
		Name: "noise", Title: "Host noise and punctuality",
		Caption: "Above: the share of processor time that the hypervisor took (steal), and the share of time in which some task waited for a resource (PSI). " +
			"Below: how long after its due time the generator dispatched, and how late the links delivered over the whole load. " +
			"Past the bound the run is inconclusive.",
		Faults: v.faults, Leaders: v.led, Panels: panels,
	}
}

// levels are the Noise keys that are drawn, by what they are called.
var levels = []struct {
	key string
	canvas.Entry
}{

	{"steal_pct", canvas.Entry{Text: "steal", Mark: canvas.MarkLine, Color: canvas.Vermilion}},
	{"psi_cpu_pct", canvas.Entry{Text: "pressure: CPU", Mark: canvas.MarkLine, Color: canvas.Blue}},
	{"psi_io_pct", canvas.Entry{Text: "I/O", Mark: canvas.MarkDashes, Color: canvas.Orange}},
	{"psi_memory_pct", canvas.Entry{Text: "memory", Mark: canvas.MarkDots, Color: canvas.Green}},
}

func (v *view) machine() (canvas.Panel, bool) {
	by := map[string]plotter.XYs{}
	most := 0.0
	for _, e := range v.H.Events {
		if t := v.Since(e.At); e.Kind == history.Noise && t >= 0 && t <= v.end {
			for _, l := range levels {
				if x, ok := e.Sample()[l.key]; ok {
					by[l.key] = append(by[l.key], plotter.XY{X: t, Y: x})
					most = max(most, x)
				}
			}
		}
	}
	var data []plot.Plotter
	var legend []canvas.Entry
	for _, l := range levels {
		if len(by[l.key]) > 0 {
			sty := canvas.LineStyle(l.Entry)
			sty.Width = 0.8
			data = append(data, canvas.Polyline{Pts: by[l.key], Style: sty})
			legend = append(legend, l.Entry)
		}
	}
	p := v.timePlot(data...)
	p.Y.Min, p.Y.Max = 0, min(max(5, 1.05*most), 100)
	p.Y.Tick.Marker = canvas.LinearTicks{N: 6}
	return canvas.Panel{Plot: p, Y: "% of time", Height: 60, Legend: legend}, len(data) > 0
}

// lag draws the generator's lag in each window, and the links' lateness as levels, against their
// bounds.
func (v *view) lag() (canvas.Panel, bool) {
	windows := make([][]time.Duration, v.quantiles.n)
	for i := range v.H.Ops {
		o := &v.H.Ops[i]
		if b, on := v.quantiles.of(o.Due); on && o.Stage == history.Load {
			windows[b] = append(windows[b], o.Call-o.Due)
		}
	}
	lo, hi := math.Inf(1), 0.0
	p50, p99 := v.quantileLines(windows)
	for _, s := range []canvas.Steps{p50, p99} {
		for _, x := range s.Values {
			if !math.IsNaN(x) {
				lo, hi = min(lo, x), max(hi, x)
			}
		}
	}
	p50.Style = draw.LineStyle{Color: canvas.Sky, Width: 1.2}
	data := []plot.Plotter{p50, p99}
	legend := []canvas.Entry{{Text: "lag, median", Mark: canvas.MarkLine, Color: canvas.Sky}, {Text: "lag, p99", Mark: canvas.MarkLine, Color: canvas.Black}}
	if late := v.s.Links.Late; late != nil && late.P99 > 0 {
		level := canvas.Horizontal{At: max(late.P99/1e3, 0.001), Text: "", Style: draw.LineStyle{Color: canvas.Purple, Width: 1, Dashes: canvas.Dashes}}
		data, legend = append(data, level), append(legend, canvas.Entry{Text: "links, p99", Mark: canvas.MarkDashes, Color: canvas.Purple})
		lo, hi = min(lo, level.At), max(hi, level.At)
	}
	if math.IsInf(lo, 0) {
		return canvas.Panel{}, false
	}
	if bound := v.s.Load.Bound / 1e3; bound > 0 {
		data = append(data, canvas.Horizontal{At: bound, Text: fmt.Sprintf("bound %s ms", canvas.Number(bound)), Style: draw.LineStyle{Color: canvas.Vermilion, Width: 0.8}})
		hi = max(hi, 2.5*bound) // its label needs room
	}
	p := v.timePlot(data...)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, canvas.LogTicks{}
	p.Y.Min, p.Y.Max = canvas.LogRange(lo, hi)
	return canvas.Panel{Plot: p, Y: "late by (ms)", Height: 84, Legend: legend}, slices.ContainsFunc(windows, func(w []time.Duration) bool { return len(w) > 0 })
}
