// Package summary works out what a recorded history amounts to: its numbers, and its verdict given
// those of the checks.
//
//	s := summary.Of(h, info, checks)
//
// It is pure. It decides nothing about the store: the checks' verdicts are handed to it. And it
// hides nothing: a run whose fault was not injected, or whose load driver died, is inconclusive
// (harness) whatever its numbers look like.
//
// Times lie on the axis of the record's clock, in durations since the run's epoch; in a Summary
// they are seconds since the start of the load.
package summary
