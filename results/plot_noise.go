package results

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
)

// hostNoise draws what the machine did beside the run, and below it how late the generator and the links were for it.
func (v *view) hostNoise() *figure {
	var panels []panel
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
		upper(panels[i].plot)
	}
	return &figure{
		name: "noise", title: "Host noise and punctuality",
		caption: "Above: the share of processor time that the hypervisor took (steal), and of time in which something waited for a resource (pressure). " +
			"Below: how long after its due time the generator dispatched, and how late the links delivered over the whole load. " +
			"Past the bound the run would be no result.",
		faults: v.faults, leaders: v.led, panels: panels,
	}
}

// levels are the Noise keys that are drawn, by what they are called.
var levels = []struct {
	key string
	entry
}{
	{"steal_pct", entry{"steal", line, vermilion}},
	{"psi_cpu_pct", entry{"pressure: CPU", line, blue}},
	{"psi_io_pct", entry{"I/O", dashes, orange}},
	{"psi_memory_pct", entry{"memory", dots, green}},
}

func (v *view) machine() (panel, bool) {
	by := map[string]plotter.XYs{}
	most := 0.0
	for _, e := range v.h.Events {
		if t := v.since(e.At); e.Kind == history.Noise && t >= 0 && t <= v.end {
			for _, l := range levels {
				if x, ok := e.Sample()[l.key]; ok {
					by[l.key] = append(by[l.key], plotter.XY{X: t, Y: x})
					most = max(most, x)
				}
			}
		}
	}
	var data []plot.Plotter
	var legend []entry
	for _, l := range levels {
		if len(by[l.key]) > 0 {
			sty := lineStyle(l.entry)
			sty.Width = 0.8
			data = append(data, polyline{by[l.key], sty})
			legend = append(legend, l.entry)
		}
	}
	p := v.timePlot(data...)
	p.Y.Min, p.Y.Max = 0, min(max(5, 1.05*most), 100)
	p.Y.Tick.Marker = linearTicks{6}
	return panel{plot: p, y: "% of time", height: 60, legend: legend}, len(data) > 0
}

// polyline joins points.
type polyline struct {
	pts   plotter.XYs
	style draw.LineStyle
}

func (l polyline) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := make([]vg.Point, len(l.pts))
	for i, pt := range l.pts {
		line[i] = vg.Point{X: x(pt.X), Y: y(pt.Y)}
	}
	c.StrokeLines(l.style, line)
}

// lag draws the generator's lag in each window, and the links' lateness as levels, against their bounds.
func (v *view) lag() (panel, bool) {
	windows := make([][]time.Duration, v.quantiles.n)
	for i := range v.h.Ops {
		o := &v.h.Ops[i]
		if b, on := v.quantiles.of(o.Due); on && o.Stage == history.Load {
			windows[b] = append(windows[b], o.Call-o.Due)
		}
	}
	lo, hi := math.Inf(1), 0.0
	p50, p99 := v.quantileLines(windows)
	for _, s := range []steps{p50, p99} {
		for _, x := range s.values {
			if !math.IsNaN(x) {
				lo, hi = min(lo, x), max(hi, x)
			}
		}
	}
	p50.style = draw.LineStyle{Color: sky, Width: 1.2}
	data := []plot.Plotter{p50, p99}
	legend := []entry{{"lag, median", line, sky}, {"lag, p99", line, black}}
	if late := v.s.Links.Late; late != nil && late.P99 > 0 {
		level := horizontal{max(late.P99/1e3, 0.001), "", draw.LineStyle{Color: purple, Width: 1, Dashes: dashed}}
		data, legend = append(data, level), append(legend, entry{"links, p99", dashes, purple})
		lo, hi = min(lo, level.at), max(hi, level.at)
	}
	if math.IsInf(lo, 0) {
		return panel{}, false
	}
	if bound := v.s.Load.Bound / 1e3; bound > 0 {
		data = append(data, horizontal{bound, fmt.Sprintf("bound %s ms", number(bound)), draw.LineStyle{Color: vermilion, Width: 0.8}})
		hi = max(hi, 2.5*bound) // its label needs room
	}
	p := v.timePlot(data...)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	p.Y.Min, p.Y.Max = logRange(lo, hi)
	return panel{plot: p, y: "late by (ms)", height: 84, legend: legend}, slices.ContainsFunc(windows, func(w []time.Duration) bool { return len(w) > 0 })
}
