package check

import (
	"fmt"
	"math"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Instants before and after every operation, far enough from the ends of int64 that two of them can
// be added.
const (
	before int64 = math.MinInt64 / 2
	after  int64 = math.MaxInt64 / 2
)

// An operation is what counts of a history.Op when a register is judged. Its
// interval is closed: [1, 2] and [2, 3] are concurrent. Clocks tick, and two
// operations that share an instant may have happened in either order, so any other
// reading would call a store wrong that was right:
//
//	w(a)  |--|           [1, 2]
//	r(-)     |--|        [2, 3]   found nothing: right, if both took effect at 2 and the read first
type operation struct {
	op        int32 // place in the history; -1 for the absence that every key starts with
	cluster   int32
	write     bool
	call, ret int64
}

// A cluster is a write and the reads of its value. Cluster 0 is the absence
// that every key starts with, written before time, and the reads that found nothing.
type cluster struct {
	write int // place in register.ops
	// early is the member that returned first, late the one that was called last: the cluster's
	// zone is between ops[early].ret and ops[late].call.
	early, late int
}

// A register is one key, reduced to what can matter. Soundness: the whole history of
// the key is linearizable if and only if the reduced one is.
//
//   - A read that was not answered leaves: it changed nothing and says nothing.
//
//   - A failed write leaves: the client promised that it has no effect. (If its
//     value was read, that promise was broken, and the key never gets here.)
//
//   - A write of unknown outcome that no read observed leaves. Whatever order worked
//     with it works without it, since no read depends on it; and whatever order works
//     without it works with it put last, since it never returned:
//
//     w(a) |--|
//     w(u)    |-----?                u may come after the last read,
//     r(a)            |--|           or may never have happened
//
//   - A write of unknown outcome that was observed is known to return after
//     everything: its interval ends at after.
type register struct {
	h        *history.History
	key      string
	ops      []operation
	clusters []cluster
}

// register reduces the key. Where a read answered a value that it cannot have, it returns the
// finding instead.
func (r *record) register(key keyOps) (*register, *finding) {
	reg := &register{h: r.h, key: key.name}
	seen, f := r.observed(key)
	if f != nil {
		return nil, f
	}
	reg.start(operation{op: -1, write: true, call: before, ret: before})
	for _, i := range key.ops {
		o := &r.h.Ops[i]
		if o.Kind != history.Write || o.Outcome == history.Failed || o.Outcome == history.Unknown && !seen[i] {
			continue
		}
		ret := int64(o.Return)
		if o.Outcome == history.Unknown {
			ret = after
		}
		r.cluster[i] = int32(len(reg.clusters))
		reg.start(operation{op: i, cluster: r.cluster[i], write: true, call: int64(o.Call), ret: ret})
	}
	for _, i := range key.ops {
		o := &r.h.Ops[i]
		if o.Kind != history.Read || o.Outcome != history.OK {
			continue
		}
		c := int32(0)
		if !absent(o) {
			c = r.cluster[r.writer[o.Value]]
		}
		reg.join(operation{op: i, cluster: c, call: int64(o.Call), ret: int64(o.Return)})
	}
	return reg, nil
}

func (g *register) start(w operation) {
	at := len(g.ops)
	g.ops = append(g.ops, w)
	g.clusters = append(g.clusters, cluster{write: at, early: at, late: at})
}

func (g *register) join(read operation) {
	at := len(g.ops)
	g.ops = append(g.ops, read)
	c := &g.clusters[read.cluster]
	if read.ret < g.ops[c.early].ret {
		c.early = at
	}
	if read.call > g.ops[c.late].call {
		c.late = at
	}
}

// observed lists the writes of unknown outcome whose values were read. The finding is the first
// read, the smallest proof first, whose value came from nowhere: from no write, from a
// write that failed, from another key, or from the future.
func (r *record) observed(key keyOps) (seen map[int32]bool, worst *finding) {
	for _, i := range key.ops {
		o := &r.h.Ops[i]
		if o.Kind != history.Read || o.Outcome != history.OK || absent(o) {
			continue
		}
		w, ok := r.writer[o.Value]
		if f := r.nowhere(o, w, ok); f != nil {
			if f.better(worst) {
				worst = f
			}
			continue
		}
		if r.h.Ops[w].Outcome == history.Unknown {
			if seen == nil {
				seen = make(map[int32]bool)
			}
			seen[w] = true
		}
	}
	return seen, worst
}

// nowhere returns what is wrong with where the read's value came from, or nil.
func (r *record) nowhere(read *history.Op, writer int32, written bool) *finding {
	if !written {
		return show(read.Return, read.Key, describe(read)+", which nobody ever wrote", *read)
	}
	w := &r.h.Ops[writer]
	switch {
	case w.Key != read.Key:
		return show(read.Return, read.Key, fmt.Sprintf("%s, which %s wrote to key %s", describe(read), who(w), w.Key), *read)
	case w.Outcome == history.Failed:
		return show(read.Return, read.Key, fmt.Sprintf("%s, whose write by %s failed%s, so it must never take effect", describe(read), who(w), because(w)), *w, *read)
	case read.Return < w.Call:
		return show(read.Return, read.Key, fmt.Sprintf("%s %s before %s was called to write it", describe(read), human(w.Call-read.Return), who(w)), *w, *read)
	}
	return nil
}

func show(at time.Duration, key, detail string, evidence ...history.Op) *finding {
	return &finding{detail: "key " + key + ": " + detail, evidence: byCall(evidence), at: at}
}
