// Package clock tells and awaits the time of a run, which counts from the run's epoch and is the
// same in all of its processes.
package clock

import (
	"context"
	"time"
)

// A Clock tells the time since the run's epoch. Every process of a run has one
// that counts CLOCK_MONOTONIC from the same epoch, so instants taken by
// different processes compare.
type Clock interface {
	// Now is the time since the epoch.
	Now() time.Duration
}

// Rest waits for d, or until ctx ends, whose error it then returns.
func Rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Every calls f once per d until ctx ends.
func Every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}
