package world

import (
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/reckon-bench/reckon/reckon/history"
)

// processes hands out logical process ids: one whose operation ended Unknown is never used again, since that may take
// effect at any later time.
type processes struct {
	free []int
	next int
}

func (p *processes) take() int {
	if n := len(p.free); n > 0 {
		id := p.free[n-1]
		p.free = p.free[:n-1]
		return id
	}
	p.next++
	return p.next - 1
}

// Content is the hash of what the operation asks for.
func Content(op history.Op) uint64 { return xxhash.Sum64String(op.Key + "\x00" + op.Value) }

// Begin runs the operation now, through the member of that number alone unless it is negative.
func (w *World) Begin(c, member int, op history.Op, then func(history.Op)) {
	op.Process = w.processes.take()
	if op.Client == "" {
		op.Client = w.Config.Clients[c]
	}
	done := func(op history.Op) {
		if op.Outcome != history.Unknown {
			w.processes.free = append(w.processes.free, op.Process)
		}
		w.Loop.Note(uint64(op.Outcome)<<56 ^ uint64(op.Return) ^ xxhash.Sum64String(op.Value))
		w.History.Ops = append(w.History.Ops, op)
		if then != nil {
			then(op)
		}
	}
	if member < 0 {
		w.Clients[c].Do(op, done)
	} else {
		w.Clients[c].Ask(member, op, done)
	}
}

// Idle reports whether no operation is under way.
func (w *World) Idle() bool {
	for _, c := range w.Clients {
		if c.InFlight() > 0 {
			return false
		}
	}
	return true
}

// Settled waits until every member serves and one leader stayed for two election timeouts, and reports whether that came
// about within the bound.
func (w *World) Settled(bound time.Duration) bool {
	end := w.Loop.Now() + bound
	for w.Loop.Now() < end && w.Loop.Failure() == nil {
		if !w.Until(end, func() bool { return w.Serves() && w.Leader() != nil }) {
			return false
		}
		leader, since := w.Leader(), w.Loop.Now()
		lost := w.Until(since+2*w.ElectionTimeout, func() bool { return !w.Serves() || w.Leader() != leader })
		if !lost {
			return w.Loop.Failure() == nil
		}
	}
	return false
}

// Phase records that the run enters the phase.
func (w *World) Phase(name string) { w.Event(history.NewPhase(name)) }

// Agreed reports whether all members are at one revision.
func (w *World) Agreed() bool {
	var at int64
	for _, n := range w.Nodes {
		m := Member(n)
		if m == nil {
			return false
		}
		r := m.Status().Revision
		if at == 0 {
			at = r
		}
		if r != at {
			return false
		}
	}
	return true
}

// String is what a run came to, in a line.
func (w *World) String() string {
	var counts [3]int
	for _, o := range w.History.Ops {
		counts[o.Outcome]++
	}
	return fmt.Sprintf("%v, %d events, %d operations: %d ok, %d failed, %d unknown",
		w.Loop.Now().Round(time.Millisecond), w.Loop.Steps(), len(w.History.Ops), counts[history.OK], counts[history.Failed], counts[history.Unknown])
}
