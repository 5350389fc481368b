package summary

import (
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
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

// silences are notes on nodes that did not answer for longer than an election timeout of the load
// while nothing was struck. It may be the system, or the machine: the reader must know.
func (r *Reading) silences() []string {
	var notes []string
	down := map[string]time.Duration{}
	for _, e := range r.H.Events {
		switch e.Kind {
		case history.Down:
			down[e.Subject] = e.At
		case history.Up:
			from, ok := down[e.Subject]
			delete(down, e.Subject)
			struck := r.FaultFrom >= 0 && from < r.faultTo+r.Info.ElectionTimeout && e.At > r.FaultFrom
			if ok && !struck && from >= r.load0 && from < r.LoadEnd && e.At-from > r.Info.ElectionTimeout {
				notes = append(notes, fmt.Sprintf("%s did not answer for %v from %.2f s on, with no fault active", e.Subject, (e.At-from).Round(time.Millisecond), r.Since(from)))
			}
		}
	}
	return notes
}
