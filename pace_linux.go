package reckon

import (
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/history"
)

// waiter returns a function that waits until an instant of the clock. It must
// stay on the goroutine that made it, which it ties to its thread: the thread sleeps in
// clock_nanosleep(2), since the runtime's own timers count in whole milliseconds
// while it is idle, and with the least timer slack (prctl(2), PR_SET_TIMERSLACK), since the
// default adds 50 microseconds.
func waiter(clock *history.Monotonic) func(until time.Duration) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // refused, it only makes the lag longer, which is measured
	return func(until time.Duration) {
		ts := unix.NsecToTimespec(int64(clock.Epoch() + until))
		for clock.Now() < until {
			if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil); err != nil && err != unix.EINTR {
				time.Sleep(time.Millisecond)
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
