package summary

import (
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// idleCrew finds runs of nothing but workers that prove nothing, because no pass succeeded before
// anything was broken.
func (r *Reading) idleCrew() []defect {
	until, what := r.LoadEnd, "no pass succeeded"
	if r.FaultFrom >= 0 {
		until, what = r.FaultFrom, "no pass succeeded before the first fault"
	}
	if slices.ContainsFunc(r.H.Passes, func(p history.Pass) bool { return p.Outcome == history.OK && p.Call < until }) {
		return nil
	}
	return []defect{{why: what}}
}

// idle finds runs that prove nothing because nothing worked before anything was broken.
func (r *Reading) idle(s *results.Summary) []defect {
	switch {
	case s.Interrupted || r.fell():
		return nil
	case !r.Loaded:
		return []defect{{why: "the load never started"}}
	case s.Ops.Offered == 0 && len(r.H.Passes) > 0 && r.strikesAtStart():
		return nil
	case s.Ops.Offered == 0 && len(r.H.Passes) > 0:
		return r.idleCrew()
	case s.Ops.Offered == 0:
		return []defect{{why: "no operation was offered"}}
	case r.strikesAtStart():
		return nil // there is no time before the fault, and nothing need ever work
	}
	until := r.LoadEnd
	if r.FaultFrom >= 0 {
		until = r.FaultFrom
	}
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load && o.Outcome == history.OK && o.Return <= until {
			return nil
		}
	}
	if r.FaultFrom >= 0 {
		return []defect{{why: "no operation was acknowledged before the first fault"}}
	}
	return []defect{{why: "no operation was acknowledged"}}
}

func (r *Reading) strikesAtStart() bool {
	for _, s := range r.strikes {
		if s.Struck != nil && s.Planned[0] <= 0 {
			return true
		}
	}
	return false
}
