package index

import (
	"math"

	"github.com/reckon-bench/reckon/results"
)

// Metrics are the numbers of a run that a matrix compares. Null means that it did not happen or was
// not measured.
type Metrics struct {
	// TTR is the slowest recovery from a fault. It is null where no fault was injected, where
	// service did not recover from one, and where no operation was offered.
	TTR            *float64          `json:"ttr_ms"`
	Censored       bool              `json:"ttr_censored"` // service did not recover from some fault
	Unavailability *float64          `json:"unavailability_ms"`
	Latency        map[string]*Tails `json:"latency_ms"` // by phase
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

// Phases returns the phases of a run by which latencies are grouped: the whole load, and its parts
// before, during and after faults.
func Phases() []string { return []string{"all", "before", "during", "after"} }

// measure returns the metrics of a run's summary.
func measure(s results.Summary) *Metrics {
	m := &Metrics{
		Latency: map[string]*Tails{}, Ops: s.Ops, Throughput: s.Throughput.OK, LeaderChanges: s.Leaders.Changes,
		InFault: s.InFault, AtHeal: s.AtHeal,
	}
	l := s.Latency
	for phase, q := range map[string]*results.Quantiles{"all": l.All, "before": l.Before, "during": l.During, "after": l.After} {
		if q != nil {
			m.Latency[phase] = &Tails{q.P50, q.P99, q.P999}
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
