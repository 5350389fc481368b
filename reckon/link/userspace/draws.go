package userspace

import (
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// draws holds the random streams of a path, one for each kind of chance, so that adding corruption
// to a path does not change which packets it loses. Values are drawn in the order of the path's
// packets; a stream is made at its first draw.
type draws struct {
	seed uint64
	path link.Path

	loss, burst, duplicate, corrupt, reorder, jitter *rand.Rand
}

// stream returns the stream kept at r, and makes it on first use.
func (d *draws) stream(r **rand.Rand, kind string) *rand.Rand {
	if *r == nil {
		*r = seed.Stream(d.seed, "link "+d.path.String()+" "+kind)
	}
	return *r
}

// chance draws whether an event of probability p happens. It draws nothing if p is 0.
func (d *draws) chance(r **rand.Rand, kind string, p float64) bool {
	return p > 0 && d.stream(r, kind).Float64() < p
}
