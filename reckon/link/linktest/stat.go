package linktest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

// Bounds in standard deviations: 99.9 % of all outcomes, and practically all.
const (
	sigma999 = 3.29
	sigmaAll = 5.0
)

// binomial returns an error if k of n is inconsistent with probability p. One more or less allows
// for the normal approximation.
func binomial(what string, k, n int, p, sigma float64) error {
	mean, width := float64(n)*p, sigma*math.Sqrt(float64(n)*p*(1-p))
	if width > 0 {
		width++
	}
	if math.Abs(float64(k)-mean) <= width {
		return nil
	}
	return fmt.Errorf("%s: %d of %d, want %.0f ± %.0f", what, k, n, mean, width)
}

// runs returns the lengths of the runs of successive numbers in ns, which must be sorted.
func runs(ns []int) (lengths []int) {
	for i, n := range ns {
		if i == 0 || n != ns[i-1]+1 {
			lengths = append(lengths, 0)
		}
		lengths[len(lengths)-1]++
	}
	return lengths
}

// bursts returns an error if the lengths are inconsistent with bursts that end with probability r
// at each packet: they are geometrically distributed, with mean 1/r and variance (1-r)/r².
func bursts(lengths []int, r, sigma float64) error {
	sum := 0
	for _, n := range lengths {
		sum += n
	}
	mean, width := float64(sum)/float64(len(lengths)), sigma*math.Sqrt((1-r)/float64(len(lengths)))/r
	if math.Abs(mean-1/r) <= width {
		return nil
	}
	return fmt.Errorf("%d bursts of %.2f packets on average, want %.2f ± %.2f", len(lengths), mean, 1/r, width)
}

// delays returns an error if the times that packets took are inconsistent with a path with jitter.
// By the Dvoretzky-Kiefer-Wolfowitz inequality (Massart 1990) the empirical distribution of n
// samples is nowhere further than eps from the true one, in all but 0.1 % of cases. Packets may be
// late by the given time, and early by the error of the clocks.
func delays(took []time.Duration, s link.Shape, late time.Duration) error {
	const early = 100 * time.Microsecond
	eps := math.Sqrt(math.Log(2/0.001) / (2 * float64(len(took))))
	slices.Sort(took)
	truth := reference(s)
	for _, p := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
		got := stats.Quantile(took, p)
		low := stats.Quantile(truth, max(p-eps, 0)) - early
		high := stats.Quantile(truth, min(p+eps, 1)) + late
		if got < low || got > high {
			return fmt.Errorf("%v %% of the packets took %v at most, want from %v to %v", 100*p, got, low, high)
		}
	}
	if first := truth[0] - early; took[0] < first {
		return fmt.Errorf("a packet took %v, want at least %v", took[0], first)
	}
	return nil
}

// reference returns a large sorted sample of the shape's delays.
func reference(s link.Shape) []time.Duration {
	rng, table := rand.New(rand.NewPCG(1, 2)), s.Distribution.Table()
	ds := make([]time.Duration, 100_000)
	for i := range ds {
		ds[i] = max(0, s.Delay+time.Duration(float64(s.Jitter)*table.Draw(rng)))
	}
	slices.Sort(ds)
	return ds
}
