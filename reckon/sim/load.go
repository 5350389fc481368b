package sim

import (
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

// opContent is the hash of what the operation asks for.
func opContent(op history.Op) uint64 { return xxhash.Sum64String(op.Key + "\x00" + op.Value) }

// begin runs the operation now, through the member of that number alone unless it is negative.
func (w *World) begin(c, member int, op history.Op, then func(history.Op)) {
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

// idle reports whether no operation is under way.
func (w *World) idle() bool {
	for _, c := range w.Clients {
		if c.InFlight() > 0 {
			return false
		}
	}
	return true
}

// settled waits until every member serves and one leader stayed for two election timeouts, and reports whether that came
// about within the bound.
func (w *World) settled(bound time.Duration) bool {
	end := w.Loop.Now() + bound
	for w.Loop.Now() < end && w.Loop.Failure() == nil {
		if !w.until(end, func() bool { return w.serves() && w.Leader() != nil }) {
			return false
		}
		leader, since := w.Leader(), w.Loop.Now()
		lost := w.until(since+2*w.ElectionTimeout, func() bool { return !w.serves() || w.Leader() != leader })
		if !lost {
			return w.Loop.Failure() == nil
		}
	}
	return false
}
