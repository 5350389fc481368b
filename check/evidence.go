package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/history"
)

// A pair is two operations of which the first returned before the second was called.
type pair struct{ first, second int } // places in register.ops

// conflict is the smallest proof that clusters a and b conflict, or nil where they do not.
//
// It takes a pair that puts a before b and a pair that puts b before a, and the
// writes of both. Their earliest and latest members always serve; the writes are
// tried instead, since they are in the proof anyway.
//
// Small means this. A set of operations proves something only if each read in it
// comes with its write, or dropping a write would "prove" that its value came from
// nowhere. So what may be dropped is a read, or a write together with the reads of it.
// From this set neither can be: without a whole cluster the other stands alone
// and is in order; and any smaller choice of reads would have been found, being
// made of the same candidates.
func (g *register) conflict(a, b int32) *finding {
	var best []int
	var ab, ba pair
	for _, x := range g.members(a, g.clusters[a].early) {
		for _, y := range g.members(b, g.clusters[b].late) {
			for _, u := range g.members(b, g.clusters[b].early) {
				for _, v := range g.members(a, g.clusters[a].late) {
					if g.ops[x].ret >= g.ops[y].call || g.ops[u].ret >= g.ops[v].call {
						continue
					}
					set := g.set(g.clusters[a].write, g.clusters[b].write, x, y, u, v)
					if best == nil || len(set) < len(best) {
						best, ab, ba = set, pair{x, y}, pair{u, v}
					}
				}
			}
		}
	}
	if best == nil {
		return nil
	}
	evidence := make([]history.Op, len(best))
	for i, at := range best {
		evidence[i] = g.h.Ops[g.ops[at].op]
	}
	stale, order := g.stale(ab, ba)
	return show(time.Duration(g.ops[stale.second].call), g.key, g.explain(stale, order), evidence...)
}

// members is the cluster's write and its other candidate, the write first.
func (g *register) members(c int32, other int) []int {
	if w := g.clusters[c].write; w != other {
		return []int{w, other}
	}
	return []int{other}
}

// set is the places without repetition, and without the absence that no operation wrote.
func (g *register) set(places ...int) []int {
	slices.Sort(places)
	places = slices.Compact(places)
	return slices.DeleteFunc(places, func(at int) bool { return g.ops[at].op < 0 })
}

// stale says which pair shows the stale read, as its second, and which pair shows
// that the value read had been overwritten. One of the two ends in a read: if v
// and y were both writes, u would return before v is called, so (x being no earlier than its write v)
// before y is called, though u is no earlier than its write y. Of two reads the later is the stale one.
func (g *register) stale(ab, ba pair) (stale, order pair) {
	v, y := &g.ops[ba.second], &g.ops[ab.second]
	if v.write || !y.write && y.call > v.call {
		return ab, ba
	}
	return ba, ab
}

// explain tells the story of a conflict in one sentence.
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

// describe says what a read answered: "c1/4 read a17 (revision 40, from n2)".
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

// deed is an operation as a noun: "c1/4's write of a17".
func deed(o *history.Op) string {
	if o.Kind == history.Read && absent(o) {
		return who(o) + "'s read of nothing"
	}
	return fmt.Sprintf("%s's %s of %s", who(o), o.Kind, o.Value)
}

func who(o *history.Op) string { return fmt.Sprintf("%s/%d", o.Client, o.Process) }

// because is the reason that the store gave, in brackets, if any.
func because(o *history.Op) string {
	if o.Error == "" {
		return ""
	}
	return " (" + o.Error + ")"
}

// human is a span of time to three digits: "1.2 s".
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
