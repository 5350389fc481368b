package userspace

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wait returns when there is something to do, or might be: a packet came, one is due, or a call was made.
func (s *vswitch) wait(events []unix.EpollEvent) int {
	now := s.clock.now()
	s.patience.earn(now)
	alarm, cold := s.alarm(now)
	if alarm <= now || s.patience.lingers(now, s.came) {
		n := epollWait(s.epoll, events, 0)
		if n == 0 {
			s.patience.spend(s.clock.now() - now)
		}
		return n
	}
	if alarm < never {
		s.arm(alarm)
	}
	n := epollWait(s.epoll, events, -1)
	for _, e := range events[:max(n, 0)] {
		if e.Fd == timerEvent && s.armed == alarm {
			s.woke(alarm, cold && n == 1)
		}
	}
	return n
}

const never = int64(math.MaxInt64)

// alarm is when the switch should be awake, and whether it should rehearse then.
func (s *vswitch) alarm(now int64) (at int64, cold bool) {
	if s.queue.len() == 0 {
		return never, false
	}
	at = s.queue.next() - s.patience.lead()
	if cold = now-s.sent > coldAfter && s.patience.affords(); cold {
		at -= rehearsalTime
	}
	return max(at, 1), cold
}

// woke learns from how late the timer woke the switch, and rehearses if there is time until the next packet is due.
func (s *vswitch) woke(alarm int64, rehearse bool) {
	now := s.clock.now()
	s.patience.woke(now - alarm)
	if rehearse && s.queue.next() > now+rehearsalTime {
		s.rehearsal.run()
		s.patience.spend(s.clock.now() - now)
	}
}

// epollWait does not tell the runtime that it sleeps. Getting back from that would cost
// tens of microseconds whenever a packet is due; there is a processor to spare for the other goroutines, and
// the runtime's signals still interrupt it.
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
