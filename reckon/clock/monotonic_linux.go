package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Monotonic counts CLOCK_MONOTONIC from an epoch that is an instant of the same
// clock, in nanoseconds. Processes that share the epoch share the time.
type Monotonic struct {
	epoch time.Duration // on CLOCK_MONOTONIC
	base  time.Time     // a reading of Go's clock, which counts CLOCK_MONOTONIC through the vDSO
	at    time.Duration // CLOCK_MONOTONIC at base
}

// NewMonotonic is a clock with the epoch given; see Epoch.
func NewMonotonic(epoch time.Duration) *Monotonic {
	base, at := calibrate()
	return &Monotonic{epoch: epoch, base: base, at: at}
}

// Epoch is CLOCK_MONOTONIC now: the epoch of a run that begins at this moment.
func Epoch() time.Duration { return clockMonotonic() }

// Now is the time since the epoch.
func (m *Monotonic) Now() time.Duration { return m.at - m.epoch + time.Since(m.base) }

// Epoch is the instant of CLOCK_MONOTONIC from which the clock counts.
func (m *Monotonic) Epoch() time.Duration { return m.epoch }

// calibrate reads both clocks within as short a time as a few tries give: the error is at most the
// time between the two outer readings, well under a microsecond where nobody interrupts.
func calibrate() (base time.Time, at time.Duration) {
	best := time.Duration(1<<63 - 1)
	for range 10 {
		t0 := time.Now()
		now := clockMonotonic()
		if d := time.Since(t0); d < best {
			best, base, at = d, t0, now-d/2
		}
	}
	return base, at
}

func clockMonotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // cannot fail for this clock
	}
	return time.Duration(ts.Nano())
}
