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

// gaps lists all gaps in order. Operations that were offered under load count
// also when they return while the load drains.
func (r *Reading) gaps() []gap {
	var acks []time.Duration
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK {
			acks = append(acks, o.Return)
		}
	}
	slices.Sort(acks)
	gaps := make([]gap, 0, len(acks)+1)
	last := r.load0
	for _, a := range acks {
		if last >= r.LoadEnd {
			break // nothing is offered any more, so stragglers are all that can return
		}
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

func (r *Reading) unavailability() results.Unavailability {
	const forever = time.Duration(1<<63 - 1)
	u := results.Unavailability{TTR: make([]*float64, len(r.strikes)), Censored: make([]bool, len(r.strikes))}
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
	for i, s := range r.strikes {
		if s.Struck == nil {
			continue
		}
		from := r.at(*s.Acted)
		if from > lastDue {
			continue
		}
		next := r.nextStrike(s, forever)
		g := longest(gaps, from, next)
		if next-g.from <= r.noise() {
			g.to = min(g.to, next) // the next strike's outage
		}
		if u.Censored[i] = r.censored(s, g) || r.cutOff(from, gaps); !u.Censored[i] {
			u.TTR[i] = new(Millis(g.length()))
		}
	}
	return u
}

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

// censored reports whether the strike's gap never ended while the strike could be observed. An open
// gap is censored if an operation was due in it that was not acknowledged: without a request,
// silence means nothing. So is a gap that ended after the load because the fault was healed there:
// the store recovered because of the planned heal, not from the fault.
func (r *Reading) censored(s results.Strike, g gap) bool {
	if g.length() <= r.noise() {
		return false
	}
	if g.open {
		return r.dueIn(g)
	}
	held := s.Healed == nil || r.at(*s.Healed) >= r.LoadEnd
	return held && g.from < r.LoadEnd && g.to > r.LoadEnd
}

// cutOff reports whether the load ended so soon after the strike began to act that the silence
// after it had no time to be more than noise: it goes on to the end, and an operation was due in it
// that was not acknowledged.
func (r *Reading) cutOff(acted time.Duration, gaps []gap) bool {
	if acted <= r.LoadEnd-r.noise() || len(gaps) == 0 {
		return false
	}
	last := gaps[len(gaps)-1]
	return last.open && r.dueIn(last)
}

// noise returns how long a gap may be and mean nothing: as long as the generator may lag.
func (r *Reading) noise() time.Duration { return r.Info.LagBound }

// dueIn reports whether an operation was due in the gap and is not acknowledged.
func (r *Reading) dueIn(g gap) bool {
	return slices.ContainsFunc(r.H.Ops, func(o history.Op) bool {
		return o.Stage == history.Load && o.Outcome != history.OK && o.Due >= g.from && o.Due <= g.to
	})
}
