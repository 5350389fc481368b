package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// An Interval is a confidence interval. A limit may be infinite where values are.
type Interval struct{ Low, High float64 }

// Holds reports whether x lies in the interval.
func (i Interval) Holds(x float64) bool { return i.Low <= x && x <= i.High }

// MinRepeats is the number of values in each sample below which there is no interval: of four
// values the bootstrap excludes 0 twice as often as it says, where nothing differs.
const MinRepeats = 5

// Resamples is how many bootstrap samples an interval is made of.
const Resamples = 10_000

// DifferenceOfMedians returns the interval, at confidence 1 - Level, of the median of b less the
// median of a, by the bias-corrected and accelerated bootstrap (BCa) of Efron, "Better Bootstrap
// Confidence Intervals" (Journal of the American Statistical Association, 1987), with the
// acceleration of both samples' jackknife.
//
// At neither end it is shorter than the plain percentile interval. Values in two lumps, as of
// recoveries that take one time-out or two, or in whole numbers, have a median that jumps; the
// correction for bias then takes a jump for a bias, and BCa alone excludes 0 in a tenth to a
// quarter of all comparisons in which nothing differs (simulated, 6 to 50 values).
//
// Where resampled medians of both are infinite their difference is not known, and may be anything:
// it counts as -Inf for the lower limit and as +Inf for the upper one. There is none (false) for
// fewer than MinRepeats values in a sample, where the medians themselves are such, and where the
// limits are -Inf and +Inf. Samples whose medians do not move under resampling (nearly all values
// tie) have an interval of one point.
func DifferenceOfMedians(a, b []float64, rng *rand.Rand) (Interval, bool) {
	return interval(a, b, Resamples, rng)
}

func interval(a, b []float64, resamples int, rng *rand.Rand) (Interval, bool) {
	if min(len(a), len(b)) < MinRepeats {
		return Interval{}, false
	}
	x, y := sorted(a), sorted(b)
	observed := medianSorted(y) - medianSorted(x)
	da, db := newMedians(x, rng), newMedians(y, rng)
	if math.IsNaN(observed) {
		return Interval{}, false
	}
	boot := make([]float64, 0, resamples) // those that are known
	below := 0.0
	for range resamples {
		d := db.draw() - da.draw()
		switch {
		case math.IsNaN(d):
			below += 0.5
			continue
		case d < observed:
			below++
		case d == observed: // an order statistic often repeats: by half
			below += 0.5
		}
		boot = append(boot, d)
	}
	slices.Sort(boot)
	// Never 0 or 1, for whose quantiles there is no number.
	all := float64(resamples)
	share := min(max(below, 0.5), all-0.5) / all
	bias, accel := distuv.UnitNormal.Quantile(share), acceleration(x, y)
	limit := func(z float64) float64 {
		return distuv.UnitNormal.CDF(bias + (bias+z)/(1-accel*(bias+z)))
	}
	z := distuv.UnitNormal.Quantile(1 - Level/2)
	low := int(all * min(limit(-z), Level/2))
	high := int(math.Ceil(all*max(limit(z), 1-Level/2))) - 1
	low, high = max(low, 0)-(resamples-len(boot)), min(high, resamples-1)
	i := Interval{math.Inf(-1), math.Inf(1)}
	if low >= 0 {
		i.Low = boot[low]
	}
	if high < len(boot) {
		i.High = boot[high]
	}
	return i, !math.IsInf(i.Low, -1) || !math.IsInf(i.High, 1)
}

// acceleration returns how the spread of the difference changes with its value, from
// the jackknife: each median with each value left out in turn. 0 where it has no finite answer.
func acceleration(a, b []float64) float64 {
	third, second := 0.0, 0.0
	for side, x := range [][]float64{a, b} {
		sign, n := float64(2*side-1), float64(len(x)) // a counts against the difference
		mean := 0.0
		for i := range x {
			mean += medianWithout(x, i) / n
		}
		for i := range x {
			d := sign * (n - 1) * (mean - medianWithout(x, i))
			third += d * d * d / (n * n * n)
			second += d * d / (n * n)
		}
	}
	if accel := third / (6 * math.Pow(second, 1.5)); !math.IsNaN(accel) && !math.IsInf(accel, 0) {
		return accel
	}
	return 0
}

// medianWithout returns the median of the sorted values without the i-th.
func medianWithout(x []float64, i int) float64 {
	at := func(k int) float64 {
		if k >= i {
			k++
		}
		return x[k]
	}
	n := len(x) - 1
	return middle(at((n-1)/2), at(n/2))
}

// medians draws medians of bootstrap samples. A median is one or two order
// statistics, and those of n uniform numbers have a known distribution (Beta), so that a
// draw costs the same for a thousand values as for ten.
type medians struct {
	sorted []float64
	middle distuv.Beta // the lower of the ranks in the middle
	rng    *rand.Rand
}

func newMedians(sorted []float64, rng *rand.Rand) medians {
	n := len(sorted)
	k := (n + 1) / 2
	return medians{sorted, distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1), Src: rng}, rng}
}

func (m medians) draw() float64 {
	n := len(m.sorted)
	u := m.middle.Rand()
	low := m.at(u)
	if n%2 == 1 {
		return low
	}
	// The next rank is the least of those n/2 that lie evenly above u.
	above := 1 - math.Pow(1-m.rng.Float64(), 2/float64(n))
	return middle(low, m.at(u+(1-u)*above))
}

// at returns the value that the uniform number u picks.
func (m medians) at(u float64) float64 {
	n := len(m.sorted)
	return m.sorted[min(int(u*float64(n)), n-1)]
}
