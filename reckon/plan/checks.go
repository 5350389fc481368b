package plan

import (
	"context"
	"fmt"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
)

// Checks returns the checks of the plan's workloads, and the one that the store recovers. Where
// several workloads run together, a check's name begins with its workload's.
func (p *Plan) Checks() (all []reckon.Check) {
	for _, w := range p.Workloads {
		for _, c := range w.Value.Checks(p.Setting) {
			if len(p.Workloads) > 1 {
				c.Name = w.Name + " " + c.Name
			}
			all = append(all, onlyObserved(c))
		}
	}
	return append(all, reckon.Check{Name: "recovers", Run: func(_ context.Context, h *reckon.History) check.Result { return check.Recovers(h) }})
}

// onlyObserved runs the check without reads whose answer is not known, and turns Valid into Unknown
// if there were any.
func onlyObserved(c reckon.Check) reckon.Check {
	run := c.Run
	c.Run = func(ctx context.Context, h *reckon.History) check.Result {
		rest, unobserved := h.Observed()
		r := run(ctx, rest)
		if unobserved > 0 && !c.Unobserved && r.Verdict != check.Invalid {
			r.Verdict = check.Unknown
			r.Detail = fmt.Sprintf("not decided: the client program did not report what %d reads answered; the rest: %s", unobserved, r.Detail)
		}
		return r
	}
	return c
}
