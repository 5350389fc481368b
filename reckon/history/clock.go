package history

import "time"

// A Clock tells the time since the run's epoch. Every process of a run has one
// that counts CLOCK_MONOTONIC from the same epoch, so instants taken by
// different processes compare.
type Clock interface {
	// Now is the time since the epoch.
	Now() time.Duration
}
