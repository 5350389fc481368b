package sim

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// offerPlan queues each client's operations, one at a time. They are those of a real run of the plan.
func (s *Simulation) offerPlan(start time.Duration) {
	for i, name := range s.plan.Setting.Clients {
		var streams []iter.Seq[reckon.Op]
		for _, w := range s.plan.Workloads {
			rng := seed.Stream(s.Seed, fmt.Sprintf("workload %s client %d", w.Name, i))
			streams = append(streams, w.Value.Ops(s.plan.Setting, i, rng))
		}
		next, stop := iter.Pull(load.Merge(streams))
		s.offered[name] = 0
		var queue func()
		queue = func() {
			op, ok := next()
			if op.Due += start; !ok || op.Due >= s.end {
				stop()
				return
			}
			s.Loop.At(op.Due, loop.Label{Kind: loop.Scenario, Subject: loop.Nobody, Content: world.Content(op)}, func() {
				s.offered[name]++
				s.Begin(i, -1, op, nil)
				queue()
			})
		}
		queue()
		s.OnClose(stop)
	}
}

// preload writes what must be in the store, again with other values where it was not acknowledged.
func (s *Simulation) preload() bool {
	deadline := s.Loop.Now() + s.plan.Bounds.Preload
	for i := range s.plan.Setting.Clients {
		for _, w := range s.plan.Workloads {
			p, ok := w.Value.(reckon.Preloader)
			if !ok {
				continue
			}
			var missing map[string]bool // nil: all of them
			for attempt := 0; attempt < reckon.PreloadAttempts && (missing == nil || len(missing) > 0); attempt++ {
				var ops []history.Op
				for op := range p.Preload(s.plan.Setting, i, attempt) {
					if missing == nil || missing[op.Key] {
						ops = append(ops, op)
					}
				}
				missing = map[string]bool{}
				s.inTurn(ops, func(op history.Op, then func(history.Op)) { s.Begin(i, -1, op, then) }, func(op history.Op) {
					if op.Outcome != history.OK {
						missing[op.Key] = true
					}
				})
				if !s.Until(deadline, s.Idle) {
					return false
				}
			}
			if len(missing) > 0 {
				return false
			}
		}
	}
	return true
}

// inTurn begins the operations, plan.AtOnce of them at a time, and calls done with the outcome of each.
func (s *Simulation) inTurn(ops []history.Op, begin func(history.Op, func(history.Op)), done func(history.Op)) {
	next := 0
	var one func()
	one = func() {
		if next == len(ops) {
			return
		}
		op := ops[next]
		next++
		op.Due = s.Loop.Now()
		begin(op, func(op history.Op) {
			done(op)
			one()
		})
	}
	for range plan.AtOnce {
		one()
	}
}

// finalAttempts bounds how often a final read is tried, as in a real run.
const finalAttempts = 3

// readAll reads every key through every member.
func (s *Simulation) readAll() {
	for m, n := range s.Nodes {
		var ops []history.Op
		for _, w := range s.plan.Workloads {
			if f, ok := w.Value.(reckon.FinalReader); ok {
				for op := range f.Final(s.plan.Setting) {
					op.Client = n.Name
					ops = append(ops, op)
				}
			}
		}
		var read func(left int) func(history.Op, func(history.Op))
		read = func(left int) func(history.Op, func(history.Op)) {
			return func(op history.Op, then func(history.Op)) {
				s.Begin(len(s.Clients)-1, m, op, func(got history.Op) {
					if got.Outcome != history.OK && left > 1 {
						op.Due = s.Loop.Now()
						read(left-1)(op, then)
						return
					}
					then(got)
				})
			}
		}
		s.inTurn(ops, read(finalAttempts), func(history.Op) {})
	}
	s.Until(s.Loop.Now()+s.plan.Bounds.Final, s.Idle)
}

// collectPlan takes down the first member's account of its past, and all members' hashes at one revision, if they come to one.
func (s *Simulation) collectPlan() {
	s.Until(s.Loop.Now()+s.plan.Bounds.Settle, s.Agreed)
	for i, n := range s.Nodes {
		m := world.Member(n)
		if m == nil {
			continue
		}
		st := m.Status()
		if i == 0 {
			for _, c := range m.Changes() {
				c.Value, c.Member = history.Abridge(c.Value), n.Name
				s.History.Changes = append(s.History.Changes, c)
			}
			s.Event(history.NewCollected(n.Name, len(s.History.Changes), st.Revision))
		}
		s.Event(history.NewHash(n.Name, st.Revision, st.Hash))
	}
}

// probe records what the links do. Simulated links are what the plan says by construction, which package network's tests hold them
// to, so the numbers are the plan's; nothing was sent.
func (s *Simulation) probe() {
	paths := 0
	for _, p := range s.plan.Links.Paths() {
		if p.From != p.To {
			paths++
		}
	}
	s.Event(history.NewProbed(history.Survey{Paths: paths}))
}

// recordLinks records the links' counters at the end of the load.
func (s *Simulation) recordLinks() {
	all, _ := s.Network.Counters(context.Background()) // never fails
	matrix := link.Matrix{}
	for p := range all {
		matrix[p] = link.Shape{}
	}
	var sum history.Traffic
	for _, p := range matrix.Paths() {
		c := all[p]
		if p.From == world.ReaderHost || p.To == world.ReaderHost {
			continue
		}
		s.Event(history.NewPath(p.String(), history.Traffic{
			Packets: c.Packets, Lost: c.Lost, Cut: c.Cut, Overflow: c.Overflow,
			Duplicated: c.Duplicated, Corrupted: c.Corrupted, Reordered: c.Reordered,
		}))
		sum.Packets, sum.Lost, sum.Cut, sum.Overflow = sum.Packets+c.Packets, sum.Lost+c.Lost, sum.Cut+c.Cut, sum.Overflow+c.Overflow
	}
	s.Event(history.NewLinks("simulated", "in virtual time", sum, &history.Late{}))
}
