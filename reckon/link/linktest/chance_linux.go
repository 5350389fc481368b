package linktest

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

var chanceRules = []Rule{
	{"packets are lost with the path's probability", "results could not be compared with published ones", losses},
	{"one loss drops one wire packet, even of a super-frame", "TCP's goodput at 0.1 % loss would be off by a factor of twenty", lossPerWirePacket},
	{"losses come in bursts if the path has them", "a bad radio link would look like a good one", lossBursts},
	{"packets are duplicated with the path's probability, and each copy is intact", "retries would not be tested", duplicates},
	{"packets are corrupted with the path's probability", "checksums would not be tested", corrupts},
	{"corrupted packets never reach a program over TCP", "the system would be blamed for damage that a checksum should have caught", corruptTCP},
	{"packets overtake others with the path's probability", "TCP's reordering window would not be tested", reorders},
	{"the same seed and packets give the same drops", "no failure could be reproduced", sameSeed},
}

// sigma is how far a frequency may deviate: with seeded draws the deviation is the same in every
// run.
func (l *Lab) sigma() float64 {
	if l.setup.Seeded {
		return sigma999
	}
	return sigmaAll
}

func losses(l *Lab) {
	const n = 5000
	l.start(testSeed, 2)
	f := l.flow(there)
	for _, p := range []float64{0.005, 0.05, 0.3} {
		l.shape(link.Shape{Loss: p})
		before := len(f.sent)
		lost := n - len(numbers(f.through(n)))
		if err := binomial("lost", lost, n, p, l.sigma()); err != nil {
			l.fail("%s from datagram %d on %w", describe(link.Shape{Loss: p}), before, err)
		}
	}
	before := l.counters()[there]
	l.shape(link.Shape{Loss: 1})
	f.send(round)
	l.await("all packets are lost", func() bool {
		c := l.counters()[there]
		return c.Lost+c.Overflow == before.Lost+before.Overflow+round
	})
}

func lossPerWirePacket(l *Lab) {
	const p, size = 0.03, 4 << 20
	l.start(testSeed, 2)
	l.shape(link.Shape{Loss: p})
	l.transfer(there, size)
	c := l.counters()[there]
	if least := uint64(size / 1500); c.Packets < least {
		l.fail("4 MiB were counted as %d packets, want %d at least: super-frames are no packets", c.Packets, least)
	}
	l.must("over TCP", binomial("lost", int(c.Lost+c.Overflow), int(c.Packets), p, sigmaAll))
}

func lossBursts(l *Lab) {
	const n = 10_000
	b := link.Burst{P: 0.02, R: 0.25, Bad: 1}
	l.start(testSeed, 2)
	l.shape(link.Shape{Burst: b})
	lost := missing(l.flow(there).through(n), n)
	// The number of bursts is nearly binomial; their lengths are geometric.
	l.must("in bursts", bursts(runs(lost), b.R, l.sigma()))
	good := 1 - b.P/(b.P+b.R)
	l.must("in bursts", binomial("bursts", len(runs(lost)), n, good*b.P, l.sigma()))
}

func duplicates(l *Lab) {
	const n, p = 5000, 0.1
	l.start(testSeed, 2)
	l.shape(link.Shape{Duplicate: p})
	got := l.flow(there).through(n)
	if len(missing(got, n)) > 0 || len(numbers(got)) != len(got) {
		l.fail("%d datagrams are missing, %d are damaged, on a path that only duplicates", len(missing(got, n)), len(got)-len(numbers(got)))
	}
	l.must("sent once", binomial("arrived twice", len(got)-n, n, p, l.sigma()))
	if ns := numbers(got); len(runs(slices.Compact(ns))) != 1 {
		l.fail("duplicates arrived between other packets")
	}
}

func corrupts(l *Lab) {
	const n, p = 5000, 0.1
	l.start(testSeed, 2)
	l.shape(link.Shape{Corrupt: p})
	f := l.flow(there)
	f.size = 500
	got := f.through(n)
	damaged := len(missing(got, n)) // altered, or not recognised by the receiver's kernel
	l.must("with 500 bytes each", binomial("damaged", damaged, n, p, sigmaAll))
	if altered := len(got) - len(numbers(got)); altered < damaged*3/4 {
		l.fail("of %d damaged datagrams only %d arrived: most bits are in the payload, and it has no checksum", damaged, altered)
	}
}

func corruptTCP(l *Lab) {
	l.start(testSeed, 2)
	l.both(link.Shape{Corrupt: 0.03})
	l.transfer(there, 2<<20) // compares
}

func reorders(l *Lab) {
	const n, p = 2000, 0.2
	s := link.Shape{Delay: 200 * time.Millisecond, Reorder: p}
	l.start(testSeed, 2)
	l.shape(s)
	overtook := 0
	got := l.flow(there).all(n, n/5)
	for _, a := range got {
		if a.took < s.Delay-time.Millisecond {
			overtook++
		}
	}
	l.must(describe(s), binomial("overtook", overtook, n, p, sigmaAll))
	if len(missing(got, n)) > 0 {
		l.fail("%s %d packets are missing", describe(s), len(missing(got, n)))
	}
}

func sameSeed(l *Lab) {
	if !l.setup.Seeded {
		return
	}
	const n = 2000
	drops := func(seed uint64) []int {
		defer l.close()
		l.start(seed, 2)
		l.shape(link.Shape{Loss: 0.1, Duplicate: 0.1})
		return numbers(l.flow(there).through(n))
	}
	first, again, other := drops(7), drops(7), drops(8)
	if !slices.Equal(first, again) {
		l.fail("seed 7 let other packets through the second time")
	}
	if slices.Equal(first, other) {
		l.fail("seeds 7 and 8 let the same packets through")
	}
}
