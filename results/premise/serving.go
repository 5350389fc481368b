package premise

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// asked returns until when members were asked whether they serve: until the cluster had settled, and
// the next phase began.
func (r *reading) asked() time.Duration {
	until := r.done
	for _, e := range r.of(history.Phase) {
		if e.At > r.at["settle"] {
			until = min(until, e.At)
		}
	}
	return until
}

// serving: a probe is a read of the reserved key, or, when the cluster is to settle, a write of it,
// through a member of the plan. A member that served again after a strike was answered then, and so
// long after the strike's heal; and where the cluster settled because every member served, each was
// asked and answered.
func (r *reading) serving() {
	answered := map[time.Duration][]string{} // when, through whom
	last := map[string]map[history.Kind]bool{}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		if o.Stage == history.Probing {
			if o.Key != history.ServingKey || o.Via == "" {
				r.broken(Serving, "%s asks whether a member serves, through %q", o, o.Via)
			}
			if o.Kind == history.Write && o.Outcome == history.OK && r.settled && !r.changed(o) {
				r.broken(Serving, "%s is not in the store's account as it was written", o)
			}
			if o.Kind == history.Write && o.Call < r.at["settle"] {
				r.broken(Serving, "%s is a write of the reserved key, before the cluster was to settle", o)
			}
		} else if o.Key == history.ServingKey {
			r.broken(Serving, "%s is of the reserved key, and no probe", o)
		}
		if o.Outcome == history.OK && (o.Stage == history.Probing || o.Stage == history.Load) {
			answered[o.Return] = append(answered[o.Return], o.Via)
			if o.Stage == history.Probing && o.Return >= r.at["drain"] {
				if last[o.Via] == nil {
					last[o.Via] = map[history.Kind]bool{}
				}
				last[o.Via][o.Kind] = true
			}
		}
	}
	r.recovered(answered, len(last) > 0)
	for _, e := range r.of(history.Settled) {
		if len(last) == 0 { // a record of before members were asked
			continue
		}
		if e.Members() != len(r.p.Setting.Nodes) {
			r.doubt(Serving, "%d members are recorded as serving when the cluster had settled, and there are %d", e.Members(), len(r.p.Setting.Nodes))
		}
		for _, m := range r.p.Setting.Nodes {
			if got := last[m]; !got[history.Read] || !got[history.Write] && !reckon.ServingOf(r.p.System).ReadOnly {
				r.doubt(Serving, "%s is recorded as serving when the cluster had settled, and no client was answered a read and a write through it alone", m)
			}
		}
	}
}

// changed reports whether the account has the write; a store that keeps none has it anyway.
func (r *reading) changed(o *history.Op) bool {
	if len(r.h.Changes) == 0 {
		return true
	}
	return slices.ContainsFunc(r.h.Changes, func(c history.Change) bool {
		return c.Key == o.Key && c.Revision == o.Revision && c.Value == history.Abridge(o.Value)
	})
}

// recovered: every member that a strike had held and released is recorded, once, as serving again.
func (r *reading) recovered(answered map[time.Duration][]string, asked bool) {
	type heal struct {
		strike int
		member string
	}
	got := map[heal]int{}
	for _, e := range r.of(history.Served) {
		r.served(e, answered)
		n, _ := e.Strike()
		got[heal{n, e.Subject}]++
	}
	for h, times := range got {
		if times > 1 {
			r.doubt(Serving, "%s is recorded %d times as serving again after strike %d", h.member, times, h.strike+1)
		}
	}
	for n, a := range r.acted {
		for _, e := range a.released {
			if asked && r.settled && got[heal{n, e.Subject}] == 0 {
				r.doubt(Serving, "strike %d released %s, which is not recorded as serving again", n+1, e.Subject)
			}
		}
	}
}

// soon is how far apart an event and the heal from which it counts may be recorded.
const soon = 10 * time.Millisecond

// served compares a member's return with the answers through it and with the strike's heal.
func (r *reading) served(e history.Event, answered map[time.Duration][]string) {
	n, _ := e.Strike()
	if !slices.Contains(answered[e.At], e.Subject) {
		r.doubt(Serving, "%s is recorded as serving again at %s, when no client was answered through it", e.Subject, r.since(e.At))
	}
	a := r.acted[n]
	if a == nil || len(a.healed) != 1 {
		r.doubt(Serving, "%s is recorded as serving again after strike %d, which was not healed", e.Subject, n+1)
		return
	}
	after, given := e.Data["after_s"]
	healed := func(h history.Event) bool {
		return (max(0, e.At-h.At).Seconds()-after) < soon.Seconds() && after-max(0, e.At-h.At).Seconds() < soon.Seconds()
	}
	if heals := slices.Concat(a.released, a.restored, a.healed); !given || !slices.ContainsFunc(heals, healed) {
		r.doubt(Serving, "%s is recorded as serving again %v after strike %d was healed, at %s; that was at %s", e.Subject, e.After(), n+1, r.since(e.At), r.since(a.healed[0].At))
	}
}
