package stats

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Test is what a test of two samples says.
type Test struct {
	U     float64 // pairs in which the second sample's value is the larger, those that tie by half
	P     float64 // two-sided: how often equal distributions would differ as much
	Exact bool    // P counts permutations; otherwise it is the normal approximation
}

// exactUpTo is the size of both samples together up to which P is exact. The approximation is close
// far below it, unless there are ties, of which leader changes have little else.
const exactUpTo = 100

// MannWhitney returns the rank test of Mann and Whitney, "On a Test of Whether one of Two Random
// Variables is Stochastically Larger than the Other" (Annals of Mathematical Statistics, 1947).
//
// For up to 100 values P is exact: without ties by their recurrence, with ties by counting all ways
// to deal the observed values out to two samples (Streitberg and Röhmel's shift algorithm, 1986).
// Beyond, it is the normal approximation with corrections for ties and for continuity. Samples of
// which one is empty, or that hold one value only, tell nothing: P is 1.
func MannWhitney(a, b []float64) Test {
	x, y := sorted(a), sorted(b)
	u, ties := rankSorted(x, y)
	n, m := len(x), len(y)
	switch {
	case n == 0 || m == 0:
		return Test{U: u, P: 1, Exact: true}
	case n+m > exactUpTo:
		return Test{U: u, P: approximate(u, ties, n, m)}
	case ties == 0:
		return Test{U: u, P: untied(n, m).twoSided(u), Exact: true}
	}
	return Test{U: u, P: tied(x, y, u), Exact: true}
}

// rankSorted is U of two sorted samples, and the sum of t³ - t over groups of t equal values.
func rankSorted(a, b []float64) (u, ties float64) {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		v := math.Inf(1)
		if i < len(a) {
			v = a[i]
		}
		if j < len(b) {
			v = min(v, b[j])
		}
		i0, j0 := i, j
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		// The group's values of b exceed all i0 values before it, and tie with its own.
		u += float64(j-j0) * (float64(i0) + float64(i-i0)/2)
		if t := float64(i - i0 + j - j0); t > 1 {
			ties += t*t*t - t
		}
	}
	return u, ties
}

// approximate returns the two-sided P by the normal distribution, with a continuity correction of a
// half.
func approximate(u, ties float64, n, m int) float64 {
	nm, all := float64(n)*float64(m), float64(n+m)
	variance := nm / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 {
		return 1
	}
	z := max(0, math.Abs(u-nm/2)-0.5) / math.Sqrt(variance)
	return min(1, 2*distuv.UnitNormal.Survival(z))
}

// A null is U's distribution when nothing differs and nothing ties: at u the chance of at most u.
type null []float64

// twoSided returns the chance of a U at least as far from the middle, which is the distribution's
// centre of symmetry.
func (d null) twoSided(u float64) float64 {
	low := min(u, float64(len(d)-1)-u)
	return min(1, 2*d[int(low)])
}

var nulls sync.Map // of null by [2]int

// untied makes the distribution by the recurrence of Mann and Whitney (1947): the largest
// of n+m values is one of either sample.
func untied(n, m int) null {
	if n > m {
		n, m = m, n
	}
	key := [2]int{n, m}
	if d, ok := nulls.Load(key); ok {
		return d.(null)
	}
	// ways[j] is, for i values of one sample and j of the other, the number of orders with each U.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = []float64{1}
	}
	for i := 1; i <= n; i++ {
		ways[0] = []float64{1}
		for j := 1; j <= m; j++ {
			next := make([]float64, i*j+1)
			for u := range next {
				if u >= j && u-j < len(ways[j]) {
					next[u] = ways[j][u-j] // the largest is of the first sample: it exceeds j
				}
				if u < len(ways[j-1]) {
					next[u] += ways[j-1][u]
				}
			}
			ways[j] = next
		}
	}
	d := null(cumulated(ways[m]))
	nulls.Store(key, d)
	return d
}

// cumulated makes counts into the share of at most each.
func cumulated(counts []float64) []float64 {
	all := 0.0
	for _, c := range counts {
		all += c
	}
	sum := 0.0
	for i, c := range counts {
		sum += c
		counts[i] = sum / all
	}
	return counts
}

// tied returns the exact two-sided P of U given the values and their ties: the share of all ways to
// deal the values out that puts the rank sum of b at least as far from its mean.
func tied(a, b []float64, u float64) float64 {
	ranks := doubledRanks(a, b)
	m := len(b)
	top := 0
	for _, r := range ranks {
		top += r
	}
	// ways[k][s] is the number of ways to choose k values with doubled rank sum s.
	ways := make([][]float64, m+1)
	for k := range ways {
		ways[k] = make([]float64, top+1)
	}
	ways[0][0] = 1
	reach := 0
	for i, r := range ranks {
		reach += r
		for k := min(m, i+1); k > 0; k-- {
			from, to := ways[k-1], ways[k]
			for s := reach; s >= r; s-- {
				to[s] += from[s-r]
			}
		}
	}
	// U is b's rank sum less what b's own values contribute to it; the mean of the doubled sum is m
	// (n + m + 1).
	off := math.Abs(2*u - float64(len(a)*m))
	mean := m * (len(ranks) + 1)
	far, all := 0.0, 0.0
	for s, c := range ways[m] {
		all += c
		if math.Abs(float64(s-mean)) >= off {
			far += c
		}
	}
	return min(1, far/all)
}

// doubledRanks are twice the ranks of all values, equal ones sharing their mean rank: whole
// numbers.
func doubledRanks(a, b []float64) []int {
	all := sorted(append(append([]float64{}, a...), b...))
	ranks := make([]int, len(all))
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[k] = i + 1 + j // twice the mean of i+1 ... j
		}
		i = j
	}
	return ranks
}
