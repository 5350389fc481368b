package compare

import (
	"math"
	"slices"

	"github.com/reckon-bench/reckon/results"
)

// A measure is one number of a run.
type measure struct {
	name, unit string
	more, less string // what the larger number is called, and the smaller
	// of returns the number: NaN where it was not measured, +Inf where service did not recover or
	// where nothing that was offered was acknowledged. Where there were too few operations, few is
	// how many the measure needs.
	of func(o outcome) (v float64, few int)
}

// The names of the measures that figures show.
const (
	TimeToRecover  = "time to recover"
	Unavailability = "longest unavailability"
)

// measures are all measures, in the order in which they are compared. P is corrected for all of
// them.
var measures = allMeasures()

func allMeasures() []measure {
	all := []measure{
		// A value per run, not per fault: the faults of one run share its cluster and its machine.
		{name: TimeToRecover, unit: "ms", more: "longer", less: "shorter", of: slowest},
		{name: Unavailability, unit: "ms", more: "longer", less: "shorter", of: outage},
	}
	quantiles := []struct {
		name  string
		of    func(results.Quantiles) float64
		least int // with fewer operations it is the slowest of them, whatever the quantile
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
						return math.NaN(), 0 // there was no such phase, or no load
					case due < float64(qu.least): // counted by what was due: counting what was acknowledged would leave out the worse runs
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
		measure{name: "leader changes", more: "higher", less: "lower", of: func(o outcome) (float64, int) {
			return float64(o.Leaders.Changes), 0
		}},
	)
}

// nearly allows for phases of one plan that differ a little in length from run to run, and so in
// how many operations were due in them.
const nearly = 1.02

// lengths returns the lengths of the phases before, during and after faults, in seconds.
func (o outcome) lengths() [3]float64 {
	if o.FaultFrom == nil || o.FaultTo == nil {
		return [3]float64{o.LoadEnd}
	}
	from, to := min(*o.FaultFrom, o.LoadEnd), min(*o.FaultTo, o.LoadEnd)
	return [3]float64{from, to - from, o.LoadEnd - to}
}

// asked returns the number, or NaN where no operation was offered, as in a run of Kibishii alone.
func asked(o outcome, v float64) float64 {
	if o.Ops.Offered == 0 {
		return math.NaN()
	}
	return v
}

// slowest returns the longest recovery from the run's faults, as a matrix does. A median over them
// would hide the outage that one fault of three causes.
func slowest(o outcome) (float64, int) {
	of, ms := o.Unavailability.Slowest()
	if of < 0 {
		return math.NaN(), 0
	}
	return ms, 0
}

// outage returns the longest outage. One from which service did not recover is unbounded: it ended
// with the load, so its length is only that of the load.
func outage(o outcome) (float64, int) {
	u := o.Unavailability
	if slices.Contains(u.Censored, true) && u.Gap[1] >= o.LoadEnd {
		return math.Inf(1), 0
	}
	return asked(o, u.LongestGap), 0
}
