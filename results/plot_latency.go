package results

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
)

// cloudUpTo is how many operations are drawn one by one; more are drawn as a density.
const cloudUpTo = 20_000

// latency draws the latency of every acknowledged operation where it was due, and above them the others.
func (v *view) latency() *figure {
	var (
		acked           plotter.XYs
		failed, unknown []float64
		windows         = make([][]time.Duration, v.quantiles.n)
		lo, hi          = math.Inf(1), 0.0
	)
	for i := range v.h.Ops {
		o := &v.h.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		switch due := v.since(o.Due); o.Outcome {
		case history.Failed:
			failed = append(failed, due)
		case history.Unknown:
			unknown = append(unknown, due)
		default:
			ms := max(millis(o.Latency()), 0.001) // a log axis has no 0
			acked = append(acked, plotter.XY{X: due, Y: ms})
			lo, hi = min(lo, ms), max(hi, ms)
			if b, ok := v.quantiles.of(o.Due); ok {
				windows[b] = append(windows[b], o.Latency())
			}
		}
	}
	if v.s.Ops.Offered == 0 && len(v.h.Passes) > 0 {
		return nil
	}
	if len(acked) == 0 {
		lo, hi = 1, 100
	}
	p50, p99 := v.quantileLines(windows)
	p := v.timePlot(cloudOrDensity(acked), p50, p99,
		rug{failed, 0.965, vermilion, tick}, rug{unknown, 0.905, purple, wedge})
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	p.Y.Min, p.Y.Max = logRange(lo, hi)
	if len(failed)+len(unknown) > 0 {
		p.Y.Max = p.Y.Min * math.Pow(p.Y.Max/p.Y.Min, 1/0.86) // room for them above the slowest
	}
	return &figure{
		name: "latency", title: "Latency over time",
		caption: fmt.Sprintf("Each acknowledged operation where it was due: the time from due to acknowledged. Median and 99th percentile are over windows of %s s. "+
			"Operations that failed or whose outcome is unknown have no latency; they are marked at the top. Shaded: a fault is in effect.", number(v.quantiles.width)),
		faults: v.faults, leaders: v.led,
		panels: []panel{{plot: p, y: "latency (ms)", height: 128, legend: latencyLegend(len(acked), len(failed), len(unknown))}},
	}
}

func latencyLegend(acked, failed, unknown int) []entry {
	legend := []entry{{"acknowledged", points, sky}, {"median", line, blue}, {"p99", line, black}}
	if acked > cloudUpTo {
		legend[0] = entry{"acknowledged (darker: more)", block, densityRamp[4]}
	}
	if failed > 0 {
		legend = append(legend, entry{"failed", tick, vermilion})
	}
	if unknown > 0 {
		legend = append(legend, entry{"unknown", wedge, purple})
	}
	return legend
}

func cloudOrDensity(pts plotter.XYs) plot.Plotter {
	if len(pts) > cloudUpTo {
		return density{pts}
	}
	return cloud{pts, sky}
}

// quantileLines are the median and the 99th percentile of each window.
func (v *view) quantileLines(windows [][]time.Duration) (p50, p99 steps) {
	for _, w := range windows {
		slices.Sort(w)
	}
	of := func(q float64) series {
		return v.quantiles.series(func(i int) float64 {
			if len(windows[i]) == 0 {
				return math.NaN()
			}
			return max(millis(nearestRank(windows[i], q)), 0.001)
		})
	}
	return steps{of(0.5), draw.LineStyle{Color: blue, Width: 1.2}}, steps{of(0.99), draw.LineStyle{Color: black, Width: 0.8}}
}
