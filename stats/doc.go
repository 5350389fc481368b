// Package stats compares two small samples without assuming how they are
// distributed: medians, an interval for their difference, a rank test, a
// correction for many tests, and how small a difference such data could have shown.
//
// Recovery times are skewed, have a few modes and now and then no end, so
// nothing here asks for a normal distribution. A value that is only known to be longer than
// everything that was observed is +Inf: ranks and medians take it as it is.
//
// The package is pure: the same samples and seed give the same numbers.
// It refuses NaN: whoever has no value leaves it out.
package stats

import (
	"math"
	"slices"
)

// Level is the chance that the package's readers accept of calling equal things different.
const Level = 0.05

// Median is the middle of the values, or the mean of the two in the middle; NaN for none.
func Median(values []float64) float64 { return medianSorted(sorted(values)) }

func medianSorted(x []float64) float64 {
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	return middle(x[(n-1)/2], x[n/2])
}

// middle is between the two; equal ones, also infinite, are their own middle.
func middle(a, b float64) float64 {
	if a == b {
		return a
	}
	return a/2 + b/2
}

// sorted is a sorted copy.
func sorted(values []float64) []float64 {
	x := slices.Clone(values)
	slices.Sort(x)
	return x
}
