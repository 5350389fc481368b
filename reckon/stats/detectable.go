package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Power is the chance of seeing a difference at which it counts as one that the data could have
// shown.
const Power = 0.8

// drawn is how many pairs of samples stand for all that might have come instead: the chance is
// known to within 0.06.
const drawn = 200

// Detectable returns the smallest difference that samples like these could have shown: the shift of
// all of one sample at which the rank test, two-sided at the level given, finds it with a chance of
// at least Power. It is found by simulation: both samples, each about its median, make one pool of
// what the values are without any difference; two samples of their sizes are drawn from it again
// and again, and one is shifted. Whole numbers are shifted by whole numbers.
//
// There is none (false) where no shift is found often enough, as with three values in each
// sample, and where all values of the pool are the same, which says nothing of how they would vary.
func Detectable(a, b []float64, level float64, rng *rand.Rand) (shift float64, ok bool) {
	pool, whole := residuals(a, b)
	if len(pool) == 0 {
		return 0, false
	}
	spread := spreadOf(pool)
	if spread == 0 {
		return 0, false
	}
	pairs := make([][2][]float64, drawn)
	for i := range pairs {
		pairs[i] = [2][]float64{drawSorted(pool, len(a), rng), drawSorted(pool, len(b), rng)}
	}
	step := 0.0
	if whole {
		step = 1
	}
	// Beyond the spread, samples do not even overlap.
	far := math.Ceil(spread) + 1
	if powerAt(pairs, far, level) < Power {
		return 0, false
	}
	low, high := 0.0, far
	for range 30 {
		mid := low + (high-low)/2
		if step > 0 {
			mid = math.Floor(mid)
		}
		if mid <= low || high-low <= high/50 && step == 0 {
			break
		}
		if powerAt(pairs, mid, level) >= Power {
			high = mid
		} else {
			low = mid
		}
	}
	return high, true
}

// residuals returns all values less the median of their sample, and whether all values
// are whole numbers; none where a median is no number.
func residuals(a, b []float64) (pool []float64, whole bool) {
	whole = true
	for _, x := range [][]float64{a, b} {
		m := Median(x)
		if math.IsNaN(m) || math.IsInf(m, 0) {
			return nil, false
		}
		for _, v := range x {
			whole = whole && (v == math.Trunc(v)) // so is an infinite one
		}
		if whole {
			m = math.Round(m)
		}
		for _, v := range x {
			pool = append(pool, v-m)
		}
	}
	return pool, whole
}

// spreadOf is from the least to the greatest of the finite values.
func spreadOf(x []float64) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return max(0, hi-lo)
}

func drawSorted(pool []float64, n int, rng *rand.Rand) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = pool[rng.IntN(len(pool))]
	}
	slices.Sort(x)
	return x
}

// powerAt returns the share of the pairs in which the test sees the second sample's shift.
func powerAt(pairs [][2][]float64, shift, level float64) float64 {
	seen := 0
	var shifted []float64
	for _, p := range pairs {
		shifted = shifted[:0]
		for _, v := range p[1] {
			shifted = append(shifted, v+shift)
		}
		u, ties := rankSorted(p[0], shifted)
		if quickP(u, ties, len(p[0]), len(shifted)) <= level {
			seen++
		}
	}
	return float64(seen) / float64(len(pairs))
}

// quickP is MannWhitney's P, but with ties the smaller of the approximation and of what there would
// be without ties, at a U no farther from the middle. Where ties are few the approximation is too
// large by half: drawing with replacement makes them within each sample, and would have nothing
// detectable in small ones.
func quickP(u, ties float64, n, m int) float64 {
	if n+m > exactUpTo {
		return approximate(u, ties, n, m)
	}
	d := untied(n, m)
	if ties == 0 {
		return d.twoSided(u)
	}
	nearer := math.Ceil(min(u, float64(n*m)-u))
	return max(min(approximate(u, ties, n, m), d.twoSided(nearer)), min(1, 2*d[0]))
}
