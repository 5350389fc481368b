package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestMedian(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		of   []float64
		want float64
	}{
		{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{1, inf, 2}, 2},
		{[]float64{1, inf}, inf}, {[]float64{inf, inf, 1}, inf}, {[]float64{inf, inf}, inf},
	} {
		if got := Median(c.of); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("nothing has a median")
	}
}

// The table of Mann and Whitney (1947) gives the chance of at most U for two
// samples of four values, and of three.
func TestMannWhitneyTable(t *testing.T) {
	for _, c := range []struct {
		n, m int
		want []float64
	}{
		{3, 3, []float64{.050, .100, .200, .350, .500, .650}},
		{4, 4, []float64{.014, .029, .057, .100, .171, .243, .343, .443, .557}},
	} {
		d := untied(c.n, c.m)
		for u, want := range c.want {
			near(t, fmt.Sprintf("P(U <= %d) of %d and %d", u, c.n, c.m), d[u], want, 0.0005)
		}
	}
}

// Values of others: permeability is of Hollander and Wolfe, "Nonparametric Statistical Methods"
// (1973), as in R's help page of wilcox.test (W = 35, one-sided P 0.1272); diabetes is of SciPy's
// help page of mannwhitneyu; the samples with ties were given to SciPy 1.10, and to a loop over all
// permutations that ranks with SciPy.
func TestMannWhitneyAgreesWithOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		a, b  []float64
		u, p  float64
		exact bool
	}{
		{"permeability", []float64{1.15, 0.88, 0.90, 0.74, 1.21}, []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, 35, 0.2544122544122544, true},
		{"diabetes", []float64{20, 11, 17, 12}, []float64{19, 22, 16, 29, 24}, 17, 0.1111111111111111, true},
		{"ties, all permutations", []float64{1, 1, 2, 2, 3, 1, 1}, []float64{2, 3, 3, 2, 4, 2}, 42 - 7, 0.03787878787878788, true},
		{"ties, approximated", tiesA, tiesB, 3600 - 1417.5, 0.04401573441247426, false},
	} {
		got := MannWhitney(c.a, c.b)
		near(t, c.name+": U", got.U, c.u, 0)
		near(t, c.name+": P", got.P, c.p, 1e-12)
		if got.Exact != c.exact {
			t.Errorf("%s: exact is %v", c.name, got.Exact)
		}
		back := MannWhitney(c.b, c.a)
		near(t, c.name+" the other way: P", back.P, c.p, 1e-12)
		near(t, c.name+" the other way: U", back.U+got.U, float64(len(c.a)*len(c.b)), 0)
	}
}

var (
	tiesA = []float64{5, 4, 3, 5, 3, 7, 5, 4, 1, 0, 1, 5, 4, 1, 5, 2, 2, 9, 4, 5, 5, 1, 5, 17, 1, 7, 8, 8, 2, 3, 1, 4, 10, 2, 0, 4, 8, 3, 13, 3, 4, 1, 3, 7, 8, 10, 7, 6, 0, 2, 19, 2, 7, 4, 7, 4, 1, 2, 5, 3}
	tiesB = []float64{0, 8, 12, 11, 11, 1, 17, 5, 2, 4, 3, 2, 5, 6, 5, 6, 5, 3, 3, 8, 1, 3, 11, 7, 9, 5, 2, 4, 6, 4, 5, 6, 10, 4, 12, 5, 11, 12, 17, 12, 12, 17, 1, 2, 12, 0, 6, 6, 1, 2, 9, 8, 3, 3, 3, 8, 1, 6, 1, 11}
)

// The two exact ways count the same where nothing ties, and the approximation comes close where
// there is much to count.
func TestMannWhitneyWaysAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		a, b := draw(4+rng.IntN(30), rng.NormFloat64), draw(4+rng.IntN(30), func() float64 { return rng.NormFloat64() + 0.7 })
		u, ties := rankSorted(sorted(a), sorted(b))
		byRecurrence := untied(len(a), len(b)).twoSided(u)
		near(t, "P by permutations", tied(a, b, u), byRecurrence, 1e-9)
		if len(a)+len(b) > 30 && byRecurrence > 0.001 {
			near(t, "P by the normal distribution", approximate(u, ties, len(a), len(b)), byRecurrence, 0.02)
		}
	}
}

func TestMannWhitneyOfWhatTellsNothing(t *testing.T) {
	same := make([]float64, 80)
	for _, c := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{2, 2, 2}, {2, 2}}, {same, same}, {{math.Inf(1)}, {math.Inf(1)}}} {
		if p := MannWhitney(c[0], c[1]).P; p != 1 {
			t.Errorf("P of %v and %v is %v", c[0], c[1], p)
		}
	}
	// What never ended is longer than all that did.
	inf := math.Inf(1)
	near(t, "P with censored values", MannWhitney([]float64{1, 2, 3, 4}, []float64{inf, inf, inf, 5}).P, MannWhitney([]float64{1, 2, 3, 4}, []float64{9, 9, 9, 5}).P, 0)
}

// R's p.adjust(c(.01, .04, .03, .005), "holm") is .03 .06 .06 .02.
func TestHolm(t *testing.T) {
	got := Holm([]float64{.01, .04, .03, .005})
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, fmt.Sprint("corrected P ", i), got[i], want, 1e-12)
	}
	if got := Holm([]float64{0.7, 0.9}); got[0] != 1 || got[1] != 1 {
		t.Errorf("corrected to %v", got)
	}
}

// Two samples for which the same formulas were worked out with NumPy and 400,000 plain
// resamples, three times: acceleration -0.0014469, bias 0.028 to 0.033, limits 120 and 391
// (SciPy 1.10's own interpolated ones: 117.5 and 391).
func TestIntervalAgreesWithPlainResampling(t *testing.T) {
	a := []float64{1210, 1340, 1105, 1490, 1260, 1950, 1180, 1305, 1222, 1418, 1275}
	b := []float64{1460, 1385, 1720, 1555, 1610, 1290, 2410, 1502, 1480, 1667, 1533, 1601}
	near(t, "acceleration", acceleration(sorted(a), sorted(b)), -0.001446891148460245, 1e-12)
	i, ok := DifferenceOfMedians(a, b, rand.New(rand.NewPCG(1, 1)))
	if !ok {
		t.Fatal("no interval")
	}
	near(t, "low", i.Low, 118, 3)
	near(t, "high", i.High, 390, 2)
	again, _ := DifferenceOfMedians(a, b, rand.New(rand.NewPCG(1, 1)))
	if again != i {
		t.Errorf("the same seed gives %v and %v", i, again)
	}
}

// Medians drawn by their order statistics are distributed as medians of values drawn one by one.
func TestMediansAreDrawnAsTheyFall(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{6, 7, 20, 31} {
		x := sorted(draw(n, rng.ExpFloat64))
		quick := newMedians(x, rng)
		const draws = 20_000
		var q, p []float64
		for range draws {
			q = append(q, quick.draw())
			p = append(p, medianSorted(drawSorted(x, n, rng)))
		}
		// The largest distance of two empirical distributions (Kolmogorov and Smirnov) exceeds this
		// once in a thousand times.
		far, limit := distance(sorted(q), sorted(p)), 1.95*math.Sqrt(2./draws)
		if far > limit {
			t.Errorf("n = %d: distributions are %.4f apart, more than %.4f", n, far, limit)
		}
	}
}

func distance(a, b []float64) (most float64) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		v := min(a[i], b[j])
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

func TestIntervalOfWhatHasNone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	inf := math.Inf(1)
	if _, ok := DifferenceOfMedians(make([]float64, MinRepeats-1), make([]float64, 50), rng); ok {
		t.Error("an interval from too few values")
	}
	never := []float64{inf, inf, inf, inf, inf, inf}
	if _, ok := DifferenceOfMedians(never, never, rng); ok {
		t.Error("an interval of a difference that nobody knows")
	}
	got, ok := DifferenceOfMedians([]float64{1, 2, 3, 4, 5, 6}, never, rng)
	if !ok || !math.IsInf(got.Low, 1) {
		t.Errorf("an endless outage is %v, %v longer", got, ok)
	}
	same, ok := DifferenceOfMedians([]float64{1, 1, 1, 1, 1, 1}, []float64{3, 3, 3, 3, 3, 3}, rng)
	if !ok || same != (Interval{2, 2}) {
		t.Errorf("samples that do not vary differ by %v, %v", same, ok)
	}
}

func draw(n int, next func() float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = next()
	}
	return x
}

// atMost fails where so many of n would come up less than once in a thousand times if each came
// with at most the chance given.
func atMost(t *testing.T, what string, seen, n int, chance float64) {
	t.Helper()
	limit := 0
	for (distuv.Binomial{N: float64(n), P: chance}).Survival(float64(limit)) > 0.001 {
		limit++
	}
	if seen > limit {
		t.Errorf("%s: %d of %d, and %d would be the most for a chance of %v", what, seen, n, limit, chance)
	}
}

// One resample in a thousand of which the difference is not known does not take the interval away.
func TestIntervalWithFewUnknownResamples(t *testing.T) {
	inf := math.Inf(1)
	a := []float64{1, 2, 3, 4, 5, 6, 7, inf, inf, inf}
	i, ok := DifferenceOfMedians(a, a, rand.New(rand.NewPCG(1, 1)))
	if ok || i.Low > i.High {
		t.Errorf("in both a third never: %v, %v", i, ok)
	}
	b := []float64{11, 12, 13, 14, 15, 16, 17, 18, 19, inf}
	if i, ok := DifferenceOfMedians(a, b, rand.New(rand.NewPCG(1, 1))); !ok || math.IsInf(i.High, 0) {
		t.Errorf("a third and a tenth never: %v, %v", i, ok)
	}
}
