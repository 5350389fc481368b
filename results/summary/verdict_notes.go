package summary

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results"
)

// interrupted reports whether the run was cut short: it says so itself, or its record ends before
// the run did.
func (r *Reading) interrupted() bool {
	has := func(k history.EventKind) bool {
		return slices.ContainsFunc(r.H.Events, func(e history.Event) bool { return e.Kind == k })
	}
	_, done := r.H.PhaseStart("done")
	return has(history.Interrupted) || !done && !has(history.Harness)
}

// silences are notes on members that answered no client for longer than an election timeout of the
// load while nothing was struck. It may be the system, or the machine: the reader must know.
func (r *Reading) silences() []string {
	var notes []string
	all := r.Unanswered()
	for _, node := range slices.SortedFunc(maps.Keys(all), link.CompareHosts) {
		for _, span := range all[node] {
			from, to := span.From, span.To
			struck := r.FaultFrom >= 0 && from < r.faultTo+r.Info.ElectionTimeout && to > r.FaultFrom
			if !struck && from >= r.load0 && from < r.LoadEnd && to < r.end && to-from > r.Info.ElectionTimeout {
				notes = append(notes, fmt.Sprintf("%s did not answer for %v from %.2f s on, with no fault active", node, (to-from).Round(time.Millisecond), r.Since(from)))
			}
		}
	}
	return notes
}

// How busy a machine may be on average, in percent, before it is worth a note: beyond, what runs
// waits for its turn, and latencies are partly the machine's.
const (
	busyFrom     = 90 // of all processors' time
	stolenFrom   = 10 // taken by the hypervisor
	pressureFrom = 40 // of the time something waited for a processor
)

// lagShare is the share of the median latency that the generator's lag may reach at p99 without a note.
const lagShare = 0.25

// busy are notes on a machine that was too busy to measure well on.
func busy(s *results.Summary) (notes []string) {
	for _, k := range []struct {
		name, what string
		from       float64
	}{
		{"busy_pct", "its processors were busy %.0f %% of the time", busyFrom},
		{"steal_pct", "the hypervisor took %.0f %% of the time", stolenFrom},
		{"psi_cpu_pct", "something waited for a processor %.0f %% of the time", pressureFrom},
	} {
		if l, ok := s.Host[k.name]; ok && l.Mean >= k.from {
			notes = append(notes, "the machine was busy: "+fmt.Sprintf(k.what, l.Mean)+", so latencies are partly the machine's, not the system's")
		}
	}
	usual := s.Latency.Before
	if lag := s.Load.Lag; lag != nil && usual != nil && lag.P99/1e3 > lagShare*usual.P50 {
		notes = append(notes, fmt.Sprintf("the generator lagged by %s at p99, which is part of every latency; the median before any fault is %s", Length(lag.P99/1e3), Length(usual.P50)))
	}
	return notes
}
