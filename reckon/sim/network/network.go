// Package network is a simulated network, in the virtual time of package loop.
//
// Its real face is Send. What happens to a packet on its way is the link.Shape of its path, as on real links: the
// network is a link.Fabric, so a link.Net lays the same overlays over it. Its test face (face.go) is for faults, tests and
// people: hold packets and release them, ignore the next ones, deliver one again, or one that nobody sent.
//
// A packet is what one program says to another in one go. There is no TCP: what a shape loses stays lost, and packets may overtake
// each other, unless they are sent as a Stream, which models what TCP makes of that.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// A Packet is one message on its way.
type Packet struct {
	From, To int // numbers of hosts
	Size     int // bytes, headers included
	Stream   bool
	Hash     uint64 // of the content, for the digest
	Payload  any    // is shared by sender and receiver: neither changes it
}

// What a stream does about packets that are lost (RFC 6298, with Linux's least timeout).
const (
	leastRetry = 200 * time.Millisecond
	mostRetry  = 5 * time.Second // etcd's peers give a connection up after as long (rafthttp.ConnReadTimeout)
	mtu        = 1500
)

// A Network carries packets between numbered hosts.
type Network struct {
	loop  *loop.Loop
	names []string
	index map[string]int
	paths [][]*route // by From, To
	recv  []func(Packet)
	taps  []func(Packet)
}

// route is one path.
type route struct {
	path     link.Path
	shape    link.Shape
	table    link.Table
	rng      *rand.Rand
	bad      bool          // the state of the shape's burst
	free     time.Duration // when the shape's rate has sent what is queued
	last     time.Duration // when the latest packet of the stream arrives
	epoch    int           // rises when the path is cut: what was under way is lost
	queued   int           // wire packets that wait for the rate
	flying   int           // packets that are to arrive
	counters link.Counters
	pathFace
}

// New makes a network between the hosts, whose numbers are their places in the list. Every path is a perfect wire.
func New(l *loop.Loop, hosts []string) *Network {
	n := &Network{loop: l, names: hosts, index: map[string]int{}, recv: make([]func(Packet), len(hosts))}
	for i, h := range hosts {
		n.index[h] = i
	}
	for _, from := range hosts {
		var row []*route
		for _, to := range hosts {
			p := link.Path{From: from, To: to}
			row = append(row, &route{path: p, rng: l.Rand("link " + p.String())})
		}
		n.paths = append(n.paths, row)
	}
	return n
}

// Host returns the name of the host of that number.
func (n *Network) Host(i int) string { return n.names[i] }

// Number returns the number of the host of that name, -1 where there is none.
func (n *Network) Number(host string) int {
	if i, ok := n.index[host]; ok {
		return i
	}
	return -1
}

// Shape returns what the path does now.
func (n *Network) Shape(p link.Path) link.Shape {
	r, err := n.route(p)
	if err != nil {
		return link.Shape{}
	}
	return r.shape
}

// Hosts returns how many hosts there are.
func (n *Network) Hosts() int { return len(n.names) }

// Receive has f called with every packet that arrives at the host.
func (n *Network) Receive(host int, f func(Packet)) { n.recv[host] = f }

// Tap has f called with every packet that is sent, before anything happens to it.
func (n *Network) Tap(f func(Packet)) { n.taps = append(n.taps, f) }

// Send sends the packet over the path from its sender to its receiver. A host reaches itself at once.
func (n *Network) Send(p Packet) {
	for _, f := range n.taps {
		f(p)
	}
	r := n.paths[p.From][p.To]
	if p.From == p.To {
		n.arrive(r, p, n.loop.Now())
		return
	}
	r.counters.Packets++
	r.counters.Bytes += uint64(p.Size)
	if r.intercept(p) {
		return
	}
	n.carry(r, p, leastRetry, 0)
}

// carry takes the packet through the path's shape. A stream tries again after the timeout, which doubles, what is lost.
func (n *Network) carry(r *route, p Packet, timeout, tried time.Duration) {
	s := &r.shape
	lost := r.loses()
	if !lost && s.Corrupt > 0 && r.rng.Float64() < s.Corrupt {
		r.counters.Corrupted++ // checksums fail, so nobody hears of it
		lost = true
	}
	if lost {
		if p.Stream && tried < mostRetry {
			n.loop.After(timeout, loop.Label{Kind: loop.Message, Subject: loop.Nobody, Content: p.Hash}, func() {
				n.carry(r, p, 2*timeout, tried+timeout)
			})
		}
		return
	}
	at, ok := r.due(n.loop, p)
	if !ok {
		return
	}
	if p.Stream {
		at = max(at, r.last)
		r.last = at
	}
	n.arrive(r, p, at)
	if s.Duplicate > 0 && !p.Stream && r.rng.Float64() < s.Duplicate {
		r.counters.Duplicated++
		n.arrive(r, p, at)
	}
}

// loses reports whether the shape drops the packet.
func (r *route) loses() bool {
	s := &r.shape
	if s.Cut {
		r.counters.Cut++
		return true
	}
	lost := s.Loss > 0 && r.rng.Float64() < s.Loss
	if s.Burst != (link.Burst{}) {
		p := s.Burst.Good
		if r.bad {
			p = s.Burst.Bad
		}
		lost = lost || r.rng.Float64() < p
		turn := s.Burst.P
		if r.bad {
			turn = s.Burst.R
		}
		if r.rng.Float64() < turn {
			r.bad = !r.bad
		}
	}
	if lost {
		r.counters.Lost++
	}
	return lost
}

// due is when the packet arrives; ok is false where the queue for the rate is full.
func (r *route) due(l *loop.Loop, p Packet) (at time.Duration, ok bool) {
	s := &r.shape
	at = l.Now()
	if s.Reorder > 0 && r.rng.Float64() < s.Reorder {
		r.counters.Reordered++
		return at, true
	}
	at += s.Delay
	if s.Jitter > 0 {
		at = max(l.Now(), at+time.Duration(float64(s.Jitter)*r.table.Draw(r.rng)))
	}
	if s.Rate == 0 {
		return at, true
	}
	wire := (p.Size + mtu - 1) / mtu
	if r.queued+wire > s.QueueLimit() {
		r.counters.Overflow += uint64(wire)
		return 0, false
	}
	r.queued += wire
	r.free = max(r.free, at) + time.Duration(float64(p.Size)*8/float64(s.Rate)*float64(time.Second))
	l.At(r.free, loop.Label{Kind: loop.Message, Subject: loop.Nobody}, func() { r.queued -= wire })
	return r.free, true
}

// arrive delivers the packet at the instant, unless the path is cut meanwhile.
func (n *Network) arrive(r *route, p Packet, at time.Duration) {
	epoch := r.epoch
	r.flying++
	n.loop.At(at, loop.Label{Kind: loop.Message, Subject: p.To, Content: p.Hash}, func() {
		r.flying--
		if r.epoch != epoch {
			r.counters.Cut++
			return
		}
		n.deliver(p)
	})
}

func (n *Network) deliver(p Packet) {
	if f := n.recv[p.To]; f != nil {
		f(p)
	}
}

var _ link.Fabric = (*Network)(nil)

// Apply gives the paths their shapes, at once. Paths of hosts that the network does not have are an error.
func (n *Network) Apply(_ context.Context, m link.Matrix) error {
	for _, p := range m.Paths() {
		if _, err := n.route(p); err != nil {
			return fmt.Errorf("shape %s: %w", p, err)
		}
	}
	for p, s := range m {
		r, _ := n.route(p)
		if s.Cut && !r.shape.Cut {
			r.epoch++
		}
		r.shape, r.table = s, s.Distribution.Table()
	}
	return nil
}

func (n *Network) route(p link.Path) (*route, error) {
	from, ok := n.index[p.From]
	to, ok2 := n.index[p.To]
	if !ok || !ok2 {
		return nil, fmt.Errorf("no such path: hosts are %v", n.names)
	}
	return n.paths[from][to], nil
}

// Counters returns what each path that carried anything has carried.
func (n *Network) Counters(context.Context) (map[link.Path]link.Counters, error) {
	all := map[link.Path]link.Counters{}
	for _, row := range n.paths {
		for _, r := range row {
			if r.counters != (link.Counters{}) {
				all[r.path] = r.counters
			}
		}
	}
	return all, nil
}

// Close does nothing: a simulated network leaves nothing behind.
func (n *Network) Close() error { return nil }
