// Package hlc is a hybrid logical clock: stamps that order causally related events, stay close to
// the wall clock, and need no more than 64 bits (Kulkarni et al., Logical Physical Clocks, OPODIS
// 2014).
//
// The package reads no clock: callers say what time it is.
package hlc

import (
	"errors"
	"fmt"
	"time"
)

// Stamp is a reading of a clock: 48 bits of milliseconds since the Unix epoch, then a counter of 16
// bits. A later event has a larger stamp. 0 is before every event.
type Stamp uint64

// Of is the first stamp of the millisecond.
func Of(milliseconds uint64) Stamp { return Stamp(milliseconds << 16) }

// Milliseconds is the stamp's time since the Unix epoch.
func (s Stamp) Milliseconds() uint64 { return uint64(s) >> 16 }

// Counter tells stamps of one millisecond apart.
func (s Stamp) Counter() uint16 { return uint16(s) }

func (s Stamp) String() string { return fmt.Sprintf("%d.%d", s.Milliseconds(), s.Counter()) }

// ErrAhead means that a stamp is further ahead of this machine's wall clock than is allowed.
var ErrAhead = errors.New("stamp is too far ahead of the local clock")

// Clock issues stamps that only rise. It is not safe for concurrent use.
type Clock struct {
	last Stamp
	most time.Duration
}

// New is a clock that has issued, or observed, last at the latest: after a restart, whatever
// is on disk. It observes stamps that are up to most ahead of the wall clock.
func New(last Stamp, most time.Duration) *Clock { return &Clock{last: last, most: most} }

// Last is the largest stamp that was issued or observed.
func (c *Clock) Last() Stamp { return c.last }

// Next issues a stamp: larger than any before, and not before the wall clock's millisecond. Where
// more than 65,536 are issued in one, it runs ahead into the next.
func (c *Clock) Next(wall uint64) Stamp {
	c.last = max(c.last+1, Of(wall))
	return c.last
}

// Read advances to the wall clock and returns the reading, which the next stamp will exceed.
func (c *Clock) Read(wall uint64) Stamp {
	c.last = max(c.last, Of(wall))
	return c.last
}

// Observe takes note of another's stamp, so that later ones here are larger. The error is ErrAhead.
func (c *Clock) Observe(s Stamp, wall uint64) error {
	if s > c.last && s > Of(wall+uint64(c.most.Milliseconds())) {
		return ErrAhead
	}
	c.last = max(c.last, s)
	return nil
}

// Restore takes note of a stamp that this node accepted before it was restarted, however far ahead
// it is.
func (c *Clock) Restore(s Stamp) { c.last = max(c.last, s) }
