package userspace

import "fmt"

// receive reads a batch of frames from the port's host and returns how many there were.
func (s *vswitch) receive(p *port) int {
	n, err := s.reader.read(p.socket)
	if err != nil {
		panic(fmt.Sprintf("read from %s: %v", p.Name, err))
	}
	now := s.clock.now()
	if n > 0 {
		s.arrived = now
	}
	for i := range n {
		if f := s.reader.frame(i); f != nil {
			s.route(p, f, s.clock.arrival(s.reader.stamp(i), now))
		}
	}
	s.deliver(s.clock.now())
	return n
}

// route hands a frame that arrived from the port's host to its path.
func (s *vswitch) route(from *port, f []byte, arrival int64) {
	dst, ok := routable(f)
	if !ok {
		return
	}
	to := s.byAddr[dst]
	if to == nil || to == from {
		return
	}
	p, t := s.path(from, to), superframeOf(f)
	setDestination(f, to.mac)
	p.counters.Packets += uint64(t.segments)
	p.counters.Bytes += uint64(t.bytes(f))
	before := p.counters
	s.dispatch(p, to, t, f, arrival)
	if arrival < s.drops.until {
		s.drops.record(p, f, t.segments, before)
	}
}

// dispatch applies the path's shape to the frame.
func (s *vswitch) dispatch(p *path, to *port, t superframe, f []byte, arrival int64) {
	switch {
	case p.shape.Cut:
		p.counters.Cut += uint64(t.segments)
	case p.perPacket():
		s.dispatchSegments(p, to, t, f, arrival)
	case !p.waits():
		s.send(p, to, f, uint64(t.segments), arrival)
	default:
		s.forward(p, to, t, f, 0, t.segments, arrival)
	}
}

// dispatchSegments draws which wire packets are lost. Survivors stay together, unless the shape
// treats each packet independently.
func (s *vswitch) dispatchSegments(p *path, to *port, t superframe, f []byte, arrival int64) {
	run, independent := 0, p.independent() // run is where the survivors not yet passed on begin
	for i := range t.segments {
		switch {
		case p.lost():
			p.counters.Lost++
			s.forward(p, to, t, f, run, i, arrival)
		case independent:
			s.forward(p, to, t, f, i, i+1, arrival)
			if p.duplicated() {
				p.counters.Duplicated++
				s.forward(p, to, t, f, i, i+1, arrival)
			}
		default:
			continue
		}
		run = i + 1
	}
	s.forward(p, to, t, f, run, t.segments, arrival)
}

// forward passes on the segments [from, end) of f, if there are any, at once or through the queue.
// Each call draws anew whether the packet is corrupted and how long it is delayed.
func (s *vswitch) forward(p *path, to *port, t superframe, f []byte, from, end int, arrival int64) {
	if from >= end {
		return
	}
	x := s.pool.get(t.span(f, from, end))
	x.path, x.wire = p, uint64(end-from)
	if end-from == t.segments {
		copy(x.frame, f)
	} else {
		t.extract(x.frame, f, from, end)
	}
	if bit, ok := p.corrupted(bitsBeyondIP(x.frame)); ok {
		p.counters.Corrupted++
		completeChecksum(x.frame)
		flip(x.frame, bit)
	}
	if p.waits() {
		s.enqueue(x, arrival)
		return
	}
	s.send(p, to, x.frame, x.wire, arrival)
	s.pool.put(x)
}

// enqueue queues the packet until it is due, or drops it if the queue is full.
func (s *vswitch) enqueue(x *packet, arrival int64) {
	p, size := x.path, classes[x.class]
	if !p.hasRoom(x.wire, size) || s.held+size > maxHeldAll {
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

// release subtracts a packet that has left the queue from the counts, and returns it to the pool.
func (s *vswitch) release(x *packet) {
	x.path.queued -= int(x.wire)
	x.path.held -= classes[x.class]
	s.held -= classes[x.class]
	s.pool.put(x)
}

// deliver sends the packets that are due, a bounded number at a time.
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
	s.late.RecordValue(max(s.sent-due, 0)) // values above the histogram's 10 s are not recorded; such a run is invalid anyway
}
