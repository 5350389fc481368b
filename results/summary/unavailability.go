package summary

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// A gap is a time without an acknowledgement.
type gap struct {
	from, to time.Duration
	open     bool // nothing ended it but the end of the load
}

func (g gap) length() time.Duration { return g.to - g.from }

// forever is later than any instant of a run.
const forever = time.Duration(1<<63 - 1)

// gaps lists all gaps between acknowledgements of operations of the load, in order.
func (r *Reading) gaps() []gap {
	return r.gapsOf(func(*history.Op) bool { return true })
}

// gapsOf lists the gaps between acknowledgements of the operations of the load that are wanted. All
// end where the load ends: from then on nobody asks for anything, so what is answered late does not
// make an outage longer.
func (r *Reading) gapsOf(wanted func(*history.Op) bool) []gap {
	var acks []time.Duration
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK && o.Return < r.LoadEnd && wanted(o) {
			acks = append(acks, o.Return)
		}
	}
	return r.between(acks)
}

// between lists the gaps between the instants, which it sorts.
func (r *Reading) between(acks []time.Duration) []gap {
	slices.Sort(acks)
	gaps := make([]gap, 0, len(acks)+1)
	last := r.load0
	for _, a := range acks {
		gaps = append(gaps, gap{from: last, to: max(a, last)})
		last = max(a, last)
	}
	if last < r.LoadEnd {
		gaps = append(gaps, gap{from: last, to: r.LoadEnd, open: true})
	}
	return gaps
}

// longest returns the longest gap that overlaps [from, to), judged by what of it lies before to;
// the first of equals.
//
// Why before to: a store that answers all the time until the next strike still has a gap that
// overlaps its own time, namely the next strike's, which begins with the last answer before it.
// Judged by its whole length, every outage would count for two strikes.
func longest(gaps []gap, from, to time.Duration) gap {
	var best gap
	part := func(g gap) time.Duration { return min(g.to, to) - g.from }
	// Gaps are in order: the first that can overlap is found by halving.
	i, _ := slices.BinarySearchFunc(gaps, from, func(g gap, t time.Duration) int {
		if g.to <= t {
			return -1
		}
		return 1
	})
	for ; i < len(gaps) && gaps[i].from < to; i++ {
		if part(gaps[i]) > part(best) {
			best = gaps[i]
		}
	}
	return best
}

// usual returns how long a gap may be and mean nothing: as long as the longest of the gaps was
// before the first fault, and as the generator may lag; known is false where no gap ended before.
func (r *Reading) usual(gaps []gap) (usual time.Duration, known bool) {
	usual = r.noise()
	if r.FaultFrom < 0 {
		return usual, false
	}
	for _, g := range gaps {
		if g.to > r.FaultFrom || g.open {
			break
		}
		usual, known = max(usual, g.length()), true
	}
	return usual, known
}

func (r *Reading) unavailability() results.Unavailability {
	n := len(r.strikes)
	u := results.Unavailability{TTR: make([]*float64, n), Censored: make([]bool, n), Recoveries: make([]results.Recovery, n)}
	lastDue := time.Duration(-1)
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load {
			lastDue = max(lastDue, o.Due)
		}
	}
	if !r.Loaded || lastDue < 0 { // silence is only silence where someone asked
		return u
	}
	gaps := r.gaps()
	worst := longest(gaps, 0, forever)
	if worst.length() > 0 {
		u.LongestGap, u.Gap = Millis(worst.length()), [2]float64{r.Since(worst.from), r.Since(worst.to)}
	}
	usual, known := r.usual(gaps)
	if known {
		u.Usual = new(Millis(usual))
	}
	for i, s := range r.strikes {
		if s.Struck == nil || r.at(*s.Acted) > lastDue {
			continue
		}
		u.Recoveries[i], u.TTR[i] = r.recovery(s, gaps, usual)
		kind := u.Recoveries[i].Kind
		u.Censored[i] = kind == results.NotRecovered || kind == results.RecoveredAfterHeal
	}
	return u
}

// recovery says how service came back from the strike: what became of the longest gap while it
// lasted, and until the next strike. usual is how long a gap may be and mean nothing.
//
// A gap that began before the heal by no more than the usual is one of the heal: the store answered
// as it always had until the fault was taken away. Only where the strike is as short as that, a
// member killed and started at once, cannot the two be told apart; then the gap is the strike's.
func (r *Reading) recovery(s results.Strike, gaps []gap, usual time.Duration) (back results.Recovery, ttr *float64) {
	from, healed, next := r.at(*s.Acted), forever, r.nextStrike(s, forever)
	if s.Healed != nil {
		healed = r.at(*s.Healed)
	}
	until := min(healed, next)
	if healed-from <= usual {
		until = min(next, healed+1)
	}
	if r.follows(s) {
		gaps = since(gaps, from, usual)
	}
	g := longest(gaps, from, until)
	part := min(g.to, until) - g.from
	if healed-from <= usual {
		g = longestFrom(gaps, from, until)
		part = g.length()
	}
	switch {
	case r.cutOff(from, gaps), part > usual && g.open && r.neverAnswered(g):
		last := gaps[len(gaps)-1]
		return results.Recovery{Kind: results.NotRecovered, Gap: r.span(last)}, nil
	case part <= usual:
		return results.Recovery{Kind: results.RecoveredNoOutage}, new(float64)
	case g.to > healed && !g.open:
		return results.Recovery{Kind: results.RecoveredAfterHeal, Gap: r.span(g), AfterHeal: new(Millis(g.to - healed))}, nil
	}
	if next-g.from <= usual {
		g.to = min(g.to, next) // the next strike's outage
	}
	return results.Recovery{Kind: results.RecoveredInFault, Gap: r.span(g)}, new(Millis(g.length()))
}

// follows reports whether a strike that is not one with this one acted before it.
func (r *Reading) follows(s results.Strike) bool {
	return slices.ContainsFunc(r.strikes, func(t results.Strike) bool {
		return t.Struck != nil && t.Planned[0] != s.Planned[0] && *t.Acted < *s.Acted
	})
}

// since returns the gaps from the instant on. One that began before it by more than the usual is an
// earlier strike's, and only what is left of it counts.
func since(gaps []gap, from, usual time.Duration) (later []gap) {
	for _, g := range gaps {
		if g.to <= from {
			continue
		}
		if g.from < from-usual {
			g.from = from
		}
		later = append(later, g)
	}
	return later
}

// longestFrom returns the longest gap that overlaps [from, to), by all of its length.
func longestFrom(gaps []gap, from, to time.Duration) (best gap) {
	for _, g := range gaps {
		if g.to > from && g.from < to && g.length() > best.length() {
			best = g
		}
	}
	return best
}

// span returns when the gap began and ended, in seconds since the start of the load.
func (r *Reading) span(g gap) *[2]float64 { return &[2]float64{r.Since(g.from), r.Since(g.to)} }

// nextStrike returns when the first strike after this one began to act that is not one with it.
func (r *Reading) nextStrike(s results.Strike, never time.Duration) time.Duration {
	next := never
	for _, t := range r.strikes {
		if t.Struck != nil && t.Planned[0] != s.Planned[0] && *t.Acted > *s.Acted && *t.Acted >= *s.Struck {
			next = min(next, r.at(*t.Acted))
		}
	}
	return next
}

// cutOff reports whether the load ended so soon after the strike began to act that the silence
// after it had no time to be more than noise: it goes on to the end, and an operation was due in it
// that was never acknowledged.
func (r *Reading) cutOff(acted time.Duration, gaps []gap) bool {
	if acted <= r.LoadEnd-r.noise() || len(gaps) == 0 {
		return false
	}
	last := gaps[len(gaps)-1]
	return last.open && r.dueIn(last, func(o *history.Op) bool { return o.Outcome != history.OK })
}

// noise returns how long a gap may be and mean nothing: as long as the generator may lag.
func (r *Reading) noise() time.Duration { return r.Info.LagBound }

// neverAnswered reports whether an operation was due in the gap that was not acknowledged before the
// load ended: without a request, silence means nothing.
func (r *Reading) neverAnswered(g gap) bool {
	return r.dueIn(g, func(o *history.Op) bool { return o.Outcome != history.OK || o.Return >= r.LoadEnd })
}

// dueIn reports whether an operation of which so is true was due in the gap.
func (r *Reading) dueIn(g gap, so func(*history.Op) bool) bool {
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load && o.Due >= g.from && o.Due <= g.to && so(o) {
			return true
		}
	}
	return false
}
