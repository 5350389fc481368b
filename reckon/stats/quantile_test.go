package stats

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.01, 1}, {0.1, 1}, {0.11, 2}, {0.5, 5}, {0.99, 10}, {1, 10}} {
		if got := Quantile([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, c.q); got != c.want {
			t.Errorf("quantile %v is %d, want %d", c.q, got, c.want)
		}
	}
}

// A quantile is what counting says: at least the share q does not exceed it, and of no smaller
// sample is that so.
func TestQuantileByCounting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		samples := make([]int, 1+rng.IntN(50))
		for i := range samples {
			samples[i] = rng.IntN(20)
		}
		slices.Sort(samples)
		q := rng.Float64()
		got := Quantile(samples, q)
		share := func(x int) float64 {
			n := 0
			for _, s := range samples {
				if s <= x {
					n++
				}
			}
			return float64(n) / float64(len(samples))
		}
		if share(got) < q || got > samples[0] && share(got-1) >= q && slices.Contains(samples, got-1) {
			t.Fatalf("quantile %v of %v is %d", q, samples, got)
		}
	}
}
