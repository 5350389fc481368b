// Package stats compares two small samples without assuming how they are
// distributed: medians, an interval for their difference, a rank test, a
// correction for many tests, and how small a difference such data could have shown.
//
// Recovery times are skewed, have a few modes and sometimes no end, so nothing here assumes a
// normal distribution. A value that is only known to be longer than everything that was observed is
// +Inf: ranks and medians take it as it is.
//
// The package is pure: the same samples and seed give the same numbers. It does not accept NaN:
// leave missing values out.
package stats

import (
	"math"
	"slices"
)

// Level is the accepted probability of calling equal things different.
const Level = 0.05

// Median returns the middle of the values, or the mean of the two in the middle; NaN for none.
func Median(values []float64) float64 { return medianSorted(sorted(values)) }

func medianSorted(x []float64) float64 { return QuantileSorted(x, 0.5) }

// QuantileSorted returns the value below which the share p of the sorted ones lies, linear between
// the two nearest ranks (the seventh of the rules that Hyndman and Fan, "Sample Quantiles in
// Statistical Packages", The American Statistician, 1996, list); a half of them is the Median. It
// is infinite where one of the two is; NaN for none.
func QuantileSorted(x []float64, p float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	rank := p * float64(len(x)-1)
	low := min(int(rank), len(x)-1)
	share := rank - float64(low)
	if share == 0 || x[low] == x[low+1] {
		return x[low]
	}
	return x[low]*(1-share) + x[low+1]*share
}

// middle is between the two; equal ones, also infinite, are their own middle.
func middle(a, b float64) float64 {
	if a == b {
		return a
	}
	return a/2 + b/2
}

// sorted returns a sorted copy.
func sorted(values []float64) []float64 {
	x := slices.Clone(values)
	slices.Sort(x)
	return x
}

// Round returns x rounded to so many decimals, for numbers that people read, too.
func Round(x float64, decimals int) float64 {
	scale := 1.0
	for range decimals {
		scale *= 10
	}
	if x < 0 {
		return -Round(-x, decimals)
	}
	return float64(int64(x*scale+0.5)) / scale
}
