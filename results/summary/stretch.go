package summary

import (
	"math"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// inFault returns the stretch from the last answer before the first strike to the last heal, at
// most to the end of the load; nil where nothing struck.
func (r *Reading) inFault(l results.Leaders) *results.Stretch {
	if !r.Loaded || r.FaultFrom < 0 {
		return nil
	}
	to := min(r.faultTo, r.LoadEnd)
	g := longest(r.gaps(), r.FaultFrom, to)
	cut := g.to >= to
	g.to = min(g.to, to)
	return r.stretch(g, cut && (!g.open || r.dueIn(g)), changesBetween(l, r.Since(r.FaultFrom), r.Since(r.faultTo)))
}

// atHeal returns the stretch from the last heal on, until what was offered under load has returned;
// leaders also count that come while the cluster settles. It is nil where nothing was healed before
// the load ended.
func (r *Reading) atHeal(l results.Leaders) *results.Stretch {
	const forever = time.Duration(1<<63 - 1)
	if !r.Loaded || r.FaultFrom < 0 || r.faultTo >= r.LoadEnd {
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
	return r.stretch(g, g.open && r.dueIn(g), changesBetween(l, r.Since(r.faultTo), math.Inf(1)))
}

func (r *Reading) stretch(g gap, lasted bool, changes int) *results.Stretch {
	lasted = lasted && g.length() > max(r.noise(), r.Info.ElectionTimeout)
	return &results.Stretch{LongestGap: Millis(g.length()), Lasted: lasted, Changes: changes}
}
