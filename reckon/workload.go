package reckon

import (
	"context"
	"iter"
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon/check"
)

// A Workload is what clients ask of the store, and the checks that the answers are held to.
//
// Optional powers: Preloader, FinalReader, Launcher, Validator.
type Workload interface {
	// Ops returns the endless stream of operations that the client-th of s.Clients offers, in order
	// of Due, which counts from the start of the load. It is pure: the same rng yields the same
	// stream.
	Ops(s Setting, client int, rng *rand.Rand) iter.Seq[Op]
	// Checks returns the checks of the record, the quickest first.
	Checks(s Setting) []Check
}

// A Check judges one guarantee. Each is run by itself, so that one that runs out of time or memory,
// or crashes, is Unknown and does not affect the others.
type Check struct {
	Name string
	// Unobserved says that the check does not need the answers of reads that the client program did
	// not report ([history.Op].Unobserved). Any other check is Unknown where it would be Valid
	// without those reads.
	Unobserved bool
	Run        func(ctx context.Context, h *History) check.Result
}

// Preloader is a Workload with keys that must be in the store before the load.
type Preloader interface {
	// Preload returns the client's share of the writes. They are not paced and must succeed: keys
	// whose write is not acknowledged are written again by the next attempt (from 0, below
	// PreloadAttempts), whose values differ.
	Preload(s Setting, client, attempt int) iter.Seq[Op]
}

// PreloadAttempts bounds how often a key is preloaded. Values of the load must differ from those of
// every attempt.
const PreloadAttempts = 10

// FinalReader is a Workload whose keys are read through every member after settling.
type FinalReader interface {
	Final(s Setting) iter.Seq[Op]
}
