package check

import (
	"cmp"
	"slices"
)

// narrow shrinks intervals to where the operations can have taken effect: a write
// not after the earliest return of a read of it, a read not before its write was called.
// This is what ends a write of unknown outcome; it never ends before its
// call, because no read returns before its write is called.
//
//	w(u) |------?                w(u) |-------|
//	r(u)     |---|          ->   r(u)     |---|
//	r(u)        |------|         r(u)        |------|
func (g *register) narrow() []operation {
	ops := slices.Clone(g.ops)
	for i := range ops {
		o := &ops[i]
		c := &g.clusters[o.cluster]
		if o.write {
			o.ret = min(o.ret, g.ops[c.early].ret)
		} else {
			o.call = max(o.call, g.ops[c.write].call)
		}
	}
	return ops
}

// thin keeps, of each cluster of narrowed operations, the write and the operation
// that was called last, and leaves the other reads out. If an order works without
// them they fit in again: put a left-out read r among the operations of its own
// cluster, which stand together, wherever time allows. What stands before the
// cluster stands before the write, so it was called by the write's narrowed return, which is no
// later than r's. What stands after it stands after late, so it returned no sooner than late's
// call, which is no sooner than r's.
//
//	w(a)  |--|                      w(a)  |--|
//	r(a)     |--|
//	r(a)       |----|          ->
//	r(a)            |---|           late            |---|
//	w(b)             |-----|        w(b)             |-----|
func (g *register) thin(ops []operation) []operation {
	kept := make([]operation, 0, 2*len(g.clusters))
	for i, o := range ops {
		if o.write || i == g.clusters[o.cluster].late {
			kept = append(kept, o)
		}
	}
	return kept
}

// merge makes one write of each cluster whose operations have an instant in common, the latest call
// being no later than the earliest return: it may take effect between those two.
//
//	w(a) |-------|
//	r(a)     |-----|           ->  w(a)      |---|
//	r(a)    |-------|
//
// If an order of the merged operations works, the members can stand where their cluster does, all
// in one instant. If an order of the members works, they stand together in it, at instants from p
// to q, with no other operation between. The one that returned first has p no later than its
// return, the one that was called last has q no sooner than its call. So some instant is in [p, q]
// and between latest call and earliest return, and all of them can be moved there.
func (g *register) merge(ops []operation) []operation {
	kept := ops[:0]
	for _, o := range ops {
		first, last := g.zone(o.cluster)
		switch {
		case first < last:
			kept = append(kept, o)
		case o.write:
			o.call, o.ret = last, first
			kept = append(kept, o)
		}
	}
	return kept
}

// separate narrows the writes that merge made by what decide knows of two clusters: if a's earliest
// return is before b's latest call, all of a takes effect before all of b. So nothing of b takes
// effect before a's latest call, and nothing of a after b's earliest return. Where that would leave
// no instant at all, no order works, and the interval stays for porcupine to find that out.
//
//	w(a) |--|                     w(a) |--|
//	r(a)        |-------|    ->   r(a)        |-------|
//	w(b)      |----------|        w(b)        |--------|
//
// This is what tells porcupine, which tries writes as soon as they are called,
// that those called during an outage come after what was read before it.
func (g *register) separate(ops []operation) []operation {
	from, to := g.limits()
	for i := range ops {
		o := &ops[i]
		if first, last := g.zone(o.cluster); first < last {
			continue
		}
		call, ret := max(o.call, from[o.cluster]), min(o.ret, to[o.cluster])
		if call <= ret {
			o.call, o.ret = call, ret
		}
	}
	return ops
}

// limits is, by cluster, the latest of the latest calls of those that must come
// before it, and the earliest of the earliest returns of those that must come
// after it. It holds for clusters whose earliest return is not before their
// own latest call; others are taken to come before and after themselves.
func (g *register) limits() (from, to []int64) {
	n := len(g.clusters)
	first, last := make([]int64, n), make([]int64, n)
	for c := range n {
		first[c], last[c] = g.zone(int32(c))
	}
	from = latest(first, last)
	// The same backwards in time, where the calls are returns.
	for c := range n {
		first[c], last[c] = -last[c], -first[c]
	}
	to = latest(first, last)
	for c := range n {
		to[c] = -to[c]
	}
	return from, to
}

// latest is, for each c, the largest last[d] of all d with first[d] < last[c]; before, where there
// is none.
func latest(first, last []int64) []int64 {
	order := make([]int, len(first))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(first[a], first[b]) })
	most := []int64{before} // of each prefix of order
	for i, d := range order {
		most = append(most, max(most[i], last[d]))
	}
	found := make([]int64, len(first))
	for c := range found {
		n, _ := slices.BinarySearchFunc(order, last[c], func(d int, t int64) int { return cmp.Compare(first[d], t) })
		found[c] = most[n]
	}
	return found
}

// timely returns the operations in order of call, without the absence that no operation wrote.
func timely(ops []operation) []operation {
	ops = slices.DeleteFunc(ops, func(o operation) bool { return o.op < 0 })
	slices.SortFunc(ops, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.op, b.op))
	})
	return ops
}

// nobodys is a state that no read can have found.
const nobodys = -1

// A stretch is the part of a register that starts and ends with nothing under way.
type stretch struct {
	start int32 // the cluster whose value is there at the start, or nobodys
	ops   []operation
}

// enough is how many operations a stretch should have at least: each costs
// porcupine a goroutine, but its memory grows with the square of their number.
const enough = 48

// split cuts the operations, ordered by call, at instants at which none is under way,
// and says which state is carried over each cut. Values are unique, so there is
// never more than one candidate:
//
//   - One cluster has operations on both sides. Its value is the state at the cut.
//     The write is on the left (no read returns before its write is
//     called), so the state that a read on the right found can only have come from the left,
//     and nothing between may have replaced it. The stretch on the left must end with the value, which
//     a read added at the cut makes sure of, and the one on the right starts with it.
//   - Two clusters have operations on both sides. Each would have to be the
//     state at the cut, so no order works. Whichever is carried, the read of the other on the right finds that out.
//   - None has. Then no read on the right depends on the state at the cut, and it may be
//     anything; the stretch on the right starts with nobodys.
//
// An order of the whole puts all of the left before all of the right, so cut in two it is
// an order of each stretch; and orders of the stretches, one after the other, are one of the whole.
//
//	w(a) |--|         |           w(a) |--|
//	w(b)  |--|        |      ->   w(b)  |--|          then from a:  r(a) |--|
//	r(a)              ||--|       r(a)        |
//
// Stretches have at least size operations, but for the last.
func (g *register) split(ops []operation, size int) []stretch {
	last := make([]int, len(g.clusters)) // by cluster: the place of its last operation
	for i, o := range ops {
		last[o.cluster] = i
	}
	var (
		stretches []stretch
		open      = make(map[int32]bool) // clusters with operations on both sides of place i
		start     int32                  // absent
		from      int
		latest    = before
	)
	if len(ops) > 0 && ops[last[0]].cluster == 0 {
		open[0] = true
	}
	for i, o := range ops {
		if i >= from+size && o.call > latest {
			c := int32(nobodys)
			for c = range open {
				break
			}
			stretches = append(stretches, stretch{start, ended(ops[from:i], c, o.call)})
			start, from = c, i
		}
		latest = max(latest, o.ret)
		if open[o.cluster] = true; last[o.cluster] == i {
			delete(open, o.cluster)
		}
	}
	return append(stretches, stretch{start, ops[from:]})
}

// ended returns the operations with a read of the cluster's value at the instant added.
func ended(ops []operation, c int32, at int64) []operation {
	if c == nobodys {
		return ops
	}
	return append(slices.Clone(ops), operation{op: -1, cluster: c, call: at, ret: at})
}
