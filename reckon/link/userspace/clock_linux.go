package userspace

import (
	"time"

	"golang.org/x/sys/unix"
)

// A clock returns CLOCK_MONOTONIC in nanoseconds, as the timer uses it, and converts the wall-clock
// timestamps of packets.
type clock struct {
	base    time.Time
	atBase  int64 // CLOCK_MONOTONIC
	offset  int64 // of the wall clock
	checked int64 // when offset was last measured
}

func newClock() *clock {
	c := &clock{}
	var ts unix.Timespec
	best := time.Duration(1 << 62)
	for range 100 { // take the least disturbed reading
		before := time.Now()
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		if took := time.Since(before); took < best {
			best = took
			c.base, c.atBase = before.Add(took/2), ts.Nano()
		}
	}
	c.measure(c.now())
	return c
}

func (c *clock) now() int64 { return c.atBase + int64(time.Since(c.base)) }

// The wall clock may be set at any time, so its offset is measured this often. A packet cannot have
// waited longer than maxWait: a switch that is stopped for longer would not notice that it is late,
// but no run survives such a stop.
const (
	measureEvery = int64(10 * time.Millisecond)
	maxWait      = int64(time.Minute)
)

func (c *clock) measure(now int64) {
	best := int64(1 << 62)
	for range 3 {
		before := c.now()
		wall := time.Now().UnixNano()
		if took := c.now() - before; took < best {
			best = took
			c.offset = wall - before - took/2
		}
	}
	c.checked = now
}

// arrival returns when a packet with the given timestamp arrived, or now if the timestamp is
// implausible.
func (c *clock) arrival(stamp, now int64) int64 {
	t := stamp - c.offset
	if t > now || t < now-maxWait {
		return now
	}
	return t
}
