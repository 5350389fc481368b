package expect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

const ms = time.Millisecond

func TestExpect(t *testing.T) {
	const slack = 100 * ms
	for _, c := range []struct {
		name  string
		shape link.Shape
		n     int
		want  Expectation
	}{
		{"a wire", link.Shape{}, 10, Expectation{0, slack, 0, 0}},
		{"a delay: nothing is faster, but for what clocks are off", link.Shape{Delay: 20 * ms}, 10, Expectation{20*ms - clockError, 120 * ms, 0, 0}},
		{"even jitter", link.Shape{Delay: 20 * ms, Jitter: 5 * ms}, 10, Expectation{15*ms - clockError, 125 * ms, 0, 0}},
		{"what overtakes skips the delay", link.Shape{Delay: 20 * ms, Reorder: 0.1}, 10, Expectation{0, 120 * ms, 0, 0}},
		{"a rate: 40 bytes take 8 ms, and ten queue", link.Shape{Rate: 40_000}, 10, Expectation{8*ms - clockError, 180 * ms, 0, 0}},
		{"a rate keeps the order: one late packet makes others late", link.Shape{Delay: 20 * ms, Jitter: 2 * ms, Rate: 400_000}, 10, Expectation{18*ms + 800*time.Microsecond - clockError, 136 * ms, 0, 0}},
		{"ten packets show little of a loss", link.Shape{Loss: 0.5}, 10, Expectation{0, slack, 0, 10}},
		{"two hundred do", link.Shape{Loss: 0.3}, 200, Expectation{0, slack, 24, 101}},
		{"a flipped bit may be a lost packet", link.Shape{Corrupt: 0.01}, 200, Expectation{0, slack, 0, 15}},
		{"a burst may be all of them", link.Shape{Burst: link.Burst{P: 0.01, R: 0.2, Bad: 1}}, 10, Expectation{0, slack, 0, 10}},
		{"a cut", link.Shape{Delay: 20 * ms, Cut: true}, 10, Expectation{0, 0, 10, 10}},
	} {
		if got := Of(c.shape, c.n, slack); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// The median of ten drawn delays is never out of bounds, whatever the distribution.
func TestExpectHoldsDrawnMedians(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range []link.Distribution{link.Uniform, link.Normal, link.Pareto} {
		s := link.Shape{Delay: 50 * ms, Jitter: 10 * ms, Distribution: d}
		e := Of(s, Packets, 0)
		for range 20_000 {
			var delays []time.Duration
			for range Packets {
				delays = append(delays, max(s.Delay+time.Duration(d.Draw(rng)*float64(s.Jitter)), 0))
			}
			slices.Sort(delays)
			if m := stats.Quantile(delays, 0.5); m < e.Floor || m > e.Ceiling {
				t.Fatalf("%s: median %v, bounds %v to %v", d, m, e.Floor, e.Ceiling)
			}
		}
		if width := e.Ceiling - e.Floor; width > 80*ms {
			t.Errorf("%s: bounds are %v apart: they exclude nothing", d, width)
		}
	}
}

func TestBinomial(t *testing.T) {
	for _, c := range []struct {
		n            int
		p            float64
		fewest, most int
	}{
		{10, 0, 0, 0},
		{10, 1, 10, 10},
		{10, 0.5, 0, 10},
		{10, 0.001, 0, 3},
		{100, 0.5, 21, 79},
		{1000, 0.01, 0, 34},
		{100_000, 0.3, 29133, 30871},
	} {
		if a, b := binomial(c.n, c.p); a != c.fewest || b != c.most {
			t.Errorf("%d trials of %v: %d to %d, want %d to %d", c.n, c.p, a, b, c.fewest, c.most)
		}
	}
	for _, p := range []float64{0.05, 0.3, 0.9, 0.999} {
		n := Enough(p)
		if none := math.Pow(1-p, float64(n)); none > impossible && n < LossyPackets {
			t.Errorf("%d trials of %v: none happens with %v", n, p, none)
		}
	}
}

// Every host is heard and hears, each path is probed once, and the seed decides which.
func TestToProbe(t *testing.T) {
	hosts := func(n int) (names []string) {
		for i := range n {
			names = append(names, string(rune('a'+i%26))+string(rune('a'+i/26)))
		}
		return names
	}
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(7, 7)) }
	for _, c := range []struct{ hosts, want int }{{1, 0}, {2, 2}, {5, 20}, {17, 272}, {18, MaxProbed}, {100, MaxProbed}, {300, MaxProbed}} {
		paths := Paths(hosts(c.hosts), MaxProbed, rng())
		from, to, seen := map[string]bool{}, map[string]bool{}, map[link.Path]bool{}
		for _, p := range paths {
			from[p.From], to[p.To], seen[p] = true, true, true
			if p.From == p.To {
				t.Errorf("%d hosts: path %s", c.hosts, p)
			}
		}
		if len(paths) != c.want || len(seen) != len(paths) {
			t.Errorf("%d hosts: %d paths, %d different; want %d", c.hosts, len(paths), len(seen), c.want)
		}
		if c.hosts > 1 && (len(from) != c.hosts || len(to) != c.hosts) {
			t.Errorf("%d hosts: %d are heard, %d hear", c.hosts, len(from), len(to))
		}
		if !slices.Equal(paths, Paths(hosts(c.hosts), MaxProbed, rng())) {
			t.Errorf("%d hosts: the same seed takes other paths", c.hosts)
		}
	}
}
