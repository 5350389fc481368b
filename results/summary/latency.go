package summary

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// quantiles sorts the samples in place; unit converts them.
func quantiles(samples []time.Duration, unit func(time.Duration) float64) *results.Quantiles {
	if len(samples) == 0 {
		return nil
	}
	slices.Sort(samples)
	q := func(p float64) float64 { return unit(stats.Quantile(samples, p)) }
	return &results.Quantiles{N: len(samples), P50: q(0.5), P90: q(0.9), P99: q(0.99), P999: q(0.999), Max: q(1)}
}

// phase is a part of the load relative to its faults.
type phase int

const (
	Before phase = iota
	During
	After
)

// PhaseNames are what the phases are called.
var PhaseNames = [...]string{Before: "before", During: "during", After: "after"}

// phaseOf returns the phase that an instant falls into.
func (r *Reading) phaseOf(at time.Duration) phase {
	switch {
	case r.FaultFrom < 0 || at < r.FaultFrom:
		return Before
	case at <= r.faultTo:
		return During
	}
	return After
}

// Latencies are the samples of each phase, and those of reads and of writes, in the order of the
// record.
func (r *Reading) Latencies() (by [3][]time.Duration, kinds [2][]time.Duration) {
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK {
			p := r.phaseOf(o.Due)
			by[p] = append(by[p], o.Latency())
			kinds[o.Kind] = append(kinds[o.Kind], o.Latency())
		}
	}
	return by, kinds
}

func (r *Reading) latency() results.Latency {
	by, kinds := r.Latencies()
	all := slices.Concat(by[:]...)
	return results.Latency{
		All:    quantiles(all, Millis),
		Before: quantiles(by[Before], Millis),
		During: quantiles(by[During], Millis),
		After:  quantiles(by[After], Millis),
		Reads:  quantiles(kinds[history.Read], Millis),
		Writes: quantiles(kinds[history.Write], Millis),
	}
}

func (r *Reading) throughput() results.Throughput {
	var offered, ok int
	var by [3]int
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		offered++
		if o.Outcome == history.OK {
			ok++
			by[r.phaseOf(o.Due)]++
		}
	}
	edges := [4]time.Duration{r.load0, r.LoadEnd, r.LoadEnd, r.LoadEnd}
	if r.FaultFrom >= 0 {
		edges[1], edges[2] = min(r.FaultFrom, r.LoadEnd), min(r.faultTo, r.LoadEnd)
	}
	per := func(n int, from, to time.Duration) *float64 {
		if to <= from {
			return nil
		}
		return new(stats.Round(float64(n)/(to-from).Seconds(), 3))
	}
	t := results.Throughput{
		Before: per(by[Before], edges[0], edges[1]),
		During: per(by[During], edges[1], edges[2]),
		After:  per(by[After], edges[2], edges[3]),
	}
	if all := per(ok, r.load0, r.LoadEnd); all != nil {
		t.OK, t.Offered = *all, *per(offered, r.load0, r.LoadEnd)
	}
	return t
}
