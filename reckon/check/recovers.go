package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Recovers checks that the store recovers once all faults are healed: after the load, with every
// process running and every link as planned, every member must serve within a bound, with one
// leader that stays.
//
// If the store did not recover, the result is Invalid only if every heal was verified: while a
// fault may still act, the store cannot be blamed. It is Invalid as well if a process of the store
// ended by itself: no fault but a kill makes a program end. It is Unknown if a member never
// answered a final read: what it holds of the last writes is not known.
func Recovers(h *history.History) Result {
	r := Result{Name: "recovers"}
	un, missed, ended := eventOf(h, history.Unsettled), eventOf(h, history.Missed), eventOf(h, history.Ended)
	harness := eventOf(h, history.Harness)
	switch {
	case ended != nil:
		r.Verdict, r.Detail = Invalid, fmt.Sprintf("%s ended by itself: %s", ended.Subject, ended.Detail)
		return r
	case un != nil && harness != nil:
		r.Detail = fmt.Sprintf("%s, but the harness failed: %s", un.Detail, harness.Detail)
		return r
	case un != nil && missed != nil:
		r.Detail = fmt.Sprintf("%s, but a fault was not injected or healed as planned: %s", un.Detail, missed.Detail)
		return r
	case un != nil:
		r.Verdict, r.Detail = Invalid, fmt.Sprintf("%v after the load, with every process running and every fault healed: %s", un.Bound(), un.Detail)
		return r
	}
	if silent := unanswered(h); len(silent) > 0 {
		r.Detail = "after the load every member served, but some final reads were never answered: " + strings.Join(silent[:min(len(silent), silentShown)], ", ")
		if more := len(silent) - silentShown; more > 0 {
			r.Detail += fmt.Sprintf(", and %d more", more)
		}
		return r
	}
	if _, asked := h.PhaseStart("final"); asked || eventOf(h, history.Settled) != nil { // final reads follow settling alone
		r.Verdict, r.Detail = Valid, "after the load every member served, and one leader stayed"
		return r
	}
	r.Detail = "the run ended before recovery could be checked"
	return r
}

// silentShown is how much of what was never answered a verdict names.
const silentShown = 10

// unanswered lists the final reads that were never answered: all keys of a member ("n2"), or
// some ("key 7 by n2").
func unanswered(h *history.History) []string {
	type ask struct{ member, key string }
	told, by := map[ask]bool{}, map[string]bool{}
	var asks []ask
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Stage != history.Final || o.Kind != history.Read {
			continue
		}
		k := ask{o.Client, o.Key} // a final read's client is on the member that it asks
		if _, before := told[k]; !before {
			asks = append(asks, k)
		}
		told[k] = told[k] || o.Outcome == history.OK
		by[k.member] = by[k.member] || o.Outcome == history.OK
	}
	var silent []string
	for _, k := range asks {
		switch {
		case told[k]:
		case by[k.member]:
			silent = append(silent, fmt.Sprintf("key %s by %s", k.key, k.member))
		case !slices.Contains(silent, k.member):
			silent = append(silent, k.member)
		}
	}
	slices.Sort(silent)
	return silent
}

// eventOf returns the first event of the kind, nil where there is none.
func eventOf(h *history.History, k history.EventKind) *history.Event {
	for i := range h.Events {
		if h.Events[i].Kind == k {
			return &h.Events[i]
		}
	}
	return nil
}
