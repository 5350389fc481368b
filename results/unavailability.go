package results

import (
	"math"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Unavailability is how long nothing was acknowledged.
//
// A gap lies between two successive returns of acknowledged operations of the
// load; its start and its end bound gaps as well, so that a service that never
// came back shows. Say that the load lasts from 0 to 30 s, a leader is killed at 10 s, and
// acknowledgements return at ..., 9.99, 11.4, 11.41, ...: the longest gap is 1.41 s,
// and so is the time to recover from the strike. If they return at ..., 9.99 and never again,
// the longest gap is 20.01 s, but the time to recover is null and censored: it is
// not known, only that it is longer. Whoever averages must treat it so.
type Unavailability struct {
	LongestGap float64    `json:"longest_gap_ms"`
	Gap        [2]float64 `json:"longest_gap_s"` // from, to
	// TTR is, for each strike, the longest gap that overlaps the time from when this strike began
	// to act to when the next one did (for the last one, to the end); null where it did not strike, was censored, or nothing was asked of the store afterwards.
	// A strike that was planned for the same instant, or that acted before this one was in effect, is not the next one: which of
	// them an outage comes of nobody can tell, so each has all of it.
	//
	// Why from its beginning, and not from when it was in effect: a busy machine may take its time to see that a
	// process is gone. Say that it is killed at 0.998 s, seen to be gone at 1.433 s, and that the others have a
	// leader by 1.418 s. From 1.433 s on nothing is missing, and the outage would count for nothing.
	TTR      []*float64 `json:"ttr_ms"`
	Censored []bool     `json:"censored"`
}

// Slowest is the strike, from 0, from which service took the longest to come back, and how long that was in
// milliseconds: +Inf for the first from which it did not come back at all. It is -1 where no recovery was measured.
func (u Unavailability) Slowest() (strike int, ms float64) {
	strike = -1
	for i, ttr := range u.TTR {
		switch {
		case i < len(u.Censored) && u.Censored[i]:
			return i, math.Inf(1)
		case ttr != nil && (strike < 0 || *ttr > ms):
			strike, ms = i, *ttr
		}
	}
	return strike, ms
}

// A gap is a time without an acknowledgement.
type gap struct {
	from, to time.Duration
	open     bool // nothing ended it but the end of the load
}

func (g gap) length() time.Duration { return g.to - g.from }

// gaps lists all gaps in order. Operations that were offered under load count
// also when they return while the load drains.
func (r *reading) gaps() []gap {
	var acks []time.Duration
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK {
			acks = append(acks, o.Return)
		}
	}
	slices.Sort(acks)
	gaps := make([]gap, 0, len(acks)+1)
	last := r.load0
	for _, a := range acks {
		if last >= r.loadEnd {
			break // nothing is offered any more, so stragglers are all that can return
		}
		gaps = append(gaps, gap{from: last, to: max(a, last)})
		last = max(a, last)
	}
	if last < r.loadEnd {
		gaps = append(gaps, gap{from: last, to: r.loadEnd, open: true})
	}
	return gaps
}

// longest is the longest gap that overlaps [from, to), judged by what of it lies before to; the first of equals.
//
// Why before to: a store that answers all the time until the next strike still
// has a gap that overlaps its own time, namely the next strike's, which begins with the last answer before it.
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

func (r *reading) unavailability() Unavailability {
	const forever = time.Duration(1<<63 - 1)
	u := Unavailability{TTR: make([]*float64, len(r.strikes)), Censored: make([]bool, len(r.strikes))}
	lastDue := time.Duration(-1)
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Stage == history.Load {
			lastDue = max(lastDue, o.Due)
		}
	}
	if !r.loaded || lastDue < 0 { // silence is only silence where someone asked
		return u
	}
	gaps := r.gaps()
	worst := longest(gaps, 0, forever)
	if worst.length() > 0 {
		u.LongestGap, u.Gap = millis(worst.length()), [2]float64{r.since(worst.from), r.since(worst.to)}
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
			u.TTR[i] = ptr(millis(g.length()))
		}
	}
	return u
}

// nextStrike is when the first strike after this one began to act that is not one with it.
func (r *reading) nextStrike(s Strike, never time.Duration) time.Duration {
	next := never
	for _, t := range r.strikes {
		if t.Struck != nil && t.Planned[0] != s.Planned[0] && *t.Acted > *s.Acted && *t.Acted >= *s.Struck {
			next = min(next, r.at(*t.Acted))
		}
	}
	return next
}

// censored says whether the strike's gap never ended while the strike could be
// observed. An open gap is one, if an operation was due in it that nobody
// acknowledged: silence is only silence where someone asked. And so is a gap that ended after the load
// because the strike was healed there: the store came back from the heal, which the plan brought, not from the strike.
func (r *reading) censored(s Strike, g gap) bool {
	if g.length() <= r.noise() {
		return false
	}
	if g.open {
		return r.dueIn(g)
	}
	held := s.Healed == nil || r.at(*s.Healed) >= r.loadEnd
	return held && g.from < r.loadEnd && g.to > r.loadEnd
}

// cutOff says whether the load ended so soon after the strike began to act that the silence after it had no time to be
// more than noise: it goes on to the end, and an operation was due in it that nobody acknowledged.
func (r *reading) cutOff(acted time.Duration, gaps []gap) bool {
	if acted <= r.loadEnd-r.noise() || len(gaps) == 0 {
		return false
	}
	last := gaps[len(gaps)-1]
	return last.open && r.dueIn(last)
}

// noise is how long a gap may be and mean nothing: as long as the generator may lag.
func (r *reading) noise() time.Duration { return r.info.bound(r.info.LagBound) }

// dueIn says whether an operation was due in the gap and is not acknowledged.
func (r *reading) dueIn(g gap) bool {
	return slices.ContainsFunc(r.h.Ops, func(o history.Op) bool {
		return o.Stage == history.Load && o.Outcome != history.OK && o.Due >= g.from && o.Due <= g.to
	})
}
