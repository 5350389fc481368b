package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// likeRuns are distributions that measures of runs have: skewed, in two lumps, in whole numbers,
// without end.
func likeRuns(rng *rand.Rand) map[string]func() float64 {
	lumps := func() float64 { return 1000 + 1000*float64(rng.IntN(2)) + 30*rng.NormFloat64() }
	return map[string]func() float64{
		"lognormal": func() float64 { return math.Exp(rng.NormFloat64()) },
		"two lumps": lumps,
		"1 or 2":    func() float64 { return float64(1 + rng.IntN(2)) },
		"mostly 1":  func() float64 { return 1 + float64(rng.IntN(5)/4) },
		"a fifth never": func() float64 {
			if rng.IntN(5) == 0 {
				return math.Inf(1)
			}
			return lumps()
		},
	}
}

// Where nothing differs, the interval excludes 0, and the test rejects, no more
// often than the level says.
func TestNothingDiffersNoMoreOftenThanTheLevel(t *testing.T) {
	pairs := 400
	if testing.Short() {
		pairs = 50
	}
	rng := rand.New(rand.NewPCG(11, 12))
	for name, next := range likeRuns(rng) {
		for _, n := range [][2]int{{5, 5}, {6, 6}, {10, 7}, {20, 20}, {60, 60}} {
			excluded, rejected := 0, 0
			for range pairs {
				a, b := draw(n[0], next), draw(n[1], next)
				if i, ok := interval(a, b, 1000, rng); ok && !i.Holds(0) {
					excluded++
				}
				if MannWhitney(a, b).P <= Level {
					rejected++
				}
			}
			atMost(t, fmt.Sprintf("interval of %s, %v values", name, n), excluded, pairs, Level)
			atMost(t, fmt.Sprintf("test of %s, %v values", name, n), rejected, pairs, Level)
		}
	}
}

// Of thirteen measures of the same runs, which hang together, the corrected
// tests call any one different no more often than the level says.
func TestCorrectedTestsKeepTheLevelTogether(t *testing.T) {
	const comparisons, measures, repeats = 400, 13, 20
	rng := rand.New(rand.NewPCG(21, 22))
	rejected := 0
	for range comparisons {
		var sides [2][measures][]float64
		for s := range sides {
			for range repeats {
				shared := rng.NormFloat64()
				for m := range measures {
					sides[s][m] = append(sides[s][m], shared+0.7*rng.NormFloat64())
				}
			}
		}
		var p []float64
		for m := range measures {
			p = append(p, MannWhitney(sides[0][m], sides[1][m]).P)
		}
		for _, c := range Holm(p) {
			if c <= Level {
				rejected++
				break
			}
		}
	}
	atMost(t, "any of thirteen", rejected, comparisons, Level)
}

// A difference of the size that is called detectable is detected about as often as is said.
func TestDetectableIsDetected(t *testing.T) {
	for _, c := range []struct {
		n     int
		level float64
	}{{8, Level}, {20, Level / 13}, {60, Level}} {
		rng := rand.New(rand.NewPCG(31, uint64(c.n)))
		a, b := draw(c.n, rng.ExpFloat64), draw(c.n, rng.ExpFloat64)
		shift, ok := Detectable(a, b, c.level, rng)
		if !ok {
			t.Fatalf("n = %d: nothing is detectable", c.n)
		}
		pool, _ := residuals(a, b)
		const trials = 500
		seen := 0
		for range trials {
			y := drawSorted(pool, c.n, rng)
			for i := range y {
				y[i] += shift
			}
			if MannWhitney(drawSorted(pool, c.n, rng), y).P <= c.level {
				seen++
			}
		}
		// Both simulations are known to within some 0.09, 99.9 % of the time; exact and approximate
		// P of ties differ a little, too.
		near(t, fmt.Sprintf("n = %d: power at %.3f", c.n, shift), float64(seen)/trials, Power, 0.12)
	}
}

func TestDetectableOfWhatShowsNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	if d, ok := Detectable([]float64{1, 2, 3}, []float64{4, 5, 6}, Level, rng); ok {
		t.Errorf("three values each could have shown %v", d)
	}
	if d, ok := Detectable(draw(9, func() float64 { return 4 }), draw(9, func() float64 { return 4 }), Level, rng); ok {
		t.Errorf("values that do not vary could have shown %v", d)
	}
	whole := func() float64 { return float64(1 + rng.IntN(3)) }
	if d, ok := Detectable(draw(20, whole), draw(20, whole), Level, rng); !ok || d != math.Trunc(d) || d < 1 {
		t.Errorf("counts could have shown a difference of %v, %v", d, ok)
	}
}

// Six values each, none of which overlap, have a P of 2/924: thirteen tests leave that.
func TestAFarShiftOfSixIsDetectable(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	a, b := draw(6, rng.NormFloat64), draw(6, rng.NormFloat64)
	if d, ok := Detectable(a, b, Level/13, rng); !ok || d > 20 {
		t.Errorf("six values each could have shown %v, %v", d, ok)
	}
}

func BenchmarkOneMeasureOfThousandRuns(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := draw(1000, rng.ExpFloat64), draw(1000, rng.ExpFloat64)
	for b.Loop() {
		MannWhitney(x, y)
		DifferenceOfMedians(x, y, rng)
		Detectable(x, y, Level/13, rng)
	}
}
