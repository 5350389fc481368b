package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
)

// disorder returns acknowledged operations whose revisions contradict time, where the store counts
// its changes as a whole; nil where there are none. A write takes the next revision when it takes
// effect, which is between its call and its return:
//
//	w(a) |--| ok, revision 300
//	w(b)         |--| ok, revision 203      it was called when revision 300 had been taken already
//
// and no two writes share one. What a read answered had been written, too, when it returned. The
// sweep goes through calls and returns in order: it takes O(n log n).
func disorder(h *history.History) *Result {
	var calls, returns []*history.Op
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Outcome != history.OK || o.Revision == 0 {
			continue
		}
		returns = append(returns, o)
		if o.Kind == history.Write {
			calls = append(calls, o)
		}
	}
	slices.SortStableFunc(calls, func(a, b *history.Op) int { return cmp.Compare(a.Revision, b.Revision) })
	for i := 1; i < len(calls); i++ {
		if a, b := calls[i-1], calls[i]; a.Revision == b.Revision {
			return violated(fmt.Sprintf("%s and %s were both acknowledged at revision %d", deed(a), deed(b), a.Revision), a, b)
		}
	}
	slices.SortStableFunc(calls, func(a, b *history.Op) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortStableFunc(returns, func(a, b *history.Op) int { return cmp.Compare(a.Return, b.Return) })
	var newest *history.Op // of what had returned
	for _, w := range calls {
		for len(returns) > 0 && returns[0].Return < w.Call {
			if newest == nil || returns[0].Revision > newest.Revision {
				newest = returns[0]
			}
			returns = returns[1:]
		}
		if newest != nil && newest.Revision >= w.Revision {
			return violated(fmt.Sprintf("%s was acknowledged at revision %d, and called %s after revision %d had been answered",
				deed(w), w.Revision, human(w.Call-newest.Return), newest.Revision), newest, w)
		}
	}
	return nil
}

func violated(detail string, a, b *history.Op) *Result {
	return &Result{Verdict: Invalid, Detail: detail, Evidence: []history.Op{*a, *b}}
}
