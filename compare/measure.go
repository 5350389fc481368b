package compare

import (
	"math"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/stats"
)

// A measure is one number of a run. NaN says that it was not measured, +Inf that
// what it counts never ended or nothing was acknowledged at all.
type measure struct {
	name, unit   string
	more, less   string // what B is when its number is the larger, or the smaller
	of           func(o outcome, recoveries []float64) float64
	wholeNumbers bool
}

// The names of the measures that figures draw.
const (
	timeToRecover  = "time to recover"
	unavailability = "longest unavailability"
)

// measures are compared in this order; the correction is over all of them.
var measures = allMeasures()

func allMeasures() []measure {
	all := []measure{
		// The run is what was repeated, not the strike: strikes of one run share its cluster and its machine.
		{name: timeToRecover, unit: "ms", more: "longer", less: "shorter", of: func(_ outcome, r []float64) float64 { return stats.Median(r) }},
		{name: unavailability, unit: "ms", more: "longer", less: "shorter", of: func(o outcome, _ []float64) float64 { return o.Unavailability.LongestGap }},
	}
	quantiles := []struct {
		name string
		of   func(results.Quantiles) float64
	}{
		{"p50", func(q results.Quantiles) float64 { return q.P50 }},
		{"p99", func(q results.Quantiles) float64 { return q.P99 }},
		{"p99.9", func(q results.Quantiles) float64 { return q.P999 }},
	}
	phases := []struct {
		name string
		of   func(outcome) (*results.Quantiles, *float64)
	}{
		{"before", func(o outcome) (*results.Quantiles, *float64) { return o.Latency.Before, o.Throughput.Before }},
		{"during", func(o outcome) (*results.Quantiles, *float64) { return o.Latency.During, o.Throughput.During }},
		{"after", func(o outcome) (*results.Quantiles, *float64) { return o.Latency.After, o.Throughput.After }},
	}
	for _, ph := range phases {
		for _, qu := range quantiles {
			all = append(all, measure{
				name: qu.name + " " + ph.name, unit: "ms", more: "longer", less: "shorter",
				of: func(o outcome, _ []float64) float64 {
					q, rate := ph.of(o)
					switch {
					case q != nil:
						return qu.of(*q)
					case rate != nil: // there was such a phase, and nothing was acknowledged in it
						return math.Inf(1)
					}
					return math.NaN()
				},
			})
		}
	}
	return append(all,
		measure{name: "throughput", unit: "/s", more: "higher", less: "lower", of: func(o outcome, _ []float64) float64 { return o.Throughput.OK }},
		measure{name: "leader changes", more: "more", less: "fewer", wholeNumbers: true, of: func(o outcome, _ []float64) float64 { return float64(o.Leaders.Changes) }},
	)
}
