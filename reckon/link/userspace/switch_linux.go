package userspace

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A vswitch is all that the switch's one thread knows. Nothing else touches it:
// other goroutines hand functions to call.
type vswitch struct {
	seed  uint64
	clock *clock

	ports  []*port
	byAddr map[[4]byte]*port
	byName map[string]*port

	queue    queue
	pool     pool
	held     int // bytes of buffers in the queue
	delaying int // how many paths' packets wait in the queue
	urgent   bool
	late     *hdrhistogram.Histogram
	drops    drops
	patience patience
	came     int64 // when the last packet came
	sent     int64 // when the last one left

	rehearsal *rehearsal

	reader *reader
	epoll  int
	timer  int
	armed  int64 // what the timer is set to; 0 when it has nothing to do
	wake   int   // eventfd
	calls  chan func()
	ended  bool
}

// A port is where one host is plugged in.
type port struct {
	host.Port
	mac    [6]byte
	index  int
	socket *socket
	paths  []*path // by the index of the port they lead to; nil until the first packet or shape
	drops  uint64  // by the kernel, as the socket's queue was full
}

// Descriptors that are not ports', in epoll's data.
const (
	timerEvent = -1
	wakeEvent  = -2
)

func newSwitch(seed uint64) (*vswitch, error) {
	s := &vswitch{
		seed:     seed,
		clock:    newClock(),
		byAddr:   map[[4]byte]*port{},
		byName:   map[string]*port{},
		late:     hdrhistogram.New(1, int64(1e10), 3), // to 10 s
		reader:   newReader(),
		patience: patience{alone: runtime.NumCPU() == 1},
		calls:    make(chan func(), 16),
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
	if s.rehearsal, err = newRehearsal(); err != nil {
		return nil, err
	}
	// Edge-triggered: nobody needs to read them.
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

// call runs f on the switch's thread and waits until it has.
func (s *vswitch) call(f func()) {
	done := make(chan struct{})
	s.calls <- func() { f(); close(done) }
	unix.Write(s.wake, one) // cannot fail before 2^64 calls
	<-done
}

var one = binary.NativeEndian.AppendUint64(nil, 1)

// run is the switch's thread. It returns when a call has set ended.
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
			s.serve()
		}
	}
}

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

// serve makes the calls that wait. What has entered a path before it is reshaped
// meets the old shape, so what the sockets hold is read first.
func (s *vswitch) serve() {
	for _, p := range s.ports {
		for range 64 { // bounded: a host that sends without end must not keep a call waiting
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

// receive reads a batch of what the port's host has sent, and says how many frames it was.
func (s *vswitch) receive(p *port) int {
	n, err := s.reader.read(p.socket)
	if err != nil {
		panic(fmt.Sprintf("read from %s: %v", p.Name, err))
	}
	now := s.clock.now()
	if n > 0 {
		s.came = now
	}
	for i := range n {
		if f := s.reader.frame(i); f != nil {
			s.take(p, f, s.clock.arrival(s.reader.stamp(i), now))
		}
	}
	s.deliver(s.clock.now())
	return n
}

// take gives a frame that arrived from the port's host to its path.
func (s *vswitch) take(from *port, f []byte, arrival int64) {
	dst, ok := routable(f)
	if !ok {
		return
	}
	to := s.byAddr[dst]
	if to == nil || to == from {
		return
	}
	p, t := s.path(from, to), trainOf(f)
	setDestination(f, to.mac)
	p.counters.Packets += uint64(t.cars)
	p.counters.Bytes += uint64(t.bytes(f))
	before := p.counters
	s.dispatch(p, to, t, f, arrival)
	if arrival < s.drops.until {
		s.drops.note(p, f, t.cars, before)
	}
}

// dispatch lets the path do to the frame what its shape says.
func (s *vswitch) dispatch(p *path, to *port, t train, f []byte, arrival int64) {
	switch {
	case p.shape.Cut:
		p.counters.Cut += uint64(t.cars)
	case p.perPacket():
		s.takeApart(p, to, t, f, arrival)
	case !p.waits():
		s.send(p, to, f, uint64(t.cars), arrival)
	default:
		s.pass(p, to, t, f, 0, t.cars, arrival)
	}
}

// takeApart draws which wire packets are lost. What survives stays together, unless each packet goes its own way.
func (s *vswitch) takeApart(p *path, to *port, t train, f []byte, arrival int64) {
	run, alone := 0, p.alone() // where the run of survivors begins
	for i := range t.cars {
		switch {
		case p.lost():
			p.counters.Lost++
			s.pass(p, to, t, f, run, i, arrival)
		case alone:
			s.pass(p, to, t, f, i, i+1, arrival)
			if p.duplicated() {
				p.counters.Duplicated++
				s.pass(p, to, t, f, i, i+1, arrival)
			}
		default:
			continue
		}
		run = i + 1
	}
	s.pass(p, to, t, f, run, t.cars, arrival)
}

// pass lets the cars [from, end) of f, if any, go on: at once or through the queue. Each call draws
// anew whether and how the packet is corrupted and delayed.
func (s *vswitch) pass(p *path, to *port, t train, f []byte, from, end int, arrival int64) {
	if from >= end {
		return
	}
	x := s.pool.get(t.span(f, from, end))
	x.path, x.wire = p, uint64(end-from)
	if end-from == t.cars {
		copy(x.frame, f)
	} else {
		t.cut(x.frame, f, from, end)
	}
	if bit, ok := p.corrupted(bitsBeyondIP(x.frame)); ok {
		p.counters.Corrupted++
		completeChecksum(x.frame)
		flip(x.frame, bit)
	}
	if p.waits() {
		s.hold(x, arrival)
		return
	}
	s.send(p, to, x.frame, x.wire, arrival)
	s.pool.put(x)
}

// hold queues the packet until it is due, or drops it where the queue is full.
func (s *vswitch) hold(x *packet, arrival int64) {
	p, size := x.path, classes[x.class]
	if !p.room(x.wire, size) || s.held+size > maxHeldAll {
		p.counters.Overflow += x.wire
		s.pool.put(x)
		return
	}
	due, overtakes := p.due(arrival, len(x.frame)-ipAt)
	if overtakes {
		p.counters.Reordered++
		s.send(p, s.ports[p.to], x.frame, x.wire, due)
		s.pool.put(x)
		return
	}
	p.queued += int(x.wire)
	p.held += size
	s.held += size
	s.queue.push(due, x)
}

// release takes a packet that has left the queue off the accounts.
func (s *vswitch) release(x *packet) {
	x.path.queued -= int(x.wire)
	x.path.held -= classes[x.class]
	s.held -= classes[x.class]
	s.pool.put(x)
}

// deliver sends what is due, a bounded number at a time.
func (s *vswitch) deliver(now int64) {
	for range 4 * batch {
		if s.queue.len() == 0 || s.queue.next() > now {
			return
		}
		due, x := s.queue.pop()
		s.send(x.path, s.ports[x.path.to], x.frame, x.wire, due)
		s.release(x)
		now = s.clock.now()
	}
}

func (s *vswitch) send(p *path, to *port, f []byte, wire uint64, due int64) {
	if !to.socket.send(f) {
		p.counters.Overflow += wire
		return
	}
	s.sent = s.clock.now()
	s.late.RecordValue(max(s.sent-due, 0)) // more than the histogram's 10 s is lost, with the run
}

// path is the path between two ports, made at first sight.
func (s *vswitch) path(from, to *port) *path {
	for len(from.paths) <= to.index {
		from.paths = append(from.paths, nil)
	}
	p := from.paths[to.index]
	if p == nil {
		p = newPath(link.Path{From: from.Name, To: to.Name}, to.index, s.seed)
		from.paths[to.index] = p
	}
	return p
}

// attach plugs hosts in: all of them or none.
func (s *vswitch) attach(ports []host.Port) error {
	added := make([]*port, 0, len(ports))
	err := func() error {
		for _, hp := range ports {
			p, err := s.plug(hp)
			if err != nil {
				return fmt.Errorf("attach %s: %w", hp.Name, err)
			}
			added = append(added, p)
		}
		return nil
	}()
	if err == nil {
		return nil
	}
	for _, p := range added {
		p.socket.close()
		delete(s.byAddr, p.Addr.As4())
		delete(s.byName, p.Name)
	}
	s.ports = s.ports[:len(s.ports)-len(added)]
	return err
}

func (s *vswitch) plug(hp host.Port) (*port, error) {
	switch {
	case !hp.Addr.Is4() || len(hp.MAC) != 6:
		return nil, fmt.Errorf("address %s, MAC %q: must be IPv4 and 6 bytes", hp.Addr, hp.MAC)
	case s.byName[hp.Name] != nil:
		return nil, fmt.Errorf("a host of that name is attached")
	case s.byAddr[hp.Addr.As4()] != nil:
		return nil, fmt.Errorf("address %s is %s's", hp.Addr, s.byAddr[hp.Addr.As4()].Name)
	}
	p := &port{Port: hp, mac: [6]byte(hp.MAC), index: len(s.ports)}
	var err error
	if p.socket, err = openSocket(hp); err != nil {
		return nil, err
	}
	if err := s.watch(p.socket.fd, p.index, unix.EPOLLIN); err != nil {
		p.socket.close()
		return nil, err
	}
	s.ports = append(s.ports, p)
	s.byName[hp.Name] = p
	s.byAddr[hp.Addr.As4()] = p
	return p, nil
}

// apply reshapes the paths: all of them or none.
func (s *vswitch) apply(m link.Matrix) error {
	if err := m.Validate(); err != nil {
		return err
	}
	for name := range m {
		for _, h := range []string{name.From, name.To} {
			if s.byName[h] == nil {
				return fmt.Errorf("path %s: no host %s is attached", name, h)
			}
		}
	}
	cuts := false
	for name, shape := range m {
		p := s.path(s.byName[name.From], s.byName[name.To])
		before := p.waits()
		p.reshape(shape)
		s.delaying += btoi(p.waits()) - btoi(before)
		cuts = cuts || shape.Cut
	}
	if cuts {
		s.dropCut()
	}
	s.setUrgent(s.delaying > 0)
	return nil
}

// dropCut drops what is queued on paths that are cut.
func (s *vswitch) dropCut() {
	s.queue.remove(func(x *packet) bool {
		if !x.path.shape.Cut {
			return false
		}
		x.path.counters.Cut += x.wire
		s.release(x)
		return true
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// counters lists the paths that have carried anything. The kernel does not say where the
// frames were bound for that it dropped: those of a host are listed under a path to "*".
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

// close takes the sockets down side by side: the kernel takes its time over each.
func (s *vswitch) close() {
	s.rehearsal.socket.close()
	done := make(chan struct{})
	for _, p := range s.ports {
		go func() { p.socket.close(); done <- struct{}{} }()
	}
	for range s.ports {
		<-done
	}
}
