package stats

import (
	"cmp"
	"math"
)

// Quantile returns the smallest of the sorted samples that at least the share q of all does not
// exceed (the nearest rank: no interpolation, so every quantile is a value that was measured).
// There must be at least one sample; q is from 0 to 1.
func Quantile[T cmp.Ordered](sorted []T, q float64) T {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}
