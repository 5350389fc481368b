package linkverify

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"gonum.org/v1/gonum/stat/distuv"
)

// How much is probed. Before the load every path is, up to maxProbed of them, which
// is all between 17 hosts; of more, every host is at both ends of some and the rest is drawn.
const (
	maxProbed    = 300
	probePackets = 10  // for a path that loses nothing
	lossyPackets = 200 // at most, for a path that does
	probeBudget  = 6000
)

// probePayload is a burst's number, the probe's own in that burst, and a checksum of both.
const probePayload = 12

// probeBytes is the length of a probe, IP header included.
const probeBytes = 20 + 8 + probePayload

// clockError is what a delay may seem shorter than it was: kernels stamp packets on the
// real-time clock, which is converted and may be slewed meanwhile.
const clockError = 200 * time.Microsecond

// probability of what is taken for impossible. With a million judgements a night one in thirty
// nights would have a false alarm; a fabric that lies is off by far more.
const impossible = 1e-9

// expectation is what probes of a path measure unless the path is not what it should be.
type expectation struct {
	// floor and ceiling bound the median delay. Nothing travels faster than its delay, so the floor is exact but
	// for clockError; the ceiling allows for a busy machine.
	floor, ceiling time.Duration
	// fewest and most bound how many packets are lost.
	fewest, most int
}

// expect says what n probes in a row of a path with the shape measure, where the machine
// may be late by slack. Correlated loss is not bounded: n packets may be one burst.
func expect(s link.Shape, n int, slack time.Duration) expectation {
	e := expectation{most: n}
	if s.Cut {
		e.fewest = n
		return e
	}
	low, high := medianOf(s)
	if s.Rate > 0 {
		high = latest(s) // packets leave in order, so a late one holds up the others
	}
	wire := onTheWire(s, probeBytes)
	e.ceiling = high + time.Duration(n)*wire + slack // the probes themselves queue for the rate
	if s.Reorder == 0 {                              // what overtakes skips the delay and the queue
		e.floor = max(low+wire-clockError, 0)
	}
	if s.Burst == (link.Burst{}) {
		e.fewest, _ = binomial(n, s.Loss)
		_, e.most = binomial(n, s.Loss+s.Corrupt*(1-s.Loss)) // a flipped bit fails a checksum, unless nobody looks
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

// latest is how late a probe can be by its shape, unless the rate delays it.
func latest(s link.Shape) time.Duration {
	const deviate = 4 // the largest of a link.Table
	if s.Jitter == 0 {
		return s.Delay
	}
	return s.Delay + deviate*s.Jitter
}

// onTheWire is how long the path's rate takes for a packet.
func onTheWire(s link.Shape, bytes int) time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(math.Min(float64(bytes)*8/float64(s.Rate)*1e9, float64(time.Hour)))
}

// binomial bounds how often something of probability p happens in n trials, but for what is impossible on either side: fewest is
// the smallest k for which P(X <= k) is not impossible, most the largest for which P(X >= k) is not.
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

// enough is how many packets make it impossible that none of them meets what has probability p.
func enough(p float64) int {
	const least = 3
	switch {
	case p >= 1:
		return least
	case p <= 0:
		return lossyPackets
	}
	return int(min(max(math.Ceil(math.Log(impossible)/math.Log1p(-p)), least), lossyPackets))
}

// survives is the chance of a packet to arrive, in the long run.
func survives(s link.Shape) float64 {
	return (1 - s.Loss) * (1 - s.Burst.Loss()) * (1 - s.Corrupt)
}

// toProbe chooses at most limit of the paths between the hosts. Of more, it takes a ring through all hosts,
// so that each is heard and hears, and draws others.
func toProbe(hosts []string, limit int, rng *rand.Rand) (paths []link.Path) {
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
