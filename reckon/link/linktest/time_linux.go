package linktest

import (
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

var timeRules = []Rule{
	{"packets take the path's delay, independently in each direction", "a WAN would not have the latency that it claims", delayEachWay},
	{"a uniform jitter spreads the delay evenly", "tail latencies would be those of another network", jitterOf(link.Shape{Distribution: link.Uniform})},
	{"a normal jitter follows the normal distribution", "tail latencies would be those of another network", jitterOf(link.Shape{Distribution: link.Normal})},
	{"a Pareto jitter has a long tail", "tail latencies would be those of another network", jitterOf(link.Shape{Distribution: link.Pareto})},
	{"a trace's delays are reproduced", "tail latencies would be those of another network", jitterOfTrace},
	{"no packet overtakes another unless the path has jitter or reorder", "TCP takes reordering for loss and slows down", keepsOrder},
	{"jitter is independent for each packet, so some overtake others", "the jitter would be a slowly changing delay", jitterReorders},
}

func delayEachWay(l *Lab) {
	l.start(testSeed, 2)
	const ms = time.Millisecond
	forth, home := l.flow(there), l.flow(back)
	for _, tt := range []struct{ there, back time.Duration }{{0, 0}, {ms, 0}, {0, 30 * ms}, {20 * ms, 10 * ms}, {0, 0}} {
		l.apply(link.Matrix{there: {Delay: tt.there}, back: {Delay: tt.back}})
		for range 5 {
			l.oneWay(forth, tt.there)
			l.oneWay(home, tt.back)
		}
	}
}

// oneWay sends a datagram and fails unless it takes the delay.
func (l *Lab) oneWay(f *flow, delay time.Duration) {
	const clocks = 100 * time.Microsecond // how well the kernel's timestamps and ours agree
	f.send(1)
	a := f.receive()
	if !a.intact || a.number != len(f.sent)-1 {
		l.fail("a datagram arrived that was not the one sent: %+v", a)
	}
	if a.took < delay-clocks || a.took > delay+slack() {
		l.fail("a datagram took %v on a path of %v", a.took, delay)
	}
}

// The jitter is so large that the clocks' error does not matter.
const (
	spreadDelay = 150 * time.Millisecond
	spread      = 50 * time.Millisecond
	samples     = 2000
)

// jitterOf tests the distribution of a shape.
func jitterOf(s link.Shape) func(*Lab) {
	s.Delay, s.Jitter = spreadDelay, spread
	return func(l *Lab) { l.spreads(s) }
}

// spreads fails unless packets take as long as the shape says.
func (l *Lab) spreads(s link.Shape) {
	l.start(testSeed, 2)
	l.shape(s)
	f := l.flow(there)
	var took []time.Duration
	for _, a := range f.all(samples, samples/4) {
		took = append(took, a.took)
	}
	l.must(describe(s), delays(took, s, slack()))
}

// jitterOfTrace tests a distribution with two peaks, which no formula has.
func jitterOfTrace(l *Lab) {
	d, mean, jitter, err := link.ReadTrace(strings.NewReader(strings.Repeat("80\n90\n100\n", 30) + strings.Repeat("240\n250\n", 10)))
	l.must("read a trace", err)
	l.spreads(link.Shape{Delay: mean, Jitter: jitter, Distribution: d})
}

func keepsOrder(l *Lab) {
	l.start(testSeed, 2)
	f := l.flow(there)
	const ms = time.Millisecond
	for _, s := range []link.Shape{{}, {Delay: 5 * ms}, {Delay: 5 * ms, Rate: 20_000_000}, {Delay: 5 * ms, Jitter: 5 * ms, Rate: 20_000_000}} {
		l.shape(s)
		first := len(f.sent)
		if got := f.all(3*round, round); !inOrder(got) || len(missing(got, len(f.sent))) != first {
			l.fail("%s packets arrived as %v ..., %d of %d", describe(s), numbers(got)[:10], len(numbers(got)), 3*round)
		}
	}
	l.shape(link.Shape{Loss: 0.05})
	if got := f.through(5 * round); !inOrder(got) {
		l.fail("packets were reordered on a lossy path")
	}
}

func jitterReorders(l *Lab) {
	l.start(testSeed, 2)
	l.shape(link.Shape{Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond})
	got := l.flow(there).all(5*round, round)
	if inOrder(got) || len(missing(got, 5*round)) > 0 {
		l.fail("of 500 packets within 40 ms of jitter %d arrived, in order: %v", len(numbers(got)), inOrder(got))
	}
}
