package linktest

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

var rateRules = []Rule{
	{"datagrams leave at the path's rate", "a slow link would not be slow", rateOfUDP},
	{"TCP gets the path's rate and no more", "a slow link would not be slow", rateOfTCP},
	{"a queue is as long as QueueLimit says, and what it drops is counted", "a flood would exhaust the machine's memory, or vanish unaccounted for", queueBound},
}

// onTheWire returns how long sending the bytes takes.
func onTheWire(s link.Shape, bytes int) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(s.Rate) * float64(time.Second))
}

func rateOfUDP(l *Lab) {
	const n = 150
	s := link.Shape{Delay: 10 * time.Millisecond, Rate: 20_000_000}
	l.start(testSeed, 2)
	l.shape(s)
	f := l.flow(there)
	f.size = 1250 - 28
	f.send(n)
	for i := range n {
		a := f.receive()
		// One per cent allows for what a fabric counts as a packet's length besides IP.
		least := s.Delay + onTheWire(s, (i+1)*1250)*99/100 - f.sent[i].Sub(f.sent[0]) - 100*time.Microsecond
		most := s.Delay + onTheWire(s, (i+1)*1250)*102/100 + slack()
		if !a.intact || a.number != i || a.took < least || a.took > most {
			l.fail("datagram %d arrived as %+v, want it after %v to %v", i, a, least, most)
		}
	}
}

func rateOfTCP(l *Lab) {
	const size = 1 << 20
	s := link.Shape{Rate: 20_000_000}
	l.start(testSeed, 2)
	l.shape(s)
	took, least := l.transfer(there, size), onTheWire(s, size)
	if took < least*98/100 || took > 2*least+slack() {
		l.fail("1 MiB took %v over TCP at 20 Mbit/s, want %v at least", took, least)
	}
}

func queueBound(l *Lab) {
	const n, bytes = 2000, 1000
	s := link.Shape{Rate: 2_000_000}
	l.start(testSeed, 2)
	l.shape(s)
	f := l.flow(there)
	f.size = bytes - 28
	begin := time.Now()
	for range n / round {
		f.send(round)
		l.counters() // now the fabric's sockets are empty
	}
	flood := time.Since(begin)
	got := len(f.untilEmpty())
	dropped := int(l.overflow("n1") + l.counters()[there].Lost)
	if sent := len(f.sent) - 1; got+dropped != sent { // all but the last, which arrived
		l.fail("of %d datagrams %d arrived and %d are counted as dropped", sent, got, dropped)
	}
	least := s.QueueLimit() - 1 // one is on the wire
	most := s.QueueLimit() + 2 + int(flood*102/100/onTheWire(s, bytes))
	if got < least || got > most {
		l.fail("%d datagrams arrived of %d sent in %v into a queue for %d, want from %d to %d", got, n, flood, s.QueueLimit(), least, most)
	}
}

// untilEmpty sends one more datagram as soon as the queue has room again, and returns all arrivals
// before it, in order.
func (f *flow) untilEmpty() (got []arrival) {
	for range len(f.sent) {
		entered, dropped := f.counters()[there], f.overflow(there.From)
		f.send(1)
		f.await("a packet enters", func() bool { return f.counters()[there].Packets > entered.Packets })
		if f.overflow(there.From) == dropped && f.counters()[there].Lost == entered.Lost {
			break
		}
		got = append(got, f.receive()) // which makes room
	}
	marker := len(f.sent) - 1
	for {
		a := f.receive()
		if a.number == marker {
			return got
		}
		got = append(got, a)
	}
}
