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
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/summary"
)

// cloudUpTo is how many operations are drawn one by one; more are drawn as a density.
const cloudUpTo = 20_000

// latency draws the latency of every acknowledged operation where it was due, and above them the
// others.
func (v *view) latency() *canvas.Figure {
	var (
		acked           plotter.XYs
		failed, unknown []float64
		windows         = make([][]time.Duration, v.quantiles.n)
		lo, hi          = math.Inf(1), 0.0
	)
	for i := range v.H.Ops {
		o := &v.H.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		switch due := v.Since(o.Due); o.Outcome {
		case history.Failed:
			failed = append(failed, due)
		case history.Unknown:
			unknown = append(unknown, due)
		default:
			ms := max(summary.Millis(o.Latency()), 0.001) // a log axis has no 0
			acked = append(acked, plotter.XY{X: due, Y: ms})
			lo, hi = min(lo, ms), max(hi, ms)
			if b, ok := v.quantiles.of(o.Due); ok {
				windows[b] = append(windows[b], o.Latency())
			}
		}
	}
	if v.s.Ops.Offered == 0 && len(v.H.Passes) > 0 {
		return nil
	}
	if len(acked) == 0 {
		lo, hi = 1, 100
	}
	p50, p99 := v.quantileLines(windows)
	p := v.timePlot(cloudOrDensity(acked), p50, p99,
		canvas.Rug{At: failed, Row: 0.965, Color: canvas.Vermilion, Mark: canvas.MarkTick}, canvas.Rug{At: unknown, Row: 0.905, Color: canvas.Purple, Mark: canvas.MarkWedge})
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, canvas.LogTicks{}
	p.Y.Min, p.Y.Max = canvas.LogRange(lo, hi)
	if len(failed)+len(unknown) > 0 {
		p.Y.Max = p.Y.Min * math.Pow(p.Y.Max/p.Y.Min, 1/0.86) // room for them above the slowest
	}
	return &canvas.Figure{
		Name: "latency", Title: "Latency over time",
		Caption: fmt.Sprintf("Each acknowledged operation at the time it was due; latency is from due to acknowledged. Median and 99th percentile are over windows of %s s. "+
			"Operations that failed or whose outcome is unknown have no latency; they are marked at the top. Shaded: a fault is active.", canvas.Number(v.quantiles.width)),
		Faults: v.faults, Leaders: v.led,
		Panels: []canvas.Panel{{Plot: p, Y: "latency (ms)", Height: 128, Legend: latencyLegend(len(acked), len(failed), len(unknown))}},
	}
}

func latencyLegend(acked, failed, unknown int) []canvas.Entry {
	legend := []canvas.Entry{{Text: "acknowledged", Mark: canvas.MarkPoints, Color: canvas.Sky}, {Text: "median", Mark: canvas.MarkLine, Color: canvas.Blue}, {Text: "p99", Mark: canvas.MarkLine, Color: canvas.Black}}
	if acked > cloudUpTo {
		legend[0] = canvas.Entry{Text: "acknowledged (darker: more)", Mark: canvas.MarkBlock, Color: canvas.DensityRamp[4]}
	}
	if failed > 0 {
		legend = append(legend, canvas.Entry{Text: "failed", Mark: canvas.MarkTick, Color: canvas.Vermilion})
	}
	if unknown > 0 {
		legend = append(legend, canvas.Entry{Text: "unknown", Mark: canvas.MarkWedge, Color: canvas.Purple})
	}
	return legend
}

func cloudOrDensity(pts plotter.XYs) plot.Plotter {
	if len(pts) > cloudUpTo {
		return canvas.Density{Pts: pts}
	}
	return canvas.Cloud{Pts: pts, Color: canvas.Sky}
}

// quantileLines returns the median and the 99th percentile of each window.
func (v *view) quantileLines(windows [][]time.Duration) (p50, p99 canvas.Steps) {
	for _, w := range windows {
		slices.Sort(w)
	}
	of := func(q float64) canvas.Series {
		return v.quantiles.series(func(i int) float64 {
			if len(windows[i]) == 0 {
				return math.NaN()
			}
			return max(summary.Millis(stats.Quantile(windows[i], q)), 0.001)
		})
	}
	return canvas.Steps{Series: of(0.5), Style: draw.LineStyle{Color: canvas.Blue, Width: 1.2}}, canvas.Steps{Series: of(0.99), Style: draw.LineStyle{Color: canvas.Black, Width: 0.8}}
}
