package summary

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

func (r *Reading) load() results.Load {
	l := results.Load{Bound: micros(r.Info.LagBound), Late: micros(r.Info.LateBound)}
	var lags []time.Duration
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load {
			lags = append(lags, o.Call-o.Due)
		}
	}
	if q := quantiles(lags, micros); q != nil {
		l.Lag = &results.Lateness{P50: q.P50, P99: q.P99, Max: q.Max}
	}
	return l
}

// host returns what the machine did between start and end of the load.
func (r *Reading) host() map[string]results.Level {
	sums, counts, out := map[string]float64{}, map[string]int{}, map[string]results.Level{}
	for _, e := range r.H.Events {
		if e.Kind != history.Noise || e.At < r.load0 || e.At > r.LoadEnd {
			continue
		}
		for k, v := range e.Sample() {
			sums[k] += v
			counts[k]++
			out[k] = results.Level{Max: max(out[k].Max, stats.Round(v, 3))}
		}
	}
	for k, l := range out {
		l.Mean = stats.Round(sums[k]/float64(counts[k]), 3)
		out[k] = l
	}
	return out
}
