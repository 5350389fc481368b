package userspace

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// drops notes which packets are dropped, while somebody asks. It is pure: it knows no clock.
type drops struct {
	until  int64 // noting ends; 0 when nobody ever asked
	noted  []link.Drop
	untold uint64 // drops that there was no room for
}

const (
	mostDrops = 4096                   // noted between two questions
	dropsLast = int64(1 * time.Second) // from one question to the next
)

// ask takes what was noted since the last question.
func (d *drops) ask(now int64) (noted []link.Drop, untold uint64) {
	noted, untold = d.noted, d.untold
	*d = drops{until: now + dropsLast}
	return noted, untold
}

// note notes what fell of a frame, by the path's counters before and after it.
func (d *drops) note(p *path, f []byte, cars int, before link.Counters) {
	lost, overflow := p.counters.Lost-before.Lost, p.counters.Overflow-before.Overflow
	switch {
	case lost+overflow == 0:
	case len(d.noted) >= mostDrops:
		d.untold++
	default:
		d.noted = append(d.noted, link.Drop{
			Path: p.name, Packet: link.FingerprintOf(f[ipAt:]), Lost: int(lost), Overflow: int(overflow), Of: cars,
		})
	}
}
