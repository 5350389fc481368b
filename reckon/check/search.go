package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/reckon-bench/reckon/reckon/history"
)

// search judges the register by porcupine, independently of decide. It is Unknown where
// porcupine runs out of its budget.
//
// Bare porcupine remembers every set of operations that it has tried to put first, which is
// exponential in what overlaps and quadratic in the length. So what it is given is made small
// first, in ways that change no answer (reduce.go): narrow, thin, merge, separate, split.
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

// events returns the stretch as porcupine tries it: calls before returns of the same instant, since
// intervals are closed. Among calls with no return between them the order says nothing about time,
// but it is the order in which porcupine tries them, so they stand in the order that decide would
// try.
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
		// Once out of budget nothing is possible any more, which ends the search at once; its
		// answer is then thrown away.
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
