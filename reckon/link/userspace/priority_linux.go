package userspace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// setRealtime gives the calling thread real-time priority, where that is allowed, or takes it away.
// The thread has it only while some path delays, since it costs every other packet some tens of
// microseconds.
func (s *vswitch) setRealtime(realtime bool) {
	if realtime != s.realtime && setFIFO(realtime) == nil {
		s.realtime = realtime
	}
}

func setFIFO(on bool) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness(), Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if on {
		attr.Policy, attr.Priority, attr.Nice = unix.SCHED_FIFO, 1, 0
	}
	return unix.SchedSetAttr(0, &attr, 0)
}

// niceness returns the calling thread's nice value, which it keeps when it is not real-time.
func niceness() int32 {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return int32(20 - n) // the system call counts from 40 down
}

// takePriority gives the calling thread the best priority it may have short of real-time, and
// returns a description of the priority it will have while some path delays.
func takePriority() string {
	nice := 0
	for _, n := range []int{-20, -10} { // what RLIMIT_NICE allows differs
		if unix.Setpriority(unix.PRIO_PROCESS, 0, n) == nil {
			nice = n
			break
		}
	}
	if setFIFO(true) == nil && setFIFO(false) == nil {
		unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
		return "real-time (SCHED_FIFO)"
	}
	if nice != 0 {
		return fmt.Sprintf("nice %d", nice)
	}
	return "plain"
}
