package check

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Invariants says whether the invariants held that a simulated run checks at every step: whether it recorded no violation. It
// is Unknown for a run that did not come to its end.
func Invariants(h *history.History) Result {
	r := Result{Name: "invariants"}
	if v := eventOf(h, history.Violated); v != nil {
		r.Verdict, r.Detail = Invalid, fmt.Sprintf("%s, at step %d: %s", v.Subject, v.ViolatedAt(), v.Detail)
		return r
	}
	if _, done := h.PhaseStart("done"); !done {
		r.Detail = "the run was cut short"
		return r
	}
	r.Verdict, r.Detail = Valid, "held at every step"
	return r
}
