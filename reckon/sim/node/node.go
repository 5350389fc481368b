// Package node is a simulated host: a program on a disk, a clock and a network, in the virtual time of package loop.
//
// A program is an event handler. It is started on its disk, gets messages, timers and completions of disk requests, and
// sends, writes and sets timers through its Env. It keeps nothing elsewhere, so killing it loses exactly
// what it held in memory.
//
// The node's test face (face.go, clock.go) kills and restarts the program, cuts the power, freezes it, swaps disks, and
// skews the clock.
package node

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
)

// State is what a node does.
type State uint8

const (
	Stopped State = iota // no program runs: never started, killed, or ended by itself
	Running
	Off // the power is off
)

func (s State) String() string { return [...]string{"stopped", "running", "off"}[s] }

// A Node is a host with one program. It is used from within events of its loop.
type Node struct {
	ID   int
	Name string
	Disk *disk.Disk
	Clock

	loop    *loop.Loop
	net     *network.Network
	system  System
	state   State
	env     *Env
	program Program
	starts  int
	peers   []bool // hosts that it has connections with
	handled uint64
	ended   []func(error)
	face
}

// New makes a node that is stopped. Its number is its place among the hosts of the network.
func New(l *loop.Loop, n *network.Network, id int, d *disk.Disk, s System) *Node {
	node := &Node{ID: id, Name: n.Host(id), Disk: d, Clock: Clock{loop: l, rate: 1}, loop: l, net: n, system: s, peers: make([]bool, n.Hosts())}
	n.Receive(id, node.receive)
	return node
}

// OnEnd has f called when the program ends by itself, with the reason.
func (n *Node) OnEnd(f func(error)) { n.ended = append(n.ended, f) }

// State returns what the node does.
func (n *Node) State() State { return n.state }

// Program returns the running program, or nil.
func (n *Node) Program() Program { return n.program }

// Starts returns how often a program was started.
func (n *Node) Starts() int { return n.starts }

// Handled returns how many events the node's programs have handled.
func (n *Node) Handled() uint64 { return n.handled }

// Start starts the program, by an event that is due after the delay. It does nothing where one runs by then.
func (n *Node) Start(after time.Duration) {
	n.loop.After(after, loop.Label{Kind: loop.Scenario, Subject: n.ID, Content: uint64(n.starts)}, func() {
		if n.state != Running {
			n.boot()
		}
	})
}

func (n *Node) boot() {
	n.starts++
	n.state = Running
	env := &Env{node: n, alive: true}
	n.env = env
	env.guard(func() {
		p, err := n.system.Start(env)
		if err != nil {
			env.Exit(err)
			return
		}
		if env.alive {
			n.program = p
		}
	})
}

// What hosts say to each other of their connections. A program gets Closed for a peer whose program has ended.
type (
	Hello   struct{} // wants a connection
	Welcome struct{} // has one
	Closed  struct{} // has none, or none any more
)

// receive is what the host's kernel does with a packet.
func (n *Node) receive(p network.Packet) {
	if n.state == Off {
		return
	}
	_, closed := p.Payload.(Closed)
	_, hello := p.Payload.(Hello)
	switch {
	case n.program == nil && !closed:
		n.say(p.From, Closed{})
	case n.program == nil:
	case hello:
		n.peers[p.From] = true
		n.say(p.From, Welcome{})
	default:
		n.peers[p.From] = true
		n.env.handle(func() { n.program.Receive(p.From, p.Payload) })
	}
}

func (n *Node) say(to int, payload any) {
	n.net.Send(network.Packet{From: n.ID, To: to, Size: segment, Hash: uint64(n.starts), Payload: payload})
}

// segment is the size of a TCP segment without data.
const segment = 52

// stop ends the program: nothing that it asked for comes back to it.
func (n *Node) stop(s State) {
	if n.env != nil {
		n.env.alive = false
	}
	ran := n.program != nil
	n.state, n.env, n.program = s, nil, nil
	n.loop.Drop(n.ID)
	for peer, talked := range n.peers {
		if talked && ran && s != Off {
			n.say(peer, Closed{}) // the kernel closes a program's connections
		}
		n.peers[peer] = false
	}
}

// An Env is what a program may use of its host. It is dead once the program is.
type Env struct {
	node  *Node
	alive bool
	rng   *rand.Rand
}

// ID returns the number of the host, Starts how often it has been started, Disk its disk.
func (e *Env) ID() int          { return e.node.ID }
func (e *Env) Starts() int      { return e.node.starts }
func (e *Env) Disk() *disk.Disk { return e.node.Disk }
func (e *Env) Name() string     { return e.node.Name }

// Now returns the time by the host's clock, which may be wrong.
func (e *Env) Now() time.Duration { return e.node.Clock.Now() }

// Rand returns the random stream of this start of the program.
func (e *Env) Rand() *rand.Rand {
	if e.rng == nil {
		e.rng = e.node.loop.Rand(fmt.Sprintf("program %s %d", e.node.Name, e.node.starts))
	}
	return e.rng
}

// After calls f once d has passed by the host's clock, unless the program has ended by then.
func (e *Env) After(d time.Duration, f func()) {
	e.node.loop.After(e.node.Clock.virtual(d), loop.Label{Kind: loop.Timer, Subject: e.node.ID}, func() { e.handle(f) })
}

// Send sends a message of so many bytes, headers included. The hash of its content goes into the run's digest.
func (e *Env) Send(p network.Packet) {
	if e.alive {
		p.From = e.node.ID
		e.node.net.Send(p)
	}
}

// Done returns a completion for a disk request that calls f, unless the program has ended by then.
func (e *Env) Done(f func(error)) func(error) {
	return func(err error) { e.handle(func() { f(err) }) }
}

// Exit ends the program by its own decision.
func (e *Env) Exit(err error) {
	if !e.alive {
		return
	}
	e.node.stop(Stopped)
	for _, f := range e.node.ended {
		f(err)
	}
}

// handle runs f as an event of the program.
func (e *Env) handle(f func()) {
	if !e.alive {
		return
	}
	e.node.handled++
	e.guard(f)
	e.node.countdown()
}

// A Panic is how a program ended that panicked.
type Panic struct {
	Value any
	Stack string
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// guard runs f and turns a panic into the end of the program.
func (e *Env) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			e.Exit(&Panic{r, string(debug.Stack())})
		}
	}()
	f()
}
