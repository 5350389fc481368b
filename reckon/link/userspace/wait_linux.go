package userspace

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wait returns when there may be something to do: a packet arrived, one is due, or a call was made.
func (s *vswitch) wait(events []unix.EpollEvent) int {
	now := s.clock.now()
	s.spinner.earn(now)
	alarm, cold := s.wakeTime(now)
	if alarm <= now || s.spinner.staysAwake(now, s.arrived) {
		n := epollWait(s.epoll, events, 0)
		if n == 0 {
			s.spinner.spend(s.clock.now() - now)
		}
		return n
	}
	if alarm < never {
		s.arm(alarm)
	}
	n := epollWait(s.epoll, events, -1)
	for _, e := range events[:max(n, 0)] {
		if e.Fd == timerEvent && s.armed == alarm {
			s.onTimer(alarm, cold && n == 1)
		}
	}
	return n
}

const never = int64(math.MaxInt64)

// wakeTime returns when the switch should be awake, and whether it should warm up then.
func (s *vswitch) wakeTime(now int64) (at int64, cold bool) {
	if s.queue.len() == 0 {
		return never, false
	}
	at = s.queue.next() - s.spinner.lead()
	if cold = now-s.sent > coldAfter && s.spinner.canSpend(); cold {
		at -= warmupTime
	}
	return max(at, 1), cold
}

// onTimer records how late the timer woke the switch, and warms up if there is time before the next
// packet is due.
func (s *vswitch) onTimer(alarm int64, warm bool) {
	now := s.clock.now()
	s.spinner.observe(now - alarm)
	if warm && s.queue.next() > now+warmupTime {
		s.warmup.run()
		s.spinner.spend(s.clock.now() - now)
	}
}

// epollWait does not tell the Go runtime that it blocks. Returning through the runtime would cost
// tens of microseconds whenever a packet is due. The other goroutines have a processor left, and
// the runtime's signals still interrupt the call.
func epollWait(epoll int, events []unix.EpollEvent, timeout int) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeout), 0, 0)
	switch errno {
	case 0:
		return int(n)
	case unix.EINTR:
		return 0
	}
	panic(fmt.Sprintf("epoll: %v", errno)) // a bug of ours
}

func (s *vswitch) arm(at int64) {
	if s.armed == at {
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	if err := unix.TimerfdSettime(s.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		panic(fmt.Sprintf("set the timer: %v", err)) // a bug of ours
	}
	s.armed = at
}
