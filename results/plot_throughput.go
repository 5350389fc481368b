package results

import (
	"fmt"
	"time"

	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
)

// throughput draws how operations ended over time, stacked, and the rate at which they were offered.
func (v *view) throughput() *figure {
	ok, failed, unknown, offered := v.outcomes()
	if v.s.Ops.Offered == 0 {
		return nil
	}
	zero := v.rates.series(func(int) float64 { return 0 })
	second := v.rates.series(func(i int) float64 { return ok.values[i] + failed.values[i] })
	third := v.rates.series(func(i int) float64 { return second.values[i] + unknown.values[i] })
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
		caption: fmt.Sprintf("Operations in windows of %s s: acknowledged ones where the acknowledgement came; on top of them those that failed or whose outcome is unknown, where they were due. "+
			"The line: operations offered.", number(v.rates.width)),
		faults: v.faults, leaders: v.led,
		panels: []panel{{plot: p, y: "operations/s", height: 96, legend: legend}},
	}
}

// outcomes are operations a second in each window. An acknowledgement belongs
// to when it came, so that silence shows and so does what was caught up after it. Failures belong to when they
// were due: some end by a time-out seconds after what caused them.
func (v *view) outcomes() (ok, failed, unknown, offered series) {
	w := v.rates
	zero := func(int) float64 { return 0 }
	ok, failed, unknown, offered = w.series(zero), w.series(zero), w.series(zero), w.series(zero)
	add := func(s series, at time.Duration) {
		if i, on := w.of(at); on {
			// The last window may end before it is full.
			s.values[i] += 1 / min(w.width, v.end-float64(i)*w.width)
		}
	}
	for i := range v.h.Ops {
		o := &v.h.Ops[i]
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
