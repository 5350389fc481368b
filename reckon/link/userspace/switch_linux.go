package userspace

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/link"
)

// A vswitch is the state of the switch's one thread. Nothing else touches it: other goroutines pass
// functions to call.
type vswitch struct {
	seed  uint64
	clock *clock

	ports  []*port
	byAddr map[[4]byte]*port
	byName map[string]*port

	queue    queue
	pool     pool
	held     int // bytes of buffers in the queue
	delaying int // number of paths whose packets wait in the queue
	realtime bool
	late     *hdrhistogram.Histogram
	drops    drops
	spinner  spinner
	arrived  int64 // when the last packet arrived
	sent     int64 // when the last packet left

	warmup *warmup

	reader *reader
	epoll  int
	timer  int
	armed  int64 // when the timer fires; 0 if it was never set
	wake   int   // eventfd
	calls  chan func()
	ended  bool
}

// Values of epoll's data for descriptors that do not belong to a port.
const (
	timerEvent = -1
	wakeEvent  = -2
)

func newSwitch(seed uint64) (*vswitch, error) {
	s := &vswitch{
		seed:    seed,
		clock:   newClock(),
		byAddr:  map[[4]byte]*port{},
		byName:  map[string]*port{},
		late:    hdrhistogram.New(1, int64(1e10), 3), // to 10 s
		reader:  newReader(),
		spinner: spinner{oneCPU: runtime.NumCPU() == 1},
		calls:   make(chan func(), 16),
	}
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	if s.warmup, err = newWarmup(); err != nil {
		return nil, err
	}
	// Edge-triggered, so nobody needs to read them.
	if err := s.watch(s.timer, timerEvent, unix.EPOLLIN|unix.EPOLLET); err != nil {
		return nil, err
	}
	return s, s.watch(s.wake, wakeEvent, unix.EPOLLIN|unix.EPOLLET)
}

func (s *vswitch) watch(fd, data int, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(data)}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("watch a descriptor: %w", err)
	}
	return nil
}

// call runs f on the switch's thread and waits for it.
func (s *vswitch) call(f func()) {
	done := make(chan struct{})
	s.calls <- func() { f(); close(done) }
	unix.Write(s.wake, one) // cannot fail before 2^64 calls
	<-done
}

var one = binary.NativeEndian.AppendUint64(nil, 1)

// run is the switch's thread. It returns once a call has set ended.
func (s *vswitch) run() {
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 128)
	for !s.ended {
		now := s.clock.now()
		if now-s.clock.checked > measureEvery {
			s.clock.measure(now)
		}
		s.deliver(now)
		n := s.wait(events)
		called := false
		for _, e := range events[:max(n, 0)] {
			switch {
			case e.Fd >= 0:
				s.receive(s.ports[e.Fd])
			case e.Fd == wakeEvent:
				called = true
			}
		}
		if called {
			s.runCalls()
		}
	}
}

// runCalls makes the pending calls. Packets that entered a path before it is reshaped meet the old
// shape, so everything in the sockets is read first.
func (s *vswitch) runCalls() {
	for _, p := range s.ports {
		for range 64 { // bounded, so that a host that never stops sending cannot block a call
			if s.receive(p) < batch {
				break
			}
		}
	}
	for {
		select {
		case f := <-s.calls:
			f()
		default:
			return
		}
	}
}

// counters returns the paths that have carried anything. The kernel does not say where the frames
// it dropped were going: those from one host are listed as a path to "*".
func (s *vswitch) counters() map[link.Path]link.Counters {
	m := map[link.Path]link.Counters{}
	for _, from := range s.ports {
		for _, p := range from.paths {
			if p != nil && p.counters != (link.Counters{}) {
				m[p.name] = p.counters
			}
		}
		if from.drops += from.socket.drops(); from.drops > 0 {
			m[link.Path{From: from.Name, To: anywhere}] = link.Counters{Packets: from.drops, Overflow: from.drops}
		}
	}
	return m
}

func (s *vswitch) lateness() *link.Lateness {
	us := func(ns int64) float64 { return math.Round(float64(ns)/100) / 10 }
	return &link.Lateness{
		P50: us(s.late.ValueAtQuantile(50)),
		P99: us(s.late.ValueAtQuantile(99)),
		Max: us(s.late.Max()),
	}
}

// close closes the sockets concurrently, because the kernel takes its time over each.
func (s *vswitch) close() {
	s.warmup.socket.close()
	done := make(chan struct{})
	for _, p := range s.ports {
		go func() { p.socket.close(); done <- struct{}{} }()
	}
	for range s.ports {
		<-done
	}
}
