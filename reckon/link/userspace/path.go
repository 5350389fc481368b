package userspace

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// A path is the switch's state for one ordered pair of hosts. It is pure: it reads no clock.
type path struct {
	name     link.Path
	to       int // the index of the port it leads to
	shape    link.Shape
	table    link.Table // of the delay's distribution
	limit    int        // wire packets that may be queued
	draws    draws
	bad      bool  // whether the path is in the bad state of the shape's burst
	last     int64 // when the last packet that keeps its order leaves
	queued   int   // wire packets in the queue
	held     int   // bytes of their buffers
	counters link.Counters
}

func newPath(name link.Path, to int, seed uint64) *path {
	p := &path{name: name, to: to, draws: draws{seed: seed, path: name}}
	p.reshape(link.Shape{})
	return p
}

// reshape gives the path another shape. If it limits the rate before and after, packets that arrive
// now queue behind those under way, as in netem; otherwise the old delay does not hold them back.
func (p *path) reshape(s link.Shape) {
	old := p.shape
	switch {
	case s.Cut: // nothing is under way any more
		p.last = 0
	case s.Rate > 0 && old.Rate > 0:
	case s.Rate != old.Rate, s.Delay != old.Delay, s.Jitter != old.Jitter, s.Distribution != old.Distribution:
		p.last = 0
	}
	if s.Burst != old.Burst {
		p.bad = false
	}
	p.shape, p.table, p.limit = s, s.Distribution.Table(), s.QueueLimit()
}

// lost draws whether a wire packet is lost. Chances that the shape does not have are not drawn.
func (p *path) lost() bool {
	single := p.draws.chance(&p.draws.loss, "loss", p.shape.Loss)
	return p.lostInBurst() || single // both are drawn, so that neither shifts the other
}

// lostInBurst draws twice for each packet: whether it is lost in the current state, and whether it
// changes the state.
func (p *path) lostInBurst() bool {
	b := p.shape.Burst
	if b == (link.Burst{}) {
		return false
	}
	loss, change := b.Good, b.P
	if p.bad {
		loss, change = b.Bad, b.R
	}
	rng := p.draws.stream(&p.draws.burst, "burst")
	lost := rng.Float64() < loss
	if rng.Float64() < change {
		p.bad = !p.bad
	}
	return lost
}

func (p *path) duplicated() bool {
	return p.draws.chance(&p.draws.duplicate, "duplicate", p.shape.Duplicate)
}

// corrupted draws whether a packet has a bit flipped, and which of its n bits after the IP header.
func (p *path) corrupted(n int) (bit int, ok bool) {
	if n == 0 || !p.draws.chance(&p.draws.corrupt, "corrupt", p.shape.Corrupt) {
		return 0, false
	}
	return p.draws.corrupt.IntN(n), true
}

// due returns when a packet of the given size that arrived at the given time leaves; the caller
// must queue it. Without jitter packets leave in the order in which they were read, even if the
// kernel's timestamps are out of order. A packet that overtakes others is due at once.
func (p *path) due(arrival int64, bytes int) (due int64, overtakes bool) {
	if p.draws.chance(&p.draws.reorder, "reorder", p.shape.Reorder) {
		return arrival, true
	}
	t := arrival + int64(p.shape.Delay)
	if p.shape.Jitter > 0 {
		t += int64(float64(p.shape.Jitter) * p.table.Draw(p.draws.stream(&p.draws.jitter, "jitter")))
		t = max(t, arrival)
		if p.shape.Rate == 0 {
			return t, false
		}
	}
	p.last = max(p.last, t) + p.transmission(bytes)
	return p.last, false
}

// transmission returns how long sending the bytes takes at the path's rate, in nanoseconds.
func (p *path) transmission(bytes int) int64 {
	if p.shape.Rate == 0 {
		return 0
	}
	return int64(uint64(bytes) * 8 * uint64(time.Second) / p.shape.Rate)
}

// hasRoom reports whether the given number of packets, in buffers of the given size, may be queued.
func (p *path) hasRoom(wire uint64, size int) bool {
	return p.queued+int(wire) <= p.limit && p.held+size <= maxHeld
}

// waits reports whether the path's packets are queued at all.
func (p *path) waits() bool { return p.shape.Delay > 0 || p.shape.Jitter > 0 || p.shape.Rate > 0 }

// perPacket reports whether the wire packets of a super-frame may fare differently, so that it must
// be split.
func (p *path) perPacket() bool {
	return p.shape.Loss > 0 || p.shape.Burst != (link.Burst{}) || p.independent()
}

// independent reports whether each wire packet is treated independently even if none is lost.
func (p *path) independent() bool {
	s := &p.shape
	return s.Jitter > 0 || s.Duplicate > 0 || s.Corrupt > 0 || s.Reorder > 0 || s.Rate > 0
}

// maxHeld bounds the buffers that one path may hold, and maxHeldAll those of all paths. A
// connection has at most its send buffer under way, 64 MB (host's tcp_wmem); the rest allows for
// buffers that are not full.
const (
	maxHeld    = 96 << 20
	maxHeldAll = 256 << 20
)
