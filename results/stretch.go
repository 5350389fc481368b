package results

import (
	"math"
	"time"
)

// A Stretch is what became of service in one part of a run: while faults were in
// effect, or after the last of them was healed. A gap that reaches from one into the other counts in each for its part.
//
// Say that a follower is cut off from 10 s to 20 s, and forces an election when it comes back:
// acknowledgements return at ..., 19.99, 20.01, 20.40, ... So there is no outage in the fault, and one of 390 ms at the heal.
type Stretch struct {
	LongestGap float64 `json:"longest_gap_ms"`
	// Lasted says that the longest gap had not ended when the stretch did, and was longer than an election timeout.
	Lasted  bool `json:"lasted"`
	Changes int  `json:"leader_changes"`
}

// inFault is the stretch from the last answer before the first strike to the last heal, at most to the end of the load; nil where nothing struck.
func (r *reading) inFault(l Leaders) *Stretch {
	if !r.loaded || r.faultFrom < 0 {
		return nil
	}
	to := min(r.faultTo, r.loadEnd)
	g := longest(r.gaps(), r.faultFrom, to)
	cut := g.to >= to
	g.to = min(g.to, to)
	return r.stretch(g, cut && (!g.open || r.dueIn(g)), l.between(r.since(r.faultFrom), r.since(r.faultTo)))
}

// atHeal is the stretch from the last heal on, until what was offered under load has returned; leaders also count that
// come while the cluster settles. It is nil where nothing was healed before the load ended.
func (r *reading) atHeal(l Leaders) *Stretch {
	const forever = time.Duration(1<<63 - 1)
	if !r.loaded || r.faultFrom < 0 || r.faultTo >= r.loadEnd {
		return nil
	}
	var later []gap
	for _, g := range r.gaps() {
		if g.to > r.faultTo {
			g.from = max(g.from, r.faultTo)
			later = append(later, g)
		}
	}
	g := longest(later, r.faultTo, forever)
	return r.stretch(g, g.open && r.dueIn(g), l.between(r.since(r.faultTo), math.Inf(1)))
}

func (r *reading) stretch(g gap, lasted bool, changes int) *Stretch {
	lasted = lasted && g.length() > max(r.noise(), r.info.ElectionTimeout)
	return &Stretch{LongestGap: millis(g.length()), Lasted: lasted, Changes: changes}
}
