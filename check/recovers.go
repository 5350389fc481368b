package check

import (
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/history"
)

// Recovers judges whether the store came back once nothing was wrong any more: after the load every process runs and every link
// is as planned, and within a bound every member must serve, with one leader that stays. It is Valid
// where that came about. Where it did not, it is Invalid only if every strike was seen to be healed: a store
// that is still being struck cannot be blamed.
func Recovers(h *history.History) Result {
	r := Result{Name: "recovers"}
	un, missed := eventOf(h, history.Unsettled), eventOf(h, history.Missed)
	switch {
	case un != nil && missed != nil:
		r.Detail = fmt.Sprintf("%s, but a strike was not what was planned: %s", un.Detail, missed.Detail)
		return r
	case un != nil:
		bound := time.Duration(un.Data["bound_s"] * float64(time.Second))
		r.Verdict, r.Detail = Invalid, fmt.Sprintf("%v after the load, with every process running and every strike healed: %s", bound, un.Detail)
		return r
	}
	if _, asked := h.PhaseStart("final"); asked || eventOf(h, history.Settled) != nil { // final reads follow settling alone
		r.Verdict, r.Detail = Valid, "after the load every member served, and one leader stayed"
		return r
	}
	r.Detail = "the run ended before the store was asked"
	return r
}

// eventOf is the first event of the kind, nil where there is none.
func eventOf(h *history.History, k history.EventKind) *history.Event {
	for i := range h.Events {
		if h.Events[i].Kind == k {
			return &h.Events[i]
		}
	}
	return nil
}
