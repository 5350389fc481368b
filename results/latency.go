package results

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Latency is of acknowledged operations of the load, in milliseconds from when
// each was due, not from when it could be sent: a stalled store cannot hide
// behind a client that stalls with it. The phase of an operation goes by Due:
// "during" is from the first strike in effect to the last heal, and without a
// strike everything is "before". Null where a phase has no acknowledged operation.
type Latency struct {
	All    *Quantiles `json:"all"`
	Before *Quantiles `json:"before"`
	During *Quantiles `json:"during"`
	After  *Quantiles `json:"after"`
	Reads  *Quantiles `json:"reads"`  // of all phases
	Writes *Quantiles `json:"writes"` // likewise
}

// Quantiles are exact, by nearest rank: p99 is the smallest sample that at least 99 % of all do not exceed.
type Quantiles struct {
	N    int     `json:"n"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// quantiles sorts the samples in place; unit converts them.
func quantiles(samples []time.Duration, unit func(time.Duration) float64) *Quantiles {
	if len(samples) == 0 {
		return nil
	}
	slices.Sort(samples)
	q := func(p float64) float64 { return unit(nearestRank(samples, p)) }
	return &Quantiles{N: len(samples), P50: q(0.5), P90: q(0.9), P99: q(0.99), P999: q(0.999), Max: q(1)}
}

// nearestRank is the smallest sample that at least the share p of all samples does not exceed.
func nearestRank(sorted []time.Duration, p float64) time.Duration {
	n := len(sorted)
	rank := int(p * float64(n))
	if float64(rank) < p*float64(n) {
		rank++
	}
	return sorted[min(max(rank, 1), n)-1]
}

// phase is a part of the load relative to its faults.
type phase int

const (
	before phase = iota
	during
	after
)

var phaseNames = [...]string{before: "before", during: "during", after: "after"}

// phaseOf is the phase that an instant falls into.
func (r *reading) phaseOf(at time.Duration) phase {
	switch {
	case r.faultFrom < 0 || at < r.faultFrom:
		return before
	case at <= r.faultTo:
		return during
	}
	return after
}

// latencies are the samples of each phase, and those of reads and of writes, in the order of the record.
func (r *reading) latencies() (by [3][]time.Duration, kinds [2][]time.Duration) {
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK {
			p := r.phaseOf(o.Due)
			by[p] = append(by[p], o.Latency())
			kinds[o.Kind] = append(kinds[o.Kind], o.Latency())
		}
	}
	return by, kinds
}

func (r *reading) latency() Latency {
	by, kinds := r.latencies()
	all := slices.Concat(by[:]...)
	return Latency{
		All:    quantiles(all, millis),
		Before: quantiles(by[before], millis),
		During: quantiles(by[during], millis),
		After:  quantiles(by[after], millis),
		Reads:  quantiles(kinds[history.Read], millis),
		Writes: quantiles(kinds[history.Write], millis),
	}
}

// Throughput is in operations a second; operations belong to the phase in which they were due.
type Throughput struct {
	Offered float64  `json:"offered_per_s"`
	OK      float64  `json:"ok_per_s"` // over the whole load
	Before  *float64 `json:"before_ok_per_s"`
	During  *float64 `json:"during_ok_per_s"`
	After   *float64 `json:"after_ok_per_s"`
}

func (r *reading) throughput() Throughput {
	var offered, ok int
	var by [3]int
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		offered++
		if o.Outcome == history.OK {
			ok++
			by[r.phaseOf(o.Due)]++
		}
	}
	edges := [4]time.Duration{r.load0, r.loadEnd, r.loadEnd, r.loadEnd}
	if r.faultFrom >= 0 {
		edges[1], edges[2] = min(r.faultFrom, r.loadEnd), min(r.faultTo, r.loadEnd)
	}
	per := func(n int, from, to time.Duration) *float64 {
		if to <= from {
			return nil
		}
		return ptr(round(float64(n)/(to-from).Seconds(), 3))
	}
	t := Throughput{
		Before: per(by[before], edges[0], edges[1]),
		During: per(by[during], edges[1], edges[2]),
		After:  per(by[after], edges[2], edges[3]),
	}
	if all := per(ok, r.load0, r.loadEnd); all != nil {
		t.OK, t.Offered = *all, *per(offered, r.load0, r.loadEnd)
	}
	return t
}

// round keeps so many decimals: a summary is read, too.
func round(x float64, decimals int) float64 {
	scale := 1.0
	for range decimals {
		scale *= 10
	}
	if x < 0 {
		return -round(-x, decimals)
	}
	return float64(int64(x*scale+0.5)) / scale
}
