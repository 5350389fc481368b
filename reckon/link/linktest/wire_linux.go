package linktest

import (
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

var wireRules = []Rule{
	{"a path without a shape is a perfect wire", "a run without faults would show faults", perfectWire},
	{"TCP data arrives intact whatever the path does", "the system would be blamed for the fabric's damage", wholeTCP},
	{"ICMP meets the same shape", "ping is how people look at a link", echoes},
	{"every packet is counted on its path", "nobody could prove that a fault took effect", counts},
}

func perfectWire(l *Lab) {
	l.start(testSeed, 3)
	f := l.flow(link.Path{From: "n1", To: "n3"})
	got := f.all(1000, round)
	if !inOrder(got) || len(missing(got, 1000)) > 0 {
		l.fail("%d of 1000 datagrams arrived, in order: %v", len(numbers(got)), inOrder(got))
	}
	l.transfer(there, 8<<20)
	l.ping("n2", 0)
}

// shapes has one of every kind that lets packets through.
var shapes = []link.Shape{
	{Delay: 2 * time.Millisecond},
	{Delay: 2 * time.Millisecond, Jitter: time.Millisecond},
	{Loss: 0.01},
	{Burst: link.Burst{P: 0.002, R: 0.5, Bad: 1}},
	{Duplicate: 0.05},
	{Corrupt: 0.01},
	{Delay: 2 * time.Millisecond, Reorder: 0.02},
	{Rate: 500_000_000},
	{Delay: 2 * time.Millisecond, Jitter: time.Millisecond, Distribution: link.Normal, Loss: 0.002, Duplicate: 0.01, Corrupt: 0.002, Reorder: 0.01, Rate: 200_000_000},
}

func wholeTCP(l *Lab) {
	l.start(testSeed, 2)
	for _, s := range shapes {
		l.both(s)
		l.transfer(there, 1<<20)
	}
}

func echoes(l *Lab) {
	l.start(testSeed, 2)
	l.ping("n2", 0)
	l.apply(link.Matrix{there: {Delay: 5 * time.Millisecond}, back: {Delay: 10 * time.Millisecond}})
	l.ping("n2", 15*time.Millisecond)
	l.shape(link.Shape{Cut: true})
	before := l.counters()[there].Cut
	p := l.pinger()
	p.send("n2", 77)
	l.await("a ping is cut", func() bool { return l.counters()[there].Cut == before+1 })
	l.both(link.Shape{})
	p.send("n2", 78)
	if n := p.receive(); n != 78 {
		l.fail("ping %d was answered through a cut", n)
	}
}

func counts(l *Lab) {
	l.start(testSeed, 2)
	f := l.flow(there)
	f.all(5*round, round)
	want := link.Counters{Packets: 5 * round, Bytes: uint64(5 * round * (f.size + 28))}
	if got := l.counters()[there]; got != want {
		l.fail("%d datagrams of %d bytes beside their headers are counted as %+v, want %+v", 5*round, f.size, got, want)
	}
	if got := l.counters()[back]; got != (link.Counters{}) {
		l.fail("nothing was sent back, but it is counted as %+v", got)
	}
	l.shape(link.Shape{Loss: 0.2})
	lost := uint64(5*round - len(numbers(f.through(5*round))))
	if got := l.counters()[there]; got.Lost+got.Overflow != lost || l.setup.Causes && got.Lost != lost || got.Packets != 10*round+1 {
		l.fail("%d of %d packets lost by chance are counted as %+v", lost, 10*round+1, got)
	}
}

// describe returns how errors name a shape.
func describe(s link.Shape) string { return fmt.Sprintf("on a path with %v", s) }
