package userspace

import "fmt"

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
