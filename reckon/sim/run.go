package sim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// A Scenario is what happens in a run: load, and strikes.
type Scenario struct {
	Duration time.Duration // of the load
	Rate     float64       // operations a second, of all clients together
	Writes   float64       // share of them that write
	Keys     int
	Strikes  []Strike
}

// Bounds of the phases around the load.
const (
	readyBound  = 30 * time.Second
	settleBound = 30 * time.Second // and twenty election timeouts
)

// Play runs the scenario in the world: start, load and strikes, heal, settle, read everything through every member,
// collect their accounts. It returns the first failure, which the checks of the history come last to find.
func (w *World) Play(s Scenario) error {
	w.phase("start")
	for _, n := range w.Nodes {
		n.Start(w.Boot)
	}
	if !w.until(w.Loop.Now()+readyBound+20*w.ElectionTimeout, func() bool { return w.serves() && w.Leader() != nil }) {
		return w.unsettled("the cluster was not ready to begin with")
	}
	w.phase("load")
	start := w.Loop.Now()
	w.offerLoad(start, s)
	for _, x := range s.Strikes {
		w.strike(start, x)
	}
	_ = w.Run(loop.Stop{Time: start + s.Duration})
	w.phase("drain") // every strike has healed
	w.until(w.Loop.Now()+w.OpTimeout+time.Second, w.idle)
	w.phase("settle")
	if !w.settled(settleBound + 20*w.ElectionTimeout) {
		return w.unsettled("no leader stayed, or not every member served, though all had healed")
	}
	w.event(history.NewSettled(w.Leader().Name))
	w.phase("final")
	w.finalReads(s.Keys)
	w.collect()
	if err := w.Loop.Failure(); err != nil {
		return err
	}
	w.phase("done")
	return w.judge()
}

func (w *World) phase(name string) { w.event(history.NewPhase(name)) }

// Liveness is the name of the failure of a cluster that does not recover once nothing is wrong any more.
const Liveness = "liveness"

func (w *World) unsettled(why string) error {
	w.fail(Liveness, why)
	return w.Loop.Failure()
}

// offerLoad queues the load one operation at a time, so that the queue stays short.
func (w *World) offerLoad(start time.Duration, s Scenario) {
	rng := w.Loop.Rand("load")
	var next func(i int)
	next = func(i int) {
		due := start + time.Duration(float64(i)/s.Rate*float64(time.Second))
		if due >= start+s.Duration {
			return
		}
		op := history.Op{Due: due, Key: strconv.Itoa(rng.IntN(s.Keys))}
		if rng.Float64() < s.Writes {
			op.Kind, op.Value = history.Write, strconv.Itoa(i)
		}
		w.Loop.At(due, loop.Label{Kind: loop.Scenario, Subject: loop.Nobody, Content: uint64(i)}, func() {
			w.begin(i%len(w.Clients), -1, op, nil)
			next(i + 1)
		})
	}
	next(0)
}

// attempts is how often a final read is tried.
const attempts = 10

// finalReads reads every key through every member.
func (w *World) finalReads(keys int) {
	for m, n := range w.Nodes {
		for k := range keys {
			var again func(left int) func(history.Op)
			read := func(left int) {
				op := history.Op{Stage: history.Final, Client: n.Name, Key: strconv.Itoa(k), Due: w.Loop.Now()}
				w.begin(0, m, op, again(left-1))
			}
			again = func(left int) func(history.Op) {
				return func(op history.Op) {
					if op.Outcome != history.OK && left > 0 {
						read(left)
					}
				}
			}
			read(attempts)
		}
	}
	w.until(w.Loop.Now()+attempts*(w.OpTimeout+time.Second), w.idle)
}

// collect takes down the members' accounts of their past, and the hashes of their states.
func (w *World) collect() {
	w.until(w.Loop.Now()+w.ElectionTimeout, w.agreed)
	for _, n := range w.Nodes {
		m := member(n)
		if m == nil {
			continue
		}
		s := m.Status()
		w.event(history.NewHash(n.Name, s.Revision, s.Hash))
		changes := m.Changes()
		w.event(history.NewCollected(n.Name, len(changes), s.Revision))
		w.History.Changes = append(w.History.Changes, changes...)
	}
}

// agreed reports whether all members are at one revision.
func (w *World) agreed() bool {
	var at int64
	for _, n := range w.Nodes {
		m := member(n)
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

// judge runs the checks of the history.
func (w *World) judge() error {
	for _, r := range w.Check() {
		if r.Verdict == check.Invalid {
			w.fail(r.Name, r.Detail)
			return w.Loop.Failure()
		}
	}
	return nil
}

// Check judges the history by the checks of real runs.
func (w *World) Check() []check.Result {
	return []check.Result{
		check.Replicas(&w.History, w.Config.Nodes),
		check.Durable(&w.History),
		check.Linearizable(context.Background(), &w.History, check.Bounds{Parallel: 1}),
		check.Recovers(&w.History),
	}
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
