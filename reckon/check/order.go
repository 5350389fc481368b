package check

import (
	"cmp"
	"slices"
)

// decide judges the register by the order of its zones, in O(n log n): after
// Gibbons & Korach, Testing Shared Memories, SIAM J. Comput. 26(4), 1997, section
// on histories in which each read names its write.
//
// Call e(A) the earliest return in cluster A and l(A) the latest call; what lies
// between them is A's zone.
//
// In any order that a register allows, the operations of a cluster stand together:
// once another value is written, A's is never read again. So two clusters are
// wholly before or after each other. If e(A) < l(B), some operation of A returned before
// one of B was called, so A comes before B. Hence the
//
// Conflict: if e(A) < l(B) and e(B) < l(A), no order works. A stale read:
//
//	w(a) |--|                      e(A)
//	w(b)        |--|               l(B) e(B)
//	r(a)               |--|        l(A)         e(A) < l(B) and e(B) < l(A)
//
// Now order clusters by the middles of their zones, e + l, in each the write first
// and then the reads by call. Suppose that this contradicts time: x, of A, stands
// before y, of B, but y returned before x was called. Within a cluster that
// cannot be (no read returns before its write is called: register saw to that; and reads
// stand by call). So A ≠ B, and e(B) <= y.ret < x.call <= l(A). With e(A) + l(A) <= e(B) + l(B)
// it follows that e(A) <= l(B) - (l(A) - e(B)) < l(B): a conflict. So either this order
// works, or the place where it fails names two clusters in conflict; nothing is left to search.
func (g *register) decide() (Verdict, *finding) {
	order := g.order()
	if !g.lawful(order) {
		return Unknown, nil
	}
	var best *proof
	fits := true
	g.replay(order, func(x, y int) {
		fits = false
		if p := g.conflict(g.ops[x].cluster, g.ops[y].cluster); p != nil && g.better(p, best) {
			best = p
		}
	})
	switch {
	case fits:
		return Valid, nil
	case best != nil:
		return Invalid, g.finding(g.smallest(best))
	}
	return Unknown, nil
}

// order returns the operations by the middles of their clusters' zones.
func (g *register) order() []int {
	order := make([]int, len(g.ops))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return g.compare(&g.ops[a], &g.ops[b]) })
	return order
}

// compare orders by the middle of the cluster's zone; in a cluster the write is first, and the
// reads stand by call.
func (g *register) compare(x, y *operation) int {
	switch {
	case x.cluster != y.cluster:
		return cmp.Or(cmp.Compare(g.middle(x.cluster), g.middle(y.cluster)), cmp.Compare(x.cluster, y.cluster))
	case x.write != y.write && x.write:
		return -1
	case x.write != y.write:
		return 1
	}
	return cmp.Or(cmp.Compare(x.call, y.call), cmp.Compare(x.op, y.op))
}

// zone returns the earliest return and the latest call of the cluster.
func (g *register) zone(c int32) (first, last int64) {
	return g.ops[g.clusters[c].early].ret, g.ops[g.clusters[c].late].call
}

// middle is twice the middle of the cluster's zone.
func (g *register) middle(c int32) int64 {
	first, last := g.zone(c)
	return first + last
}

// lawful reports whether a register goes through the order: each read finds what was written last.
func (g *register) lawful(order []int) bool {
	state := int32(-1)
	for _, i := range order {
		o := &g.ops[i]
		if !o.write && o.cluster != state {
			return false
		}
		state = o.cluster
	}
	return true
}

// replay calls contradicts(x, y) for each y that returned before some x ahead of it in the order
// was called.
func (g *register) replay(order []int, contradicts func(x, y int)) {
	latest := order[0]
	for _, i := range order {
		if g.ops[i].ret < g.ops[latest].call {
			contradicts(latest, i)
		}
		if g.ops[i].call > g.ops[latest].call {
			latest = i
		}
	}
}
