// Package scenario draws and plays scenarios in which load and strikes are data: what random campaigns and the planted
// defects of the simulator's own tests are made of.
package scenario

import (
	"context"
	"strconv"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/world"
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

// player carries a scenario out.
type player struct{ *world.World }

// Play runs the scenario in the world: start, load and strikes, heal, settle, read everything through every member,
// collect their accounts. It returns the first failure, which the checks of the history come last to find.
func (s Scenario) Play(in *world.World) error {
	w := player{in}
	w.Phase("start")
	for _, n := range w.Nodes {
		n.Start(w.Boot)
	}
	if !w.Until(w.Loop.Now()+readyBound+20*w.ElectionTimeout, func() bool { return w.Serves() && w.Leader() != nil }) {
		return w.unsettled("the cluster was not ready to begin with")
	}
	w.Phase("load")
	start := w.Loop.Now()
	w.offerLoad(start, s)
	for _, x := range s.Strikes {
		w.strike(start, x)
	}
	_ = w.Run(loop.Stop{Time: start + s.Duration})
	w.Phase("drain") // every strike has healed
	w.Until(w.Loop.Now()+w.OpTimeout+time.Second, w.Idle)
	w.Phase("settle")
	if !w.Settled(settleBound + 20*w.ElectionTimeout) {
		return w.unsettled("no leader stayed, or not every member served, though all had healed")
	}
	w.Event(history.NewSettled(w.Leader().Name))
	w.Phase("final")
	w.finalReads(s.Keys)
	w.collect()
	if err := w.Loop.Failure(); err != nil {
		return err
	}
	w.Phase("done")
	return w.judge()
}

// Liveness is the name of the failure of a cluster that does not recover once nothing is wrong any more.
const Liveness = "liveness"

func (w player) unsettled(why string) error {
	w.Fail(Liveness, why)
	return w.Loop.Failure()
}

// offerLoad queues the load one operation at a time, so that the queue stays short.
func (w player) offerLoad(start time.Duration, s Scenario) {
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
			w.Begin(i%len(w.Clients), -1, op, nil)
			next(i + 1)
		})
	}
	next(0)
}

// attempts is how often a final read is tried.
const attempts = 10

// finalReads reads every key through every member.
func (w player) finalReads(keys int) {
	for m, n := range w.Nodes {
		for k := range keys {
			var again func(left int) func(history.Op)
			read := func(left int) {
				op := history.Op{Stage: history.Final, Client: n.Name, Key: strconv.Itoa(k), Due: w.Loop.Now()}
				w.Begin(0, m, op, again(left-1))
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
	w.Until(w.Loop.Now()+attempts*(w.OpTimeout+time.Second), w.Idle)
}

// collect takes down the members' accounts of their past, and the hashes of their states.
func (w player) collect() {
	w.Until(w.Loop.Now()+w.ElectionTimeout, w.Agreed)
	for _, n := range w.Nodes {
		m := world.Member(n)
		if m == nil {
			continue
		}
		s := m.Status()
		w.Event(history.NewHash(n.Name, s.Revision, s.Hash))
		changes := m.Changes()
		w.Event(history.NewCollected(n.Name, len(changes), s.Revision))
		w.History.Changes = append(w.History.Changes, changes...)
	}
}

// judge runs the checks of the history.
func (w player) judge() error {
	for _, r := range Check(w.World) {
		if r.Verdict == check.Invalid {
			w.Fail(r.Name, r.Detail)
			return w.Loop.Failure()
		}
	}
	return nil
}

// Check judges the world's history by the checks of real runs.
func Check(w *world.World) []check.Result {
	return []check.Result{
		check.Replicas(&w.History, w.Config.Nodes),
		check.Durable(&w.History),
		check.Linearizable(context.Background(), &w.History, check.Bounds{Parallel: 1}),
		check.Recovers(&w.History),
	}
}
