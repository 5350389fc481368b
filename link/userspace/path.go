package userspace

import (
	"math/rand/v2"
	"time"

	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/seed"
)

// A path is what the switch keeps for one ordered pair of hosts. It is pure: it knows no clock.
type path struct {
	name     link.Path
	to       int // the index of the port it leads to
	shape    link.Shape
	seed     uint64
	rng      *rand.Rand // drawn from in the order of the path's packets; nil until the first draw
	last     int64      // when the last packet is due that no jitter moved
	held     int        // bytes of buffers in the queue
	counters link.Counters
}

// reshape gives the path another shape. Packets that come now are not held back by those under way.
func (p *path) reshape(s link.Shape) {
	if s != p.shape {
		p.shape, p.last = s, 0
	}
}

// lost draws whether a wire packet is lost. Without loss it draws nothing.
func (p *path) lost() bool {
	return p.shape.Loss > 0 && p.draw().Float64() < p.shape.Loss
}

// due is when a packet that arrived at the given time leaves. Jitter is drawn; without it,
// packets leave in the order in which they came, also where the kernel's timestamps are not in order.
func (p *path) due(arrival int64) int64 {
	t := arrival + int64(p.shape.Delay)
	if j := p.shape.Jitter; j > 0 {
		return t + p.draw().Int64N(2*int64(j)+1) - int64(j)
	}
	p.last = max(p.last, t)
	return p.last
}

func (p *path) draw() *rand.Rand {
	if p.rng == nil {
		p.rng = seed.Stream(p.seed, "link "+p.name.String())
	}
	return p.rng
}

// perPacket says whether wire packets meet different fates, so that super-frames must be cut up.
func (p *path) perPacket() bool { return p.shape.Loss > 0 || p.shape.Jitter > 0 }

// maxHeld bounds the buffers that one path may hold, and maxHeldAll those of all.
// One connection puts at most its send buffer under way, 64 MB (host's tcp_wmem); the rest is for buffers that are not full.
const (
	maxHeld    = 96 << 20
	maxHeldAll = 256 << 20
)

// spin is how long before a packet is due the switch stops sleeping: waking up takes about as long.
const spin = int64(60 * time.Microsecond)
