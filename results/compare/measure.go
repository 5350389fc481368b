package compare

import (
	"math"
	"slices"

	"github.com/reckon-bench/reckon/results"
)

// A measure is one number of a run.
type measure struct {
	name, unit string
	more, less string // what B is when its number is the larger, or the smaller
	// of is the number: NaN says that it was not measured, +Inf that what it counts never ended, or that nothing
	// was acknowledged of all that was offered. Where few is not 0, it has none for want of so many operations.
	of           func(o outcome) (v float64, few int)
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
		{name: timeToRecover, unit: "ms", more: "longer", less: "shorter", of: slowest},
		{name: unavailability, unit: "ms", more: "longer", less: "shorter", of: outage},
	}
	quantiles := []struct {
		name  string
		of    func(results.Quantiles) float64
		least int // below so many operations it is the slowest of them, whatever the share
	}{
		{"p50", func(q results.Quantiles) float64 { return q.P50 }, 2},
		{"p99", func(q results.Quantiles) float64 { return q.P99 }, 100},
		{"p99.9", func(q results.Quantiles) float64 { return q.P999 }, 1000},
	}
	phases := []struct {
		name string
		of   func(outcome) (*results.Quantiles, float64)
	}{
		{"before", func(o outcome) (*results.Quantiles, float64) { return o.Latency.Before, o.lengths()[0] }},
		{"during", func(o outcome) (*results.Quantiles, float64) { return o.Latency.During, o.lengths()[1] }},
		{"after", func(o outcome) (*results.Quantiles, float64) { return o.Latency.After, o.lengths()[2] }},
	}
	for _, ph := range phases {
		for _, qu := range quantiles {
			all = append(all, measure{
				name: qu.name + " " + ph.name, unit: "ms", more: "longer", less: "shorter",
				of: func(o outcome) (float64, int) {
					q, length := ph.of(o)
					due := o.Throughput.Offered * length * nearly
					switch {
					case o.Ops.Offered == 0 || q == nil && length <= 0:
						return math.NaN(), 0 // there was no such phase, or no such load
					case due < float64(qu.least): // not what was acknowledged, which would leave out the worse runs
						return math.NaN(), qu.least
					case q == nil:
						return math.Inf(1), 0 // operations were due, and none was acknowledged
					}
					return qu.of(*q), 0
				},
			})
		}
	}
	return append(all,
		measure{name: "throughput", unit: "/s", more: "higher", less: "lower", of: func(o outcome) (float64, int) {
			return asked(o, o.Throughput.OK), 0
		}},
		measure{name: "leader changes", more: "more", less: "fewer", wholeNumbers: true, of: func(o outcome) (float64, int) {
			return float64(o.Leaders.Changes), 0
		}},
	)
}

// nearly has repeats of one plan count as equals: how long a phase of theirs lasted, and so what was due in it, differs a little.
const nearly = 1.02

// lengths are those of the phases before, during and after faults, in seconds of the load.
func (o outcome) lengths() [3]float64 {
	if o.FaultFrom == nil || o.FaultTo == nil {
		return [3]float64{o.LoadEnd}
	}
	from, to := min(*o.FaultFrom, o.LoadEnd), min(*o.FaultTo, o.LoadEnd)
	return [3]float64{from, to - from, o.LoadEnd - to}
}

// asked is the number, or none where nothing was offered, such as in a run of Kibishii alone.
func asked(o outcome, v float64) float64 {
	if o.Ops.Offered == 0 {
		return math.NaN()
	}
	return v
}

// slowest is the longest recovery from the run's strikes, as in a matrix: a median over them hides an
// outage that one strike of three brings.
func slowest(o outcome) (float64, int) {
	of, ms := o.Unavailability.Slowest()
	if of < 0 {
		return math.NaN(), 0
	}
	return ms, 0
}

// outage is the longest gap. One from which service did not come back ends with the load: how long it lasted is --duration's doing.
func outage(o outcome) (float64, int) {
	u := o.Unavailability
	if slices.Contains(u.Censored, true) && u.Gap[1] >= o.LoadEnd {
		return math.Inf(1), 0
	}
	return asked(o, u.LongestGap), 0
}
