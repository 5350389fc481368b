package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/reckon-bench/reckon/history"
)

// search judges the register by porcupine, independently of decide. It is Unknown where
// porcupine runs out of its budget.
//
// Bare porcupine remembers every set of operations that it has tried to put first, which is
// exponential in what overlaps and quadratic in the length. So what it is given is
// made small first, in ways that change no answer: narrow, thin, merge, separate, split.
func (g *register) search(b *budget) Verdict {
	ops := timely(g.separate(g.merge(g.thin(g.narrow()))))
	values := make([]int32, len(g.clusters))
	for i := range values {
		values[i] = int32(i)
	}
	worst := Valid
	for _, s := range g.split(ops, enough) {
		v := s.search(g, values, b)
		if v == Invalid {
			return Invalid // whatever the others are
		}
		worst = worst.Worst(v)
	}
	return worst
}

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

// merge makes one write of each cluster whose operations have an instant in
// common, the latest call being no later than the earliest return: it may take effect between those two.
//
//	w(a) |-------|
//	r(a)     |-----|           ->  w(a)      |---|
//	r(a)    |-------|
//
// If an order of the merged operations works, the members can stand where their cluster does, all in one instant.
// If an order of the members works, they stand together in it, at instants from p to q, with no
// other operation between. The one that returned first has p no later than its return,
// the one that was called last has q no sooner than its call. So some instant is
// in [p, q] and between latest call and earliest return, and all of them can be moved there.
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

// separate narrows the writes that merge made by what decide knows of two clusters: if
// a's earliest return is before b's latest call, all of a takes effect before all of b. So nothing
// of b takes effect before a's latest call, and nothing of a after b's earliest return.
// Where that would leave no instant at all, no order works, and the interval stays for porcupine to find that out.
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

// latest is, for each c, the largest last[d] of all d with first[d] < last[c]; before, where there is none.
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

// timely is the operations in order of call, without the absence that no operation wrote.
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

// ended is the operations with a read of the cluster's value at the instant added.
func ended(ops []operation, c int32, at int64) []operation {
	if c == nobodys {
		return ops
	}
	return append(slices.Clone(ops), operation{op: -1, cluster: c, call: at, ret: at})
}

// events is the stretch as porcupine tries it: calls before returns of the same instant, since intervals are closed.
// Among calls with no return between them the order says nothing about time, but it
// is the order in which porcupine tries them, so they stand in the order that decide would try.
func (s *stretch) events(g *register) []porcupine.Event {
	returns := make([]int, len(s.ops))
	for i := range returns {
		returns[i] = i
	}
	slices.SortFunc(returns, func(a, b int) int { return cmp.Compare(s.ops[a].ret, s.ops[b].ret) })
	events := make([]porcupine.Event, 0, 2*len(s.ops))
	for i := 0; len(returns) > 0; returns = returns[1:] {
		group := len(events)
		for ; i < len(s.ops) && s.ops[i].call <= s.ops[returns[0]].ret; i++ {
			events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Id: i, Value: &s.ops[i]})
		}
		slices.SortFunc(events[group:], func(a, b porcupine.Event) int {
			return g.compare(a.Value.(*operation), b.Value.(*operation))
		})
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Id: returns[0]})
	}
	return events
}

func (s *stretch) search(g *register, values []int32, b *budget) Verdict {
	if !b.begin(len(s.ops)) {
		return Unknown
	}
	start := int32(nobodys)
	state := &start
	if s.start != nobodys {
		state = &values[s.start]
	}
	model := porcupine.Model{
		Init: func() any { return state },
		Hash: func(state any) uint64 { return uint64(*state.(*int32)) * 0x9e3779b97f4a7c15 },
		// Once out of budget nothing is possible any more, which ends the search at once; its answer is then thrown away.
		Step: func(state, input, _ any) (bool, any) {
			o := input.(*operation)
			switch {
			case !b.spend():
				return false, state
			case o.write:
				return true, &values[o.cluster]
			}
			return *state.(*int32) == o.cluster, state
		},
	}
	found := porcupine.CheckEvents(model, s.events(g))
	switch {
	case b.out:
		return Unknown
	case found:
		return Valid
	}
	return Invalid
}

// A budget bounds the searches of one key: in memory each, in time together.
type budget struct {
	ctx    context.Context
	until  time.Time
	memory int64
	steps  int64 // left to the present search
	out    bool  // the present search ran out
}

func newBudget(ctx context.Context, until time.Time, memory int64) *budget {
	return &budget{ctx: ctx, until: until, memory: memory}
}

// begin starts the account of a search through n operations, or is false where there is no time for
// it. Each of its steps may make porcupine remember n bits and a state. And a
// search that ends at all mostly takes a step an operation, rarely ten; one that
// has taken a hundred is in the exponential part.
func (b *budget) begin(n int) bool {
	b.steps = min(b.memory/int64(n/8+128), int64(10_000+100*n))
	b.out = !b.inTime()
	return !b.out
}

// spend takes one step, and is false where there is none left.
func (b *budget) spend() bool {
	const look = 256 // steps between looks at the clock
	b.steps--
	if b.steps < 0 || b.steps%look == 0 && !b.inTime() {
		b.out = true
	}
	return !b.out
}

func (b *budget) inTime() bool { return !b.ctxEnded() && time.Now().Before(b.until) }

func (b *budget) ctxEnded() bool { return b.ctx.Err() != nil }

// legal asks porcupine whether the operations alone, as they were recorded and
// without any reduction, are what a register may do. It is for a handful.
func legal(ops []history.Op) bool {
	var in []porcupine.Operation
	for i := range ops {
		o := &ops[i]
		ret := int64(o.Return)
		switch {
		case o.Outcome == history.Failed || o.Kind == history.Read && o.Outcome != history.OK:
			continue
		case o.Outcome == history.Unknown:
			ret = after
		}
		in = append(in, porcupine.Operation{Input: o, Call: int64(o.Call), Return: ret})
	}
	// The state is the write that was last, nil where there is none.
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return (*history.Op)(nil) },
		Step: func(state, input, _ any) (bool, any) {
			o, last := input.(*history.Op), state.(*history.Op)
			switch {
			case o.Kind == history.Write:
				return true, o
			case absent(o):
				return last == nil, last
			}
			return last != nil && last.Value == o.Value, last
		},
	}, in)
}
