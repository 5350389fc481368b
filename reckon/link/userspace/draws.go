package userspace

import (
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// draws are the random streams of a path: one for each kind of chance, so that a path which is to corrupt
// packets, too, still loses the same ones. They are drawn from in the order of the path's packets, and made at the first draw.
type draws struct {
	seed uint64
	path link.Path

	loss, burst, duplicate, corrupt, reorder, jitter *rand.Rand
}

// stream is the stream kept at r.
func (d *draws) stream(r **rand.Rand, kind string) *rand.Rand {
	if *r == nil {
		*r = seed.Stream(d.seed, "link "+d.path.String()+" "+kind)
	}
	return *r
}

// chance draws whether something of probability p happens. The impossible is not drawn for.
func (d *draws) chance(r **rand.Rand, kind string, p float64) bool {
	return p > 0 && d.stream(r, kind).Float64() < p
}
