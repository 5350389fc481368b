package summary

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
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
