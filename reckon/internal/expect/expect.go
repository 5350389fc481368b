// Package expect works out what probes of a path may measure: bounds of their median delay and of
// how many are lost. It is pure.
package expect

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"gonum.org/v1/gonum/stat/distuv"
)

// How much is probed. Before the load every path is, up to MaxProbed of them, which
// is all between 17 hosts; of more, every host is at both ends of some and the rest is drawn.
const (
	MaxProbed    = 300
	Packets      = 10  // for a path that loses nothing
	LossyPackets = 200 // at most, for a path that does
	Budget       = 6000
)

// Payload is the bytes of a probe: its train's number, its own in that train, and a checksum of
// both.
const Payload = 12

// Bytes is the length of a probe, IP header included.
const Bytes = 20 + 8 + Payload

// clockError is what a delay may seem shorter than it was: kernels stamp packets on the
// real-time clock, which is converted and may be slewed meanwhile.
const clockError = 200 * time.Microsecond

// probability of what is taken for impossible. With a million judgements a night one in thirty
// nights would have a false alarm; a fabric that lies is off by far more.
const impossible = 1e-9

// Expectation is what probes of a path measure unless the path is not what it should be.
type Expectation struct {
	// Floor and Ceiling bound the median delay. Nothing travels faster than its delay, so the Floor
	// is exact but for clockError; the Ceiling allows for a busy machine.
	Floor, Ceiling time.Duration
	// Fewest and Most bound how many packets are lost.
	Fewest, Most int
}

// Of says what n probes in a row of a path with the shape measure, where the machine
// may be late by slack. Correlated loss is not bounded: n packets may be one burst.
func Of(s link.Shape, n int, slack time.Duration) Expectation {
	e := Expectation{Most: n}
	if s.Cut {
		e.Fewest = n
		return e
	}
	low, high := medianOf(s)
	if s.Rate > 0 {
		high = Latest(s) // packets leave in order, so a late one holds up the others
	}
	wire := OnTheWire(s, Bytes)
	e.Ceiling = high + time.Duration(n)*wire + slack // the probes themselves queue for the rate
	if s.Reorder == 0 {                              // what overtakes skips the delay and the queue
		e.Floor = max(low+wire-clockError, 0)
	}
	if s.Burst == (link.Burst{}) {
		e.Fewest, _ = binomial(n, s.Loss)
		_, e.Most = binomial(n, s.Loss+s.Corrupt*(1-s.Loss)) // a flipped bit fails a checksum, unless nobody looks
	}
	return e
}

// medianOf bounds the median of ten delays or more: that five of ten deviates all fall among the
// rarest hundredth on one side happens with a probability of 3e-8.
func medianOf(s link.Shape) (low, high time.Duration) {
	if s.Jitter == 0 {
		return s.Delay, s.Delay
	}
	lowest, highest := -1., 1.
	if t := s.Distribution.Table(); t != nil {
		t = slices.Clone(t)
		slices.Sort(t)
		lowest = float64(t[len(t)/100]) / link.Scale
		highest = float64(t[len(t)-1-len(t)/100]) / link.Scale
	}
	at := func(x float64) time.Duration { return max(s.Delay+time.Duration(x*float64(s.Jitter)), 0) }
	return at(lowest), at(highest)
}

// Latest is how late a probe can be by its shape, unless the rate delays it.
func Latest(s link.Shape) time.Duration {
	const deviate = 4 // the largest of a link.Table
	if s.Jitter == 0 {
		return s.Delay
	}
	return s.Delay + deviate*s.Jitter
}

// OnTheWire is how long the path's rate takes for a packet.
func OnTheWire(s link.Shape, bytes int) time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(math.Min(float64(bytes)*8/float64(s.Rate)*1e9, float64(time.Hour)))
}

// binomial bounds how often something of probability p happens in n trials, but for what is
// impossible on either side: fewest is the smallest k for which P(X <= k) is not impossible, most
// the largest for which P(X >= k) is not.
func binomial(n int, p float64) (fewest, most int) {
	switch {
	case p <= 0:
		return 0, 0
	case p >= 1:
		return n, n
	}
	b := distuv.Binomial{N: float64(n), P: p}
	fewest = sort.Search(n, func(k int) bool { return b.CDF(float64(k)) >= impossible })
	most = sort.Search(n, func(k int) bool { return b.Survival(float64(k)) < impossible })
	return fewest, most
}

// Enough is how many packets make it impossible that none of them meets what has probability p.
func Enough(p float64) int {
	const least = 3
	switch {
	case p >= 1:
		return least
	case p <= 0:
		return LossyPackets
	}
	return int(min(max(math.Ceil(math.Log(impossible)/math.Log1p(-p)), least), LossyPackets))
}

// Survives is the chance of a packet to arrive, in the long run.
func Survives(s link.Shape) float64 {
	return (1 - s.Loss) * (1 - s.Burst.Loss()) * (1 - s.Corrupt)
}

// Paths chooses at most limit of the paths between the hosts. Of more, it takes a ring through all
// hosts, so that each is heard and hears, and draws others.
func Paths(hosts []string, limit int, rng *rand.Rand) (paths []link.Path) {
	n := len(hosts)
	if n*(n-1) <= limit {
		for _, a := range hosts {
			for _, b := range hosts {
				if a != b {
					paths = append(paths, link.Path{From: a, To: b})
				}
			}
		}
		return paths
	}
	taken := map[link.Path]bool{}
	take := func(i, j int) {
		p := link.Path{From: hosts[i], To: hosts[j]}
		if i != j && !taken[p] {
			taken[p] = true
			paths = append(paths, p)
		}
	}
	ring := rng.Perm(n)
	for i := 0; i < n && len(paths) < limit; i++ {
		take(ring[i], ring[(i+1)%n])
	}
	for len(paths) < limit { // there are more than limit, so it ends
		take(rng.IntN(n), rng.IntN(n))
	}
	return paths
}
