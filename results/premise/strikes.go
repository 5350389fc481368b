package premise

import (
	"cmp"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// retriesFor is for how many election timeouts an injection is tried again, and how long one try
// may wait for a leader.
const retriesFor = 20

// strikes: each strike of the plan was injected once and healed once, under its fault's name and
// with the plan's times, when it was due. Strikes of one queue wait for each other, and one that is
// late delays what follows by as much; so the queues are gone through as the nemesis does.
func (r *reading) strikes() {
	queues := map[string][]plan.Strike{}
	for _, s := range r.p.Strikes {
		queues[s.Queue] = append(queues[s.Queue], s)
		r.labels(s)
	}
	for _, list := range queues {
		r.queue(list)
	}
}

// labels compares what the record says of the strike beside its times.
func (r *reading) labels(s plan.Strike) {
	a := r.acted[s.Index]
	if a == nil || len(a.struck) != 1 || len(a.healed) != 1 {
		n, m := 0, 0
		if a != nil {
			n, m = len(a.struck), len(a.healed)
		}
		r.doubt(Strikes, "strike %d (%s) was injected %d times and healed %d times", s.Index+1, s.Fault, n, m)
		return
	}
	in := a.struck[0].Injection()
	for _, e := range []history.Event{a.struck[0], a.healed[0]} {
		if e.Subject != s.Fault {
			r.doubt(Strikes, "strike %d is recorded as one of %s; the plan has %s", s.Index+1, e.Subject, s.Fault)
		}
	}
	if in.PlannedFrom != s.From || in.PlannedTo != s.To {
		r.doubt(Strikes, "strike %d (%s) is recorded as planned from %v to %v; the plan has %v to %v", s.Index+1, s.Fault, in.PlannedFrom, in.PlannedTo, s.From, s.To)
	}
	took, tries := a.struck[0].Data["took_s"], in.Tries
	if took < 0 || in.Took > r.late() || tries < 1 || tries > r.mostTries(s) {
		r.doubt(Strikes, "strike %d (%s) took %v s, in %d tries", s.Index+1, s.Fault, took, tries)
	}
}

// mostTries is how often a strike can have been tried: every quarter of an election timeout, until
// it would have been healed.
func (r *reading) mostTries(s plan.Strike) int {
	et := r.p.Options.FailureTimeout
	return 2 + int(min(retriesFor*et, s.To-s.From)/(et/4))
}

// queue compares the instants of strikes that wait for each other with the plan.
func (r *reading) queue(list []plan.Strike) {
	var shift time.Duration
	before := r.load0 // when the nemesis was done with what came before
	for _, e := range plan.Ends(list) {
		a := r.acted[e.Strike.Index]
		if a == nil || len(a.struck) != 1 || len(a.healed) != 1 {
			return
		}
		due := min(r.load0+e.At+shift, r.loadEnd) // what is still in effect then is healed
		at, latest := a.healed[0].At, max(due, before, r.released(due))+r.late()
		if !e.Heal {
			if acted := a.struck[0].At - a.struck[0].Injection().Took; acted < due-time.Millisecond {
				r.doubt(Strikes, "strike %d (%s) first acted at %s, and was due at %s", e.Strike.Index+1, e.Strike.Fault, r.since(acted), r.since(due))
			}
			at, latest = a.struck[0].At, r.struckBy(e.Strike, max(due, before))
			shift += max(0, at-due)
		}
		before = max(before, at)
		what := "injected"
		if e.Heal {
			what = "healed"
		}
		if at < due || at > latest {
			r.doubt(Strikes, "strike %d (%s) was %s at %s, due at %s and at the latest at %s", e.Strike.Index+1, e.Strike.Fault, what, r.since(at), r.since(due), r.since(latest))
		}
	}
}

// released returns when what is due at the end of the load is healed: when the run drains.
func (r *reading) released(due time.Duration) time.Duration {
	if due >= r.loadEnd {
		return r.at["drain"]
	}
	return 0
}

// struckBy returns until when a strike may be injected that the nemesis begins with at that time. It
// is tried again while it would be in effect, and one try may wait for a leader; one that strikes a
// worker waits for the right moment of a pass, at most until the load ends.
func (r *reading) struckBy(s plan.Strike, begun time.Duration) time.Duration {
	for _, e := range r.acted[s.Index].verified {
		if r.client(e.Subject) {
			return r.loadEnd + r.late()
		}
	}
	wait := retriesFor * r.p.Options.FailureTimeout
	return min(begun+min(wait, s.To-s.From)+wait, r.loadEnd) + r.late()
}

// effects: what each strike did is what its fault does, given who led and who lived then; it was
// done between the instants at which the strike began to act and was in effect, and undone when it
// was healed.
func (r *reading) effects() {
	for _, s := range r.p.Strikes {
		if a := r.acted[s.Index]; a != nil && len(a.struck) == 1 && len(a.healed) == 1 {
			r.undone(s, a)
		}
	}
	r.replay()
}

// undone compares what the strike took back with what it did.
func (r *reading) undone(s plan.Strike, a *strike) {
	in := a.struck[0]
	acted := in.At - in.Injection().Took
	_, measured := in.Data["took_s"]                              // not in old records
	final := func(events []history.Event) (all []history.Event) { // without those of tries that failed
		for _, e := range events {
			if !measured || e.At >= acted-time.Microsecond {
				all = append(all, e)
			}
		}
		return all
	}
	a.held, a.released = final(a.held), final(a.released)
	a.degraded, a.restored = final(a.degraded), final(a.restored)
	if !slices.Equal(effectsOf(a.held, a.degraded), effectsOf(a.released, a.restored)) {
		r.doubt(Effects, "strike %d (%s) did %v, and took back %v", s.Index+1, s.Fault, effectsOf(a.held, a.degraded), effectsOf(a.released, a.restored))
	}
	last := time.Duration(0)
	for _, e := range slices.Concat(a.held, a.degraded) {
		last = max(last, e.At)
		if e.At > in.At {
			r.doubt(Effects, "strike %d (%s) was in effect at %s, and acted on %s at %s", s.Index+1, s.Fault, r.since(in.At), cmp.Or(e.Subject, "the links"), r.since(e.At))
		}
	}
	if last > 0 && in.At-last > r.late() {
		r.doubt(Effects, "strike %d (%s) was in effect at %s, and acted last at %s", s.Index+1, s.Fault, r.since(in.At), r.since(last))
	}
	for _, e := range slices.Concat(a.released, a.restored) {
		if e.At < in.At || e.At > a.healed[0].At || a.healed[0].At-e.At > r.late() {
			r.doubt(Effects, "strike %d (%s) was in effect from %s to %s, and let go of %s at %s", s.Index+1, s.Fault, r.since(in.At), r.since(a.healed[0].At), cmp.Or(e.Subject, "the links"), r.since(e.At))
		}
	}
}
