package stats

import (
	"cmp"
	"slices"
)

// Holm corrects the P values of several tests, so that the chance of calling any of them different,
// where none is, stays at the level that each corrected P is held to. It is the step-down method of
// Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (Scandinavian Journal of
// Statistics, 1979); it assumes nothing of how the tests depend on each other.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	out := make([]float64, len(p))
	worst := 0.0
	for k, i := range order {
		worst = max(worst, min(1, p[i]*float64(len(p)-k)))
		out[i] = worst
	}
	return out
}
