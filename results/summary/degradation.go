package summary

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// goodMedians is how many times the usual median an operation may take and be good.
const goodMedians = 10

// goodWindow is the length of the windows in which the share of good operations is looked at.
const goodWindow = time.Second

func isGood(o *history.Op, limit time.Duration) bool {
	return o.Outcome == history.OK && o.Latency() <= limit
}

// goodLimit returns within what time an operation is good, and where that comes from: --slo, or ten
// times the median before the fault, or of the preload where nothing precedes the fault, and at
// least an election timeout.
func (r *Reading) goodLimit() (limit time.Duration, basis string) {
	if r.Info.SLO > 0 {
		return r.Info.SLO, "flag"
	}
	limit, basis = r.Info.ElectionTimeout, "election timeout"
	samples := func(wanted func(o *history.Op) bool) (all []time.Duration) {
		for i := range r.H.Ops {
			if o := &r.H.Ops[i]; o.Outcome == history.OK && wanted(o) {
				all = append(all, o.Latency())
			}
		}
		return all
	}
	from := "before"
	usual := samples(func(o *history.Op) bool { return o.Stage == history.Load && r.phaseOf(o.Due, o.Return) == Before })
	if len(usual) == 0 {
		from = "preload"
		usual = samples(func(o *history.Op) bool { return o.Stage == history.Preload })
	}
	if len(usual) == 0 {
		return limit, basis
	}
	slices.Sort(usual)
	if most := goodMedians * stats.Quantile(usual, 0.5); most > limit {
		return most, from
	}
	return limit, basis
}

// degradation says how much of the service was good, and from when to when less than before the
// fault.
func (r *Reading) degradation(limit time.Duration, basis string) *results.Degradation {
	d := &results.Degradation{Limit: Millis(limit), Basis: basis}
	var by [3]results.Share
	offered := false
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load {
			offered = true
			in := &by[r.phaseOf(o.Due, o.Return)]
			in.Offered++
			if isGood(o, limit) {
				in.Good++
			}
		}
	}
	if !offered {
		return nil
	}
	d.Good = r.byPhase(by)
	if r.FaultFrom >= 0 && r.FaultFrom < r.LoadEnd {
		r.degraded(d, limit)
	}
	return d
}

// degraded compares windows of one second from the fault on with those before it. Windows are
// counted from the fault in both directions; those before it are whole, where any is.
func (r *Reading) degraded(d *results.Degradation, limit time.Duration) {
	before, after := map[int]*results.Share{}, map[int]*results.Share{}
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		of, k := after, int(max(0, o.Due-r.FaultFrom)/goodWindow)
		if r.phaseOf(o.Due, o.Return) == Before {
			of, k = before, int((r.FaultFrom-o.Due-1)/goodWindow)
		}
		if of[k] == nil {
			of[k] = &results.Share{}
		}
		of[k].Offered++
		if isGood(o, limit) {
			of[k].Good++
		}
	}
	lowest := r.lowest(before)
	var degraded, lost float64 // seconds
	for _, k := range slices.Sorted(maps.Keys(after)) {
		ratio := float64(after[k].Good) / float64(after[k].Offered)
		from := r.FaultFrom + time.Duration(k)*goodWindow
		to := min(from+goodWindow, r.LoadEnd)
		if ratio >= lowest || to <= from {
			continue
		}
		degraded += (to - from).Seconds()
		lost += (lowest - ratio) * (to - from).Seconds()
		if d.From == nil {
			d.From = new(r.Since(from))
		}
		d.To = new(r.Since(to))
	}
	d.Lowest, d.Degraded, d.Lost = new(stats.Round(lowest, 6)), new(stats.Round(1e3*degraded, 3)), new(stats.Round(lost, 6))
}

// lowest returns the first percentile of the shares of good operations in the windows before the
// fault, each by its number from the fault backwards; 1 where there is none.
func (r *Reading) lowest(windows map[int]*results.Share) float64 {
	whole := int((r.FaultFrom - r.load0) / goodWindow)
	var shares []float64
	for k, s := range windows {
		if k < whole || whole == 0 {
			shares = append(shares, float64(s.Good)/float64(s.Offered))
		}
	}
	if len(shares) == 0 {
		return 1
	}
	slices.Sort(shares)
	return shares[max(0, int(math.Ceil(0.01*float64(len(shares))))-1)]
}
