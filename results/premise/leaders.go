package premise

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// observed: everything that a strike did was observed in effect by something other than what did it,
// and so was its end; neither before it happened, nor after the final reads began.
func (r *reading) observed() {
	for _, s := range r.p.Strikes {
		a := r.acted[s.Index]
		if a == nil || len(a.struck) != 1 || len(a.healed) != 1 {
			continue
		}
		in := a.struck[0]
		acted := in.At - in.Injection().Took
		from := [2]map[string]time.Duration{{}, {}} // by end and subject: when it may be observed first
		for _, e := range slices.Concat(a.held, a.degraded) {
			from[0][subjectOf(e)] = e.At
		}
		for _, e := range slices.Concat(a.released, a.restored) {
			from[1][subjectOf(e)] = e.At
		}
		for _, w := range a.workers {
			from[0][w], from[1][w] = acted, acted
		}
		if a.beyond {
			from[0][""] = acted
			if a.down { // of connections that were reset nothing is left to heal
				from[1][""] = in.At
			}
		}
		for i, end := range []history.End{history.EndStruck, history.EndHealed} {
			r.seen(s.Index, s.Fault, a.verified, end, from[i])
		}
	}
}

func subjectOf(e history.Event) string {
	if e.Kind == history.Degraded || e.Kind == history.Restored {
		return "links"
	}
	return e.Subject
}

// seen compares the observations of one end of a strike with what was to be observed.
func (r *reading) seen(n int, fault string, all []history.Event, end history.End, from map[string]time.Duration) {
	until := r.done
	for _, next := range r.of(history.Phase) {
		if next.At > r.at["settle"] && r.settled {
			until = min(until, next.At)
		}
	}
	got := map[string]bool{}
	for _, e := range all {
		if e.End != end {
			continue
		}
		first, expected := from[e.Subject]
		got[e.Subject] = true
		switch {
		case !expected:
			r.doubt(Observed, "strike %d (%s): %q was observed %s, and it did nothing there", n+1, fault, e.Subject, end)
		case e.At < first || e.At > until:
			r.doubt(Observed, "strike %d (%s): %q was observed %s at %s; it was so at %s, and the final reads began at %s", n+1, fault, e.Subject, end, r.since(e.At), r.since(first), r.since(until))
		}
	}
	for subject := range from {
		if !got[subject] {
			r.doubt(Observed, "strike %d (%s): %q was not observed %s", n+1, fault, subject, end)
		}
	}
}

// leaders: every member answered, and one led, before anything was written; members begin and cease
// to answer in turn; a term has one leader; who is dead neither answers nor leads; and when the
// cluster had settled, the one that had led for two election timeouts is the last that was seen to.
func (r *reading) leaders() {
	up, of := map[string]bool{}, map[uint64]string{}
	var last history.Event
	started, ready := map[string]bool{}, false
	for _, e := range r.h.Events {
		switch e.Kind {
		case history.Up, history.Down:
			if up[e.Subject] == (e.Kind == history.Up) {
				r.doubt(Leaders, "%s is recorded as %q twice in a row, at %s", e.Subject, e.Kind, r.since(e.At))
			}
			up[e.Subject] = e.Kind == history.Up
			started[e.Subject] = started[e.Subject] || e.Kind == history.Up && e.At <= r.at["preload"]
			r.alive(e)
		case history.Leads:
			r.leads(e, last, of)
			ready = ready || e.Subject != "" && e.At <= r.at["preload"]
			last = e
			r.alive(e)
		}
	}
	for _, m := range r.p.Setting.Nodes {
		if !started[m] {
			r.doubt(Leaders, "%s was not seen to answer before the load", m)
		}
	}
	if !ready && !reckon.ServingOf(r.p.System).Leaderless {
		r.doubt(Leaders, "no node was seen to lead before the load")
	}
	r.deposed()
	r.steady()
}

// deposed: who leads when it is killed is recorded to lead no more.
func (r *reading) deposed() {
	for n, a := range r.acted {
		for _, held := range a.held {
			after := held.At + instant
			back := slices.ContainsFunc(a.released, func(x history.Event) bool { return x.Subject == held.Subject && x.At <= after })
			if held.State == history.Dead && !back && r.leader(after) == held.Subject {
				r.doubt(Leaders, "%s was killed by strike %d, and is recorded as leading at %s", held.Subject, n+1, r.since(after))
			}
		}
	}
}

// leads compares a change of leader with the one before it.
func (r *reading) leads(e, last history.Event, of map[uint64]string) {
	term := e.Term()
	switch other := of[term]; {
	case e.Subject == last.Subject && term == last.Term():
		r.doubt(Leaders, "at %s it is recorded that %q leads term %d, which did before", r.since(e.At), e.Subject, term)
	case e.Subject == "" && term == 0:
	case e.Subject == "" || term == 0:
		r.doubt(Leaders, "at %s it is recorded that %q leads term %d", r.since(e.At), e.Subject, term)
	case other != "" && other != e.Subject:
		r.doubt(Leaders, "term %d has two leaders, %s and %s", term, other, e.Subject)
	}
	of[term] = e.Subject
}

// instant is how far the records of two goroutines about one instant may be apart.
const instant = 500 * time.Millisecond

// alive: a node that is held dead does not answer and does not lead.
func (r *reading) alive(e history.Event) {
	if e.Kind == history.Down || e.Subject == "" {
		return
	}
	for n, a := range r.acted {
		for _, held := range a.held {
			if held.Subject != e.Subject || held.State != history.Dead || held.At > e.At {
				continue
			}
			i := slices.IndexFunc(a.released, func(x history.Event) bool {
				return x.Subject == held.Subject && x.State == history.Dead && x.At >= held.At
			})
			if i >= 0 && e.At < a.released[i].At-instant {
				r.doubt(Leaders, "%s is recorded as %q at %s, while strike %d held it dead", e.Subject, e.Kind, r.since(e.At), n+1)
			}
		}
	}
}

// steady compares what is recorded of the end of settling with the leaders up to then.
func (r *reading) steady() {
	var end time.Duration
	for _, e := range byTime(r.of(history.Phase)) {
		if e.At > r.at["settle"] {
			end = e.At
			break
		}
	}
	for _, s := range r.of(history.Settled) {
		var leads history.Event
		up := map[string]bool{}
		for _, e := range r.h.Events {
			switch {
			case e.At > end:
			case e.Kind == history.Leads:
				leads = e
			case e.Kind == history.Up || e.Kind == history.Down:
				up[e.Subject] = e.Kind == history.Up
			}
		}
		stood := leads.At + 2*r.p.Options.FailureTimeout
		if leads.Subject != s.Subject || s.At < stood || s.At > end {
			r.doubt(Leaders, "the cluster is recorded as settled under %s at %s; %q had led since %s, and settling ended at %s", s.Subject, r.since(s.At), leads.Subject, r.since(leads.At), r.since(end))
		}
		for _, m := range r.p.Setting.Nodes {
			if !up[m] {
				r.doubt(Leaders, "the cluster is recorded as settled, and %s does not answer", m)
			}
		}
	}
	for _, e := range r.of(history.Unsettled) {
		if e.Bound() != r.p.Bounds.Settle {
			r.doubt(Leaders, "the cluster had %v to settle; the plan has %v", e.Bound(), r.p.Bounds.Settle)
		}
	}
}
