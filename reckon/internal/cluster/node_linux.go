package cluster

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
)

// node is a member's process and who holds it.
type node struct {
	cluster *Cluster
	member  reckon.Member
	host    *host.Host
	log     *host.LastWords
	closer  io.Closer

	mu      sync.Mutex // one hold or release at a time
	process *host.Process
	holds   clusterstate.Holds // State may be asked for at any time
	killed  bool               // its end is wanted, or has been noted
}

func newNode(c *Cluster, m reckon.Member, h *host.Host, log io.WriteCloser) *node {
	return &node{cluster: c, member: m, host: h, log: host.NewLastWords(log), closer: log}
}

func (n *node) Name() string { return n.member.Name }

// State returns what the node is held in.
func (n *node) State() reckon.State { return n.holds.State() }

// hold holds the node in the state for the strike, and returns what was observed.
func (n *node) hold(strike int, s reckon.State) (seen string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	others, dead := n.holds.By(s), n.holds.By(reckon.Dead)
	switch {
	case s == reckon.Paused && len(dead) > 0 && strike == clusterstate.ByHand:
		return "", fmt.Errorf("pause %s: it is dead, held so by %s", n.Name(), clusterstate.Holders(dead))
	case s == reckon.Paused && len(dead) > 0: // by a strike of the same instant: whichever comes first
		seen = fmt.Sprintf("%s is dead, held so by %s, and is stopped as soon as it is started", n.Name(), clusterstate.Holders(dead))
	case len(others) > 0:
		seen, err = n.look(s)
		seen += fmt.Sprintf(", and was before: held so by %s", clusterstate.Holders(others))
	default:
		seen, err = n.enter(strike, s)
	}
	if err != nil {
		return "", err
	}
	n.holds.Add(s, strike)
	n.cluster.monitor.Moved(n.Name())
	return seen, nil
}

// enter puts the node into the state, or leaves it as it was.
func (n *node) enter(strike int, s reckon.State) (seen string, err error) {
	if s == reckon.Paused {
		if err = n.process.Pause(); err == nil {
			seen, err = n.look(s)
		}
		if err != nil {
			return "", errors.Join(err, n.process.Resume())
		}
		return seen, nil
	}
	if n.ended() && strike != clusterstate.ByHand {
		return "", fmt.Errorf("kill %s: its process has ended by itself (%v)", n.Name(), n.process.State())
	}
	n.killed = true
	if err := n.process.Kill(); err != nil {
		n.killed = false
		return "", fmt.Errorf("kill %s: %w", n.Name(), err)
	}
	n.cluster.record(n.cluster.monitor.Killed(n.cluster.Clock.Now(), n.Name()))
	return n.look(s)
}

// release ends the strike's hold; when it was the last, the process is started or resumed. It
// returns what was observed, a number by which it can be told whether anybody moved the node since,
// and whether nobody holds it any more.
func (n *node) release(strike int, s reckon.State) (seen string, moves int, free bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	others := n.holds.Others(s, strike)
	switch dead := n.holds.By(reckon.Dead); {
	case len(others) > 0:
		seen = fmt.Sprintf("%s is still held %s by %s", n.Name(), s, clusterstate.Holders(others))
	case s == reckon.Paused && len(dead) > 0:
		seen = fmt.Sprintf("%s is dead, held so by %s", n.Name(), clusterstate.Holders(dead))
	default:
		seen, free, err = n.leave(s)
	}
	if err != nil {
		return "", 0, false, err
	}
	n.holds.Remove(s, strike)
	n.cluster.monitor.Moved(n.Name())
	return seen, n.cluster.monitor.Node(n.Name()).Moves, free, nil
}

// leave starts or resumes the process, and returns what was observed, and whether nobody holds it
// any more.
func (n *node) leave(s reckon.State) (seen string, free bool, err error) {
	if s == reckon.Paused {
		if err := n.process.Resume(); err != nil {
			return "", false, fmt.Errorf("resume %s: %w", n.Name(), err)
		}
		seen, err = n.look(reckon.Running)
		return seen, true, err
	}
	if n.ended() { // or it runs already: it was started, and then could not be paused
		if err := n.start(); err != nil {
			return "", false, err
		}
	}
	if others := n.holds.By(reckon.Paused); len(others) > 0 {
		err := n.process.Pause()
		return fmt.Sprintf("process %d of %s is started, and stopped: held paused by %s", n.process.PID(), n.Name(), clusterstate.Holders(others)), false, err
	}
	seen, err = n.look(reckon.Running)
	return seen, true, err
}

// see records a sample of the node's status unless the node is held dead: an answer that was under
// way when it was killed is no sign of life.
func (n *node) see(st reckon.Status, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.holds.By(reckon.Dead)) > 0 {
		return
	}
	c := n.cluster
	if err != nil && len(n.holds.By(reckon.Paused)) == 0 && n.stopped() {
		err := fmt.Errorf("%s was stopped (SIGSTOP) by someone else", n.Name())
		c.Fatal(history.NewHarness(err.Error()), err)
	}
	c.record(c.monitor.Saw(c.Clock.Now(), n.Name(), st, err))
}

// close kills the process for good.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.end()
	_ = n.closer.Close() // write errors have shown in what was written
}

// A NodeStatus is what a node was last seen to be.
type NodeStatus struct {
	Name string
	PID  int // in the run's own process tree
	Up   bool
	reckon.Status
	Dead, Paused bool  // somebody holds it so
	Fell         error // how its process ended by itself; nil otherwise
}

// Status returns the status of every node.
func (c *Cluster) Status() (all []NodeStatus) {
	for _, n := range c.all() {
		all = append(all, n.describe())
	}
	return all
}

func (n *node) describe() NodeStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.cluster.monitor.Node(n.Name())
	return NodeStatus{
		Name: n.Name(), PID: n.process.PID(), Up: o.Up, Status: o.Status,
		Dead: len(n.holds.By(reckon.Dead)) > 0, Paused: len(n.holds.By(reckon.Paused)) > 0, Fell: o.Fell,
	}
}
