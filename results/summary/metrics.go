package summary

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// members returns what each member counted. Histograms, whose buckets a sample holds as
// NAME_le_BOUND, become the quantiles NAME_p50 and NAME_p99 of all since the member's last start.
func (r *Reading) members() map[string]map[string]results.Metric {
	out := map[string]map[string]results.Metric{}
	for _, e := range r.H.Events {
		if e.Kind != history.Metrics {
			continue
		}
		of := out[e.Subject]
		if of == nil {
			of = map[string]results.Metric{}
			out[e.Subject] = of
		}
		for name, v := range foldHistograms(e.Sample()) {
			m, ok := of[name]
			if !ok {
				m = results.Metric{First: v, Max: v}
			}
			m.Last, m.Max = v, max(m.Max, v)
			of[name] = m
		}
	}
	return out
}

// A bucket holds how many observations were at most its bound.
type bucket struct{ bound, count float64 }

func foldHistograms(sample map[string]float64) map[string]float64 {
	out := map[string]float64{}
	histograms := map[string][]bucket{}
	for name, v := range sample {
		base, le, ok := strings.Cut(name, "_le_")
		bound, err := strconv.ParseFloat(le, 64)
		if !ok || err != nil {
			out[name] = v
			continue
		}
		histograms[base] = append(histograms[base], bucket{bound, v})
	}
	for base, h := range histograms {
		slices.SortFunc(h, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
		for suffix, p := range map[string]float64{"_p50": 0.5, "_p99": 0.99} {
			if q, ok := bucketQuantile(h, p); ok {
				out[base+suffix] = q
			}
		}
	}
	return out
}

// bucketQuantile interpolates within the bucket in which the quantile lies, as Prometheus does: it
// is as exact as the buckets are narrow. Beyond the last finite bound that bound is all that is
// known.
func bucketQuantile(h []bucket, p float64) (float64, bool) {
	total := h[len(h)-1].count
	if total == 0 {
		return 0, false
	}
	below := bucket{}
	for _, b := range h {
		if b.count >= p*total {
			if math.IsInf(b.bound, 1) {
				return below.bound, true
			}
			share := 1.0
			if b.count > below.count {
				share = (p*total - below.count) / (b.count - below.count)
			}
			return below.bound + share*(b.bound-below.bound), true
		}
		below = b
	}
	return below.bound, true
}
