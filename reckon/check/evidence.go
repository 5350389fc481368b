package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A pair is two operations of which the first returned before the second was called.
type pair struct{ first, second int } // places in register.ops

// A proof is why no order of two clusters, a and b, works: a pair that puts a before b and one
// that puts b before a. What it consists of is these four and the writes of both
// clusters, some of which are the same operation.
type proof struct {
	a, b   int32
	ab, ba pair
	set    []int // places in register.ops
}

// prove returns the smallest proof with one of each list in its place, or nil.
func (g *register) prove(a, b int32, abFirst, abSecond, baFirst, baSecond []int) *proof {
	var best *proof
	for _, x := range abFirst {
		for _, y := range abSecond {
			for _, u := range baFirst {
				for _, v := range baSecond {
					if g.ops[x].ret >= g.ops[y].call || g.ops[u].ret >= g.ops[v].call {
						continue
					}
					set := g.set(g.clusters[a].write, g.clusters[b].write, x, y, u, v)
					if best == nil || len(set) < len(best.set) {
						best = &proof{a, b, pair{x, y}, pair{u, v}, set}
					}
				}
			}
		}
	}
	return best
}

// conflict proves that clusters a and b conflict, or is nil where they do not.
// Their earliest and latest members always serve; the writes are tried instead,
// since they are in the proof anyway.
func (g *register) conflict(a, b int32) *proof {
	earlyA, lateA := g.members(a, g.clusters[a].early), g.members(a, g.clusters[a].late)
	earlyB, lateB := g.members(b, g.clusters[b].early), g.members(b, g.clusters[b].late)
	return g.prove(a, b, earlyA, lateB, earlyB, lateA)
}

// smallest returns the smallest proof that the clusters of p conflict.
//
// Small means this. A set of operations proves something only if each read in it
// comes with its write, or dropping a write would "prove" that its value came from
// nowhere. So what may be dropped is a read, or a write together with the reads of it.
// Without a whole cluster the other stands alone, and is in order. What remains
// is to need few reads: none, one or two of each cluster. Where it is two, or one beside the
// write, the earliest and latest serve as well as any, and conflict has tried
// them. But one read may also stand for both, after some operation of the other
// cluster and before another, and that need be neither the earliest nor the latest:
//
//	w(a) |--|
//	w(b)  |--------?
//	r(b)      |--|                        after w(a), so a before b; and it returned before r(a) was called, so b before a
//	r(b)          |--|                    the latest of b, which proves no more
//	r(a)            |--|
func (g *register) smallest(p *proof) *proof {
	better := func(q *proof) {
		if q != nil && len(q.set) < len(p.set) {
			p = q
		}
	}
	a, b := p.a, p.b
	earlyA, lateA := g.members(a, g.clusters[a].early), g.members(a, g.clusters[a].late)
	earlyB, lateB := g.members(b, g.clusters[b].early), g.members(b, g.clusters[b].late)
	for i := range g.ops {
		switch o := &g.ops[i]; {
		case o.write:
		case o.cluster == a:
			better(g.prove(a, b, []int{i}, lateB, earlyB, []int{i}))
		case o.cluster == b:
			better(g.prove(a, b, earlyA, []int{i}, []int{i}, lateA))
		}
	}
	return p
}

// better reports whether p is to be reported rather than q: the smaller, then the one whose stale
// read came first.
func (g *register) better(p, q *proof) bool {
	if q == nil {
		return true
	}
	ps, _ := g.stale(p.ab, p.ba)
	qs, _ := g.stale(q.ab, q.ba)
	return cmp.Or(cmp.Compare(len(p.set), len(q.set)), cmp.Compare(g.ops[ps.second].call, g.ops[qs.second].call)) < 0
}

// finding describes the proof.
func (g *register) finding(p *proof) *finding {
	evidence := make([]history.Op, len(p.set))
	for i, at := range p.set {
		evidence[i] = *g.op(at)
	}
	stale, order := g.stale(p.ab, p.ba)
	return show(time.Duration(g.ops[stale.second].call), g.key, g.explain(stale, order), evidence...)
}

// members returns the cluster's write and its other candidate, the write first.
func (g *register) members(c int32, other int) []int {
	if w := g.clusters[c].write; w != other {
		return []int{w, other}
	}
	return []int{other}
}

// set returns the places without repetition, and without the absence that no operation wrote.
func (g *register) set(places ...int) []int {
	slices.Sort(places)
	places = slices.Compact(places)
	return slices.DeleteFunc(places, func(at int) bool { return g.ops[at].op < 0 })
}

// stale returns which pair shows the stale read, as its second, and which pair shows that the value
// read had been overwritten. One of the two ends in a read: if v and y were both writes, u would
// return before v is called, so (x being no earlier than its write v) before y is called, though u
// is no earlier than its write y. Of two reads the later is the stale one.
func (g *register) stale(ab, ba pair) (stale, order pair) {
	v, y := &g.ops[ba.second], &g.ops[ab.second]
	if v.write || !y.write && y.call > v.call {
		return ab, ba
	}
	return ba, ab
}

// explain describes a conflict in one sentence.
func (g *register) explain(stale, order pair) string {
	read, seen := g.op(stale.second), g.op(stale.first)
	s := describe(read)
	ago := human(read.Call - seen.Return)
	if seen.Kind == history.Write {
		s += fmt.Sprintf(" although %s had been acknowledged %s before", seen.Value, ago)
	} else {
		s += fmt.Sprintf(" although %s had read %s %s before", who(seen), seen.Value, ago)
	}
	// Two writes one after the other need no explanation, nor does a write after absence.
	x, y := &g.ops[order.first], &g.ops[order.second]
	if x.op < 0 || x.write && y.write {
		return s
	}
	return s + fmt.Sprintf(", and %s began after %s had ended", deed(g.op(order.second)), deed(g.op(order.first)))
}

func (g *register) op(at int) *history.Op { return &g.h.Ops[g.ops[at].op] }

// describe returns what a read answered: "c1/4 read a17 (revision 40, from n2)".
func describe(read *history.Op) string {
	s := who(read)
	if absent(read) {
		s += " found nothing"
	} else {
		s += " read " + read.Value
	}
	switch {
	case read.Revision != 0 && read.Member != "":
		s += fmt.Sprintf(" (revision %d, from %s)", read.Revision, read.Member)
	case read.Revision != 0:
		s += fmt.Sprintf(" (revision %d)", read.Revision)
	case read.Member != "":
		s += fmt.Sprintf(" (from %s)", read.Member)
	}
	return s
}

// deed returns an operation as a noun: "c1/4's write of a17".
func deed(o *history.Op) string {
	if o.Kind == history.Read && absent(o) {
		return who(o) + "'s read of nothing"
	}
	return fmt.Sprintf("%s's %s of %s", who(o), o.Kind, o.Value)
}

func who(o *history.Op) string { return fmt.Sprintf("%s/%d", o.Client, o.Process) }

// because returns the reason that the store gave, in brackets, if any.
func because(o *history.Op) string {
	if o.Error == "" {
		return ""
	}
	return " (" + o.Error + ")"
}

// human returns a span of time to three digits: "1.2 s".
func human(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.3g us", d.Seconds()*1e6)
}

// byCall orders the operations by call, and by return where they were called at once.
func byCall(ops []history.Op) []history.Op {
	slices.SortStableFunc(ops, func(a, b history.Op) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Return, b.Return))
	})
	return ops
}
