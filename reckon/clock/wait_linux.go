package clock

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A wait is slept, but for its last part: the runtime's timers count in whole
// milliseconds while it is idle (golang/go#53824), so the last coarse is slept in
// clock_nanosleep(2), which holds a processor of the runtime for a moment, and the last fine is
// spent letting others run, since no sleep is that short.
const (
	coarse = 2 * time.Millisecond
	fine   = 20 * time.Microsecond
)

// Waiter returns a function that waits until an instant of the clock. It must stay on the goroutine
// that called Waiter, which is locked to its thread.
func Waiter(clock *Monotonic) func(ctx context.Context, until time.Duration) {
	runtime.LockOSThread()
	leastSlack()
	return func(ctx context.Context, until time.Duration) { sleep(ctx, clock, until) }
}

// WaitUntil waits until the clock reads until, as exactly as a Waiter does, or until ctx ends,
// whose error it then returns.
func WaitUntil(ctx context.Context, clock *Monotonic, until time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	leastSlack()
	sleep(ctx, clock, until)
	return ctx.Err()
}

// leastSlack gives the calling thread the least timer slack (prctl(2), PR_SET_TIMERSLACK), since
// the default adds 50 microseconds.
func leastSlack() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // refused, it only makes the lag longer, which is measured
}

// sleep waits until an instant of the clock, or until ctx ends. It should be on a thread of its own
// with the least slack.
func sleep(ctx context.Context, clock *Monotonic, until time.Duration) {
	for ctx.Err() == nil {
		switch left := until - clock.Now(); {
		case left <= 0:
			return
		case left < fine:
			runtime.Gosched()
		case left < coarse:
			ts := unix.NsecToTimespec(int64(clock.Epoch() + until))
			_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) // interrupted, it is called again
		default:
			t := time.NewTimer(left - coarse)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
			}
		}
	}
}
