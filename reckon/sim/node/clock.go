package node

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// A Clock is a host's clock. Its real face is Now; the rest is its test face.
//
// Timers run at the clock's rate as it was when they were set. They are monotonic: skew and jumps do not move them.
type Clock struct {
	loop   *loop.Loop
	rate   float64       // seconds of this clock in a second
	origin time.Duration // what it showed at since
	since  time.Duration // virtual time
}

// Now returns what the clock shows.
func (c *Clock) Now() time.Duration {
	return c.origin + time.Duration(float64(c.loop.Now()-c.since)*c.rate)
}

// Skew sets the clock off by d from the virtual time.
func (c *Clock) Skew(d time.Duration) { c.set(c.loop.Now() + d) }

// Jump moves the clock by d from what it shows.
func (c *Clock) Jump(d time.Duration) { c.set(c.Now() + d) }

// Drift has the clock run at so many seconds a second from now on; 1 is right.
func (c *Clock) Drift(rate float64) {
	c.set(c.Now())
	c.rate = rate
}

func (c *Clock) set(shows time.Duration) { c.origin, c.since = shows, c.loop.Now() }

// virtual is how long d of this clock takes.
func (c *Clock) virtual(d time.Duration) time.Duration {
	if c.rate == 1 {
		return d
	}
	return time.Duration(float64(d) / c.rate)
}
