package userspace

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// drops records which packets are dropped, as long as somebody asks for them. It is pure: it reads
// no clock.
type drops struct {
	until    int64 // when recording ends; 0 if nobody ever asked
	recorded []link.Drop
	omitted  uint64 // drops that did not fit
}

const (
	maxDrops    = 4096                   // recorded between two calls of take
	dropsWindow = int64(1 * time.Second) // recording stops this long after the last call of take
)

// take returns the drops recorded since the last call, and how many more did not fit.
func (d *drops) take(now int64) (recorded []link.Drop, omitted uint64) {
	recorded, omitted = d.recorded, d.omitted
	*d = drops{until: now + dropsWindow}
	return recorded, omitted
}

// record records what was dropped of a frame, from the path's counters before and after it.
func (d *drops) record(p *path, f []byte, segments int, before link.Counters) {
	lost, overflow := p.counters.Lost-before.Lost, p.counters.Overflow-before.Overflow
	switch {
	case lost+overflow == 0:
	case len(d.recorded) >= maxDrops:
		d.omitted++
	default:
		d.recorded = append(d.recorded, link.Drop{
			Path: p.name, Packet: link.FingerprintOf(f[ipAt:]), Lost: int(lost), Overflow: int(overflow), Of: segments,
		})
	}
}
