// Package world puts the simulator's components together: a cluster of a store with its clients, on simulated hosts, disks, clocks
// and links, whose invariants are checked at every step.
package world

import (
	"context"
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/client"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
)

// Config says what a world consists of.
type Config struct {
	Seed    uint64
	Nodes   []string
	Spares  []string // hosts without a program, for twins
	Clients []string
	Nearest map[string]string // the only member that a client uses; all of them where there is none
	Reader  bool              // one client more, beside the members, which is the last of the world's
	Links   link.Matrix       // baseline
	Timing  disk.Timing
	Boot    time.Duration // how long a program takes to start
	Shuffle bool          // what is due at once runs in an order drawn from the seed

	OpTimeout       time.Duration
	ElectionTimeout time.Duration
	// System makes the store. It is given the checker that it must tell what it does.
	System func(*invariant.Checker) node.System
}

// A Failure is what a simulated run found: a broken invariant, a program that ended by itself, or a check of the history.
type Failure struct {
	Name   string // of the invariant or check
	Detail string
	Seed   uint64
	Step   uint64 // the event at which it was seen
	At     time.Duration
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s (seed %d, step %d, %v)", f.Name, f.Detail, f.Seed, f.Step, f.At)
}

// Names of failures that are neither invariants nor checks.
const (
	EndedByItself = "ended by itself"
	Panicked      = "panic"
)

// A World is a simulated cluster with its clients. It is not safe for concurrent use.
type World struct {
	Config
	Loop    *loop.Loop
	Network *network.Network
	Links   *link.Net // overlays over the network
	Nodes   []*node.Node
	Spares  []*node.Node // without a program, for twins
	Clients []*client.Client
	Checker *invariant.Checker
	Jitter  *raftkv.Jitter // what raft draws its election timeouts from
	History history.History

	excused   map[*node.Node]int // nodes whose program may end by itself, as its disk fails
	processes processes
	closers   []func()
	replayed  []int // by host: how often what is sent to it arrives once more
}

// New makes a world in which nothing has happened yet: no program runs.
func New(c Config) (*World, error) {
	l := loop.New(c.Seed)
	if c.Shuffle {
		l.Shuffle("order")
	}
	nodes := append(append([]string{}, c.Nodes...), c.Spares...)
	w := &World{Config: c, Loop: l, Jitter: raftkv.NewJitter(l), excused: map[*node.Node]int{}}
	hosts := append(append([]string{}, nodes...), c.Clients...)
	if c.Reader {
		hosts = append(hosts, ReaderHost)
	}
	w.Network = network.New(l, hosts)
	var err error
	if w.Links, err = link.NewNet(context.Background(), w.Network, c.Links); err != nil {
		return nil, fmt.Errorf("make a world: %w", err)
	}
	w.replayed = make([]int, w.Network.Hosts())
	w.Network.Tap(func(p network.Packet) {
		if w.replayed[p.To] > 0 && !p.Stream {
			l.After(w.ElectionTimeout/20, loop.Label{Kind: loop.Scenario, Subject: loop.Nobody, Content: p.Hash}, func() { w.Network.Inject(p) })
		}
	})
	w.Checker = invariant.New(w.Network.Host, func(v *invariant.Violation) { w.Fail(v.Invariant, v.Detail) })
	system := c.System(w.Checker)
	for i, name := range nodes {
		n := node.New(l, w.Network, i, disk.New(l, i, name, c.Timing), system)
		n.OnEnd(func(err error) { w.ended(n, err) })
		w.Nodes = append(w.Nodes, n)
	}
	w.Nodes, w.Spares = w.Nodes[:len(c.Nodes)], w.Nodes[len(c.Nodes):]
	for i, name := range hosts[len(nodes):] {
		w.Clients = append(w.Clients, client.New(l, w.Network, len(nodes)+i, w.used(name), c.OpTimeout))
	}
	return w, nil
}

// ReaderHost is the name of the host beside the members.
const ReaderHost = "reader"

// used lists the members that the client uses, by number.
func (w *World) used(client string) (all []int) {
	for i, n := range w.Config.Nodes {
		if only, pinned := w.Nearest[client]; !pinned || only == n {
			all = append(all, i)
		}
	}
	return all
}

// OnClose has f called when the world is closed.
func (w *World) OnClose(f func()) { w.closers = append(w.closers, f) }

// Replay has every packet to the node arrive once more, a little later, until the returned function is called.
func (w *World) Replay(n *node.Node) (over func()) {
	w.replayed[n.ID]++
	return func() { w.replayed[n.ID]-- }
}

// Close ends what is parked. The world is not used afterwards.
func (w *World) Close() {
	w.Loop.Close()
	for _, f := range w.closers {
		f()
	}
}

// Fail stops the run. It is also where to set a debugger's breakpoint: all that there is can be inspected from w.
func (w *World) Fail(name, detail string) {
	w.Loop.Fail(&Failure{Name: name, Detail: detail, Seed: w.Seed, Step: w.Loop.Steps(), At: w.Loop.Now()})
}

// ended judges a program that ended by its own decision, or by a panic.
func (w *World) ended(n *node.Node, err error) {
	p, panicked := err.(*node.Panic)
	if !panicked && w.excused[n] > 0 {
		w.Event(history.NewDown(n.Name, err))
		return
	}
	w.Event(history.NewEnded(n.Name, err.Error()))
	if panicked {
		w.Fail(Panicked, fmt.Sprintf("%s: %v\n%s", n.Name, p.Value, p.Stack))
	} else {
		w.Fail(EndedByItself, fmt.Sprintf("%s: %v", n.Name, err))
	}
}

// Excuse lets the node's program end by itself until the returned function is called, which starts it again where it did.
func (w *World) Excuse(n *node.Node) (over func()) {
	w.excused[n]++
	return func() {
		w.excused[n]--
		if n.State() == node.Stopped {
			n.Start(w.Boot)
		}
	}
}

// Event records the event, as of now unless it has a time.
func (w *World) Event(e history.Event) {
	if e.At == 0 {
		e.At = w.Loop.Now()
	}
	w.History.Events = append(w.History.Events, e)
}

// Run runs events until there is a reason to stop; see loop.Stop.
func (w *World) Run(s loop.Stop) error {
	release := raftkv.Seed(w.Jitter)
	defer release()
	return w.Loop.Run(s)
}

// Until runs until the condition holds, at most until the instant, and reports whether it does.
func (w *World) Until(at time.Duration, cond func() bool) bool {
	if cond() {
		return true
	}
	_ = w.Run(loop.Stop{Time: at, Event: func(loop.Event) bool { return cond() }}) // a failure is the loop's
	return w.Loop.Failure() == nil && cond()
}

// Member returns the node's program as a member, nil where none runs.
func Member(n *node.Node) node.Member {
	m, _ := n.Program().(node.Member)
	return m
}

// Leader returns the node that leads, of the highest term where several say so; nil where none does.
func (w *World) Leader() *node.Node {
	var leader *node.Node
	var term uint64
	for _, n := range w.Nodes {
		if m := Member(n); m != nil && !n.Frozen() {
			if s := m.Status(); s.Leads && (leader == nil || s.Term > term) {
				leader, term = n, s.Term
			}
		}
	}
	return leader
}

// Serves reports whether every member serves.
func (w *World) Serves() bool {
	for _, n := range w.Nodes {
		if m := Member(n); m == nil || n.Frozen() || !m.Status().Serves {
			return false
		}
	}
	return true
}
