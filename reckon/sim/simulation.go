// Package sim is the simulator: the topologies, workloads, faults and checks of real runs in virtual time, on simulated
// hosts, disks, clocks and links, a thousand times faster than life and repeatable to the bit.
//
// The components are packages of their own below this one, each with two faces: the real one, which systems use, and a
// test face for faults, tests and people. Package world puts them together and package scenario draws random trials; this package
// carries out a plan (Simulation), and many of them (Campaign).
package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// Simulable is a reckon.System that the simulator can run.
type Simulable interface {
	// Simulate returns the program that each of the setting's members runs, which tells the checker what it does. An error is
	// for the person who wrote the words: what of them cannot be simulated.
	Simulate(s reckon.Setting, c *invariant.Checker) (node.System, error)
}

// A Simulation is a plan that is carried out in virtual time: the same topology, workloads, faults and checks as in a
// real run.
type Simulation struct {
	*world.World
	plan    *plan.Plan
	nemesis *nemesis.Nemesis
	ledger  clusterstate.Ledger
	holds   map[string]*hold
	offered map[string]int // by client
	end     time.Duration  // of the load
	over    bool           // verifying is
}

// New makes the simulation of a plan. Its errors are one line, for the person who wrote the words.
func New(p *plan.Plan) (*Simulation, error) {
	system, ok := p.System.(Simulable)
	if !ok {
		return nil, fmt.Errorf("system %s: cannot be simulated; etcd, etcd-no-pre-vote, memory and memory-liar can", p.Words.System)
	}
	for _, w := range p.Workloads {
		if _, ok := w.Value.(reckon.Launcher); ok {
			return nil, fmt.Errorf("workload %s: has workers of its own, which cannot be simulated", w.Name)
		}
	}
	switch {
	case p.Options.ClientCmd != "":
		return nil, errors.New("--client-cmd: a client program cannot be simulated")
	case p.Options.Pcap:
		return nil, errors.New("--pcap: simulated hosts have no packets that Wireshark could read")
	}
	c := world.Config{
		Seed: p.Options.Seed, Nodes: p.Setting.Nodes, Clients: p.Setting.Clients, Links: p.Links, Timing: disk.NVMe, Boot: bootTime,
		OpTimeout: p.Options.OpTimeout, ElectionTimeout: p.Options.FailureTimeout, Reader: true,
	}
	for _, h := range p.Hosts {
		if h.Role == "idle" {
			c.Spares = append(c.Spares, h.Name)
		}
	}
	if p.Options.Pinned() {
		c.Nearest = p.Setting.Nearest
	}
	var refused error
	c.System = func(checker *invariant.Checker) node.System {
		s, err := system.Simulate(p.Setting, checker)
		refused = err
		return s
	}
	w, err := world.New(c)
	if err := errors.Join(refused, err); err != nil {
		return nil, fmt.Errorf("system %s: %w", p.Words.System, err)
	}
	s := &Simulation{World: w, plan: p, holds: map[string]*hold{}, offered: map[string]int{}}
	for _, n := range w.Nodes {
		s.holds[n.Name] = &hold{node: n}
	}
	return s, nil
}

// bootTime is how long a program takes from its start to its first event, as etcd does.
const bootTime = 100 * time.Millisecond

// Carry carries the plan out, and leaves in the History what a real run would have recorded. The error is the first
// Failure: a broken invariant, or a program that ended by itself. What the checks say of the history is for the caller to ask; see
// Verdicts.
func (s *Simulation) Carry() error {
	s.Event(history.NewBuild(simulatedEpoch))
	s.Phase("probe")
	s.probe()
	s.Phase("start")
	rng := s.Loop.Rand("boot")
	for _, n := range s.Nodes { // not at one instant: their heartbeats would tick together
		n.Start(s.Boot + time.Duration(rng.Int64N(int64(s.Boot))))
	}
	s.watch()
	s.Phase("ready")
	if !s.Until(s.plan.Bounds.Ready, func() bool { return s.Serves() && s.Leader() != nil }) {
		return s.spoilt("not ready within " + s.plan.Bounds.Ready.String())
	}
	s.Phase("preload")
	if !s.preload() {
		return s.spoilt("the preload was not acknowledged")
	}
	s.loadAndStrike()
	s.recordLinks()
	s.Phase("settle")
	if !s.Settled(s.plan.Bounds.Settle) {
		if err := s.Loop.Failure(); err != nil {
			return s.broken(err)
		}
		s.Event(history.NewUnsettled(s.plan.Bounds.Settle, "no leader stayed, or not every member served"))
		return s.done()
	}
	s.Event(history.NewSettled(s.Leader().Name))
	s.Phase("final")
	s.readAll()
	s.Phase("collect")
	s.collectPlan()
	return s.done()
}

// errStopped ends a simulation at the point where it was asked to stop.
var errStopped = errors.New("stopped as asked")

// CarryTo is Carry up to the step or time; a zero Stop stops only where something breaks. The world stays as it is there.
func (s *Simulation) CarryTo(stop loop.Stop) error {
	s.Loop.AfterEach(func(e loop.Event) {
		if stop.Step > 0 && e.Step >= stop.Step || stop.Time > 0 && e.At >= stop.Time {
			s.Loop.Fail(errStopped)
		}
	})
	if err := s.Carry(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// simulatedEpoch is the wall clock's time of the epoch of every simulated run.
var simulatedEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// spoilt ends a run that is no result, unless something is broken.
func (s *Simulation) spoilt(why string) error {
	if err := s.Loop.Failure(); err != nil {
		return s.broken(err)
	}
	s.Event(history.NewHarness(why))
	return s.done()
}

func (s *Simulation) done() error {
	if err := s.Loop.Failure(); err != nil {
		return s.broken(err)
	}
	s.last()
	return nil
}

// broken records the violation.
func (s *Simulation) broken(err error) error {
	var f *world.Failure
	if errors.As(err, &f) && f.Name != world.EndedByItself && f.Name != world.Panicked { // which have an event
		s.Event(history.NewViolated(f.Name, f.Step, f.Detail))
	}
	s.recordDrivers()
	s.last()
	return err
}

// last records how much was recorded.
func (s *Simulation) last() {
	s.over = true
	s.Event(history.NewDone(history.Counts{Ops: len(s.History.Ops), Changes: len(s.History.Changes)}))
}

// coroutineKey is the key of the coroutine that carries out strikes in their context.
type coroutineKey struct{}

// loadAndStrike offers the load while the nemesis strikes, and heals everything when it is over.
func (s *Simulation) loadAndStrike() {
	start := s.Loop.Now()
	s.end = start + s.plan.Options.Duration
	s.Phase("load")
	s.offerPlan(start)
	ctx, cancel := context.WithCancelCause(context.Background())
	s.nemesis = nemesis.New(nemesis.Config{
		Clock: s, Start: start, Event: s.Event, ElectionTimeout: s.ElectionTimeout, Bound: s.plan.Bounds.Settle,
		Wait: func(ctx context.Context, until time.Duration) error {
			ctx.Value(coroutineKey{}).(*loop.Coroutine).WaitUntil(min(until, s.end))
			if until > s.end {
				cancel(nemesis.ErrOver)
			}
			return ctx.Err()
		},
		Look: s.look, Cluster: s.as, Undo: s.ledger.Undo,
	})
	queues := nemesis.Queues(s.plan.Strikes)
	for _, name := range sortedKeys(queues) {
		s.Loop.Go(name, func(c *loop.Coroutine) {
			s.nemesis.RunQueue(context.WithValue(ctx, coroutineKey{}, c), s.end, queues[name])
		})
	}
	_ = s.Run(loop.Stop{Time: s.end}) // a failure is the loop's
	cancel(nemesis.ErrOver)
	s.Phase("drain")
	_ = s.nemesis.Release(context.Background()) // what cannot be healed has been recorded as missed
	s.Until(s.Loop.Now()+s.OpTimeout+time.Second, s.Idle)
	s.recordDrivers()
}

// Now returns the virtual time; with it a Simulation is a clock.Clock.
func (s *Simulation) Now() time.Duration { return s.Loop.Now() }

// recordDrivers records what each client offered. Simulated drivers are always on time.
func (s *Simulation) recordDrivers() {
	for _, c := range s.plan.Setting.Clients {
		if n, ok := s.offered[c]; ok {
			s.Event(history.NewDriver(c, n, history.Late{}))
			delete(s.offered, c)
		}
	}
}

// Verdicts judges the history by the plan's checks and by the invariants.
func (s *Simulation) Verdicts(ctx context.Context) (all []check.Result) {
	for _, c := range s.plan.Checks() {
		r := c.Run(ctx, &s.History)
		r.Name = c.Name
		all = append(all, r)
	}
	return append(all, check.Invariants(&s.History))
}

// Record gives the recorder all that the simulation recorded.
func (s *Simulation) Record(rec reckon.Recorder) error {
	events := slices.Clone(s.History.Events)
	slices.SortStableFunc(events, func(a, b history.Event) int { return int(a.At - b.At) })
	for _, e := range events {
		if err := rec.Event(e); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	for _, o := range s.History.Ops {
		if err := rec.Op(o); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	for _, c := range s.History.Changes {
		if err := rec.Change(c); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	return nil
}
