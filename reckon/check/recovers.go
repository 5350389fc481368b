package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Recovers checks that the store recovers once all faults are healed: after the load, with every
// process running and every link as planned, every member must serve within a bound, and, where the
// system has a leader, one must stay. A member serves when it answers a client that uses no other:
// that the members settled is held against those operations (history.Probing). In recordings of
// before there were any, a member served that knew of a leader.
//
// If the store did not recover, the result is Invalid only if every heal was verified: while a
// fault may still act, the store cannot be blamed. It is Invalid as well if a process of the store
// ended by itself: no fault but a kill makes a program end. It is Unknown if the record does not show
// a read through every member answered, or if a member never answered a final read: what it holds of
// the last writes is not known.
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
	settled := eventOf(h, history.Settled)
	if missing := unserved(h, settled); missing != "" {
		r.Detail = "the members are recorded to have settled, but " + missing
		return r
	}
	if silent := unanswered(h); len(silent) > 0 {
		r.Detail = "after the load every member served, but some final reads were never answered: " + strings.Join(silent[:min(len(silent), silentShown)], ", ")
		if more := len(silent) - silentShown; more > 0 {
			r.Detail += fmt.Sprintf(", and %d more", more)
		}
		return r
	}
	if _, asked := h.PhaseStart("final"); asked || settled != nil { // final reads follow settling alone
		r.Verdict, r.Detail = Valid, "after the load every member served, and one leader stayed"
		if settled != nil && settled.Members() > 0 && settled.Subject == "" {
			r.Detail = "after the load every member served"
		}
		return r
	}
	r.Detail = "the run ended before recovery could be checked"
	return r
}

// unserved returns what of the members' settling the operations of Probing do not show; "" where they
// show all of it, or the record is from before there were any. That a write was acknowledged as well
// is not asked for: a store may be read only.
func unserved(h *history.History, settled *history.Event) string {
	if settled == nil || settled.Members() == 0 {
		return ""
	}
	begun, _ := h.PhaseStart("settle")
	served, refused := map[string]bool{}, map[string]bool{}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Stage != history.Probing || o.Call < begun {
			continue
		}
		switch {
		case o.Outcome == history.OK && o.Kind == history.Read:
			served[o.Via] = true
		case o.Outcome == history.OK:
			delete(refused, o.Via)
		case o.Kind == history.Write:
			refused[o.Via] = true
		}
	}
	if len(served) < settled.Members() {
		return fmt.Sprintf("only of %d of %d a client was answered", len(served), settled.Members())
	}
	for _, m := range slices.Sorted(maps.Keys(refused)) {
		return "no write through " + m + " was acknowledged"
	}
	return ""
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
