// Package cluster is the system under test on its hosts: its processes (node, process), what faults
// may do to it (view), and, in a clusterstate.Monitor, what was observed of it.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/links"
)

// Config is what a cluster needs of the run.
type Config struct {
	System          reckon.System
	Members         []reckon.Member // with their directories
	Clock           clock.Clock
	ElectionTimeout time.Duration
	Bound           time.Duration // for a released node to answer again
	Event           func(history.Event)
	// Fatal is called with the event to record when nothing that follows can be right: a process
	// ended that nobody had killed.
	Fatal func(history.Event, error)
	// Log opens the log of a process for appending.
	Log func(name string) (io.WriteCloser, error)
	// Links are nil where nothing is done to them.
	Links *links.Links
	// Workers returns the workers of the run's workloads.
	Workers func() []reckon.Worker
}

// A Cluster is the system's processes, and what was observed of them.
type Cluster struct {
	Config
	monitor   *clusterstate.Monitor
	ledger    clusterstate.Ledger
	verifying sync.WaitGroup // heals that are yet to be observed

	mu    sync.Mutex
	nodes []*node
}

// New returns a cluster without processes.
func New(c Config) *Cluster { return &Cluster{Config: c, monitor: clusterstate.NewMonitor()} }

// Start starts the member's process on the host.
func (c *Cluster) Start(m reckon.Member, h *host.Host) error {
	log, err := c.Log(m.Name)
	if err != nil {
		return err
	}
	c.monitor.Add(m.Name)
	n := newNode(c, m, h, log)
	if err := n.start(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return nil
}

// all returns the nodes in the order in which they were started.
func (c *Cluster) all() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

func (c *Cluster) find(name string) *node {
	for _, n := range c.all() {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

func (c *Cluster) record(events []history.Event) {
	for _, e := range events {
		c.Event(e)
	}
}

// await waits until the condition, asked whenever something changes, holds. When ctx ends first,
// the error is the condition's; when a node's process ended by itself, it is how.
func (c *Cluster) await(ctx context.Context, condition func(clusterstate.View) error) error {
	for {
		changed, fell, why := c.monitor.Ask(condition)
		switch {
		case why == nil:
			return nil
		case fell != nil:
			return fell
		}
		select {
		case <-changed:
		case <-time.After(c.ElectionTimeout / 4): // for conditions that become true by time alone
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return why
		}
	}
}

// quoted adds the last lines of a node's log to the error that it is not ready.
func (c *Cluster) quoted(err error) error {
	var not clusterstate.NotReady
	if errors.As(err, &not) {
		if n := c.find(not.Node); n != nil {
			return fmt.Errorf("%w%s", err, n.log.Quote())
		}
	}
	return err
}

// Ready waits until every node serves and one leads. From then on, a process that ends by itself is
// the store's doing.
func (c *Cluster) Ready(ctx context.Context) error {
	if err := c.quoted(c.await(ctx, clusterstate.View.AllReady)); err != nil {
		return err
	}
	c.monitor.Start()
	return nil
}

// Settle waits until every node serves, as seen from now on, and the same one has led for two
// election timeouts. It returns since when that has been so, and the leader.
func (c *Cluster) Settle(ctx context.Context) (since time.Duration, leader string, err error) {
	begun := c.Clock.Now()
	err = c.quoted(c.await(ctx, func(v clusterstate.View) error {
		return v.Settled(c.Clock.Now(), begun, c.ElectionTimeout)
	}))
	return c.monitor.Steady(c.ElectionTimeout), c.monitor.Leading().Node, err
}

// ReadyNow waits until every node that nobody holds serves, as seen from now on, and one leads.
func (c *Cluster) ReadyNow(ctx context.Context) error {
	asked := c.Clock.Now() // what was seen before may be old by now
	held := map[string]bool{}
	for _, n := range c.all() {
		held[n.Name()] = n.State() != reckon.Running
	}
	return c.await(ctx, func(v clusterstate.View) error {
		for _, n := range v.Nodes() {
			if !held[n.Name] && (!n.Up || !n.Status.Ready || n.Seen < asked) {
				return clusterstate.NotReady{Node: n.Name}
			}
		}
		if v.Leading().Node == "" {
			return errors.New("no node leads")
		}
		return nil
	})
}

// Look returns a snapshot of the present.
func (c *Cluster) Look() *clusterstate.Snapshot {
	return clusterstate.NewSnapshot(c.monitor.Leading().Node, c.states())
}

func (c *Cluster) states() map[string]reckon.State {
	states := map[string]reckon.State{}
	for _, n := range c.all() {
		states[n.Name()] = n.State()
	}
	return states
}

// Undo undoes whatever the strike has left, and returns what that was; "" is nothing.
func (c *Cluster) Undo(ctx context.Context, strike int) string { return c.ledger.Undo(ctx, strike) }

// Verified waits until every heal has been observed, or will not be.
func (c *Cluster) Verified() { c.verifying.Wait() }

// End ends what is observed: whatever ends from now on is ended by the run, and a heal that has not
// been observed by now is not.
func (c *Cluster) End() { c.monitor.End() }

// Close kills every process; that is no fault.
func (c *Cluster) Close() {
	c.End()
	var g errgroup.Group
	for _, n := range c.all() {
		g.Go(func() error { n.close(); return nil })
	}
	_ = g.Wait() // nothing returns an error
}
