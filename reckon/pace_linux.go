package reckon

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A wait is slept, but for its last part: the runtime's timers count in whole
// milliseconds while it is idle (golang/go#53824), so the last coarse is slept in
// clock_nanosleep(2), which holds a processor of the runtime for a moment, and the last fine is
// spent letting others run, since no sleep is that short.
const (
	coarse = 2 * time.Millisecond
	fine   = 20 * time.Microsecond
)

// waiter returns a function that waits until an instant of the clock. It must
// stay on the goroutine that made it, which it ties to its thread.
func waiter(clock *history.Monotonic) func(ctx context.Context, until time.Duration) {
	runtime.LockOSThread()
	leastSlack()
	return func(ctx context.Context, until time.Duration) { sleep(ctx, clock, until) }
}

// leastSlack gives the calling thread the least timer slack (prctl(2), PR_SET_TIMERSLACK), since the default adds 50 microseconds.
func leastSlack() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // refused, it only makes the lag longer, which is measured
}

// sleep waits until an instant of the clock, or until ctx ends. It should be on a thread of its own with the least slack.
func sleep(ctx context.Context, clock *history.Monotonic, until time.Duration) {
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

// driverNice is the niceness of load drivers where that is permitted: a store that takes
// all the processors there are must not slow down the load that is measured against it.
const driverNice = -15

// hurry gives every thread of this process precedence, and so every thread it
// makes from now on (setpriority(2) is per thread). Refused, it shows in the generator's lag, which is measured.
func hurry() {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, driverNice)
		}
	}
}
