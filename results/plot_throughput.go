package results

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/history"
)

// throughput draws how operations ended over time, stacked, and the rate at which they were offered.
func (v *view) throughput() *figure {
	ok, failed, unknown, offered := v.rates()
	if v.s.Ops.Offered == 0 {
		return nil
	}
	zero := v.perWindow(func(int) float64 { return 0 })
	second := v.perWindow(func(i int) float64 { return ok.values[i] + failed.values[i] })
	third := v.perWindow(func(i int) float64 { return second.values[i] + unknown.values[i] })
	most := 0.0
	for i := range third.values {
		most = max(most, third.values[i], offered.values[i])
	}
	p := v.timePlot(
		area{zero, ok, sky}, area{ok, second, vermilion}, area{second, third, purple},
		steps{offered, draw.LineStyle{Color: black, Width: 0.8}})
	p.Y.Min, p.Y.Max = 0, 1.08*most
	p.Y.Tick.Marker = linearTicks{4}
	legend := []entry{{"offered", line, black}, {"acknowledged", block, sky}}
	if v.s.Ops.Failed > 0 {
		legend = append(legend, entry{"failed", block, vermilion})
	}
	if v.s.Ops.Unknown > 0 {
		legend = append(legend, entry{"unknown", block, purple})
	}
	return &figure{
		name: "throughput", title: "Throughput over time",
		caption: fmt.Sprintf("Operations that ended in each window of %s s, stacked by outcome, and those that were due in it (offered).", number(v.window)),
		faults:  v.faults, leaders: v.led,
		panels: []panel{{plot: p, y: "operations/s", height: 96, legend: legend}},
	}
}

// rates are operations a second in each window: outcomes by when they were decided, offers by when they were due.
func (v *view) rates() (ok, failed, unknown, offered series) {
	zero := func(int) float64 { return 0 }
	ok, failed, unknown, offered = v.perWindow(zero), v.perWindow(zero), v.perWindow(zero), v.perWindow(zero)
	for i := range v.h.Ops {
		o := &v.h.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		if b, on := v.bin(o.Due); on {
			offered.values[b]++
		}
		b, on := v.bin(o.Return)
		if !on {
			continue
		}
		switch o.Outcome {
		case history.OK:
			ok.values[b]++
		case history.Failed:
			failed.values[b]++
		default:
			unknown.values[b]++
		}
	}
	for _, s := range []series{ok, failed, unknown, offered} {
		for i := range s.values {
			// The last window may end before it is full.
			s.values[i] /= min(v.window, v.end-float64(i)*v.window)
		}
	}
	return ok, failed, unknown, offered
}
