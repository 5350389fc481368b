package matrix

import (
	"math"

	"github.com/reckon-bench/reckon/results"
)

// Metrics are the numbers of a run that a matrix is about. Null is what did not happen or was not measured.
type Metrics struct {
	// TTR is the slowest recovery of all strikes; null where nothing struck, where service never came back, or where nothing was offered.
	TTR            *float64          `json:"ttr_ms"`
	Censored       bool              `json:"ttr_censored"` // service never came back from a strike
	Unavailability *float64          `json:"unavailability_ms"`
	Latency        map[string]*Tails `json:"latency_ms"` // by phase: all, before, during, after
	Ops            results.Ops       `json:"ops"`
	OKRatio        *float64          `json:"ok_ratio"`
	Throughput     float64           `json:"ok_per_s"`
	LeaderChanges  int               `json:"leader_changes"`
	InFault        *results.Stretch  `json:"in_fault"`
	AtHeal         *results.Stretch  `json:"at_heal"`
}

// Tails are quantiles of latency in milliseconds.
type Tails struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

// phases of a run, as latencies are told by.
var phases = []string{"all", "before", "during", "after"}

func metricsOf(s results.Summary) *Metrics {
	m := &Metrics{
		Latency: map[string]*Tails{}, Ops: s.Ops,
		Throughput: s.Throughput.OK, LeaderChanges: s.Leaders.Changes, InFault: s.InFault, AtHeal: s.AtHeal,
	}
	for i, q := range []*results.Quantiles{s.Latency.All, s.Latency.Before, s.Latency.During, s.Latency.After} {
		if q != nil {
			m.Latency[phases[i]] = &Tails{q.P50, q.P99, q.P999}
		}
	}
	if s.Ops.Offered > 0 {
		r := float64(s.Ops.OK) / float64(s.Ops.Offered)
		m.OKRatio, m.Unavailability = &r, &s.Unavailability.LongestGap
	}
	of, slowest := s.Unavailability.Slowest()
	if m.Censored = math.IsInf(slowest, 1); of >= 0 && !m.Censored {
		m.TTR = &slowest
	}
	return m
}
