// Package seed derives every random stream of a run from the run's seed and the
// stream's name, so that a new stream (another fault, another path) shifts none
// of the others.
//
// It never draws from the clock.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Key returns the 32-byte key of the stream called name of the run seeded with seed.
func Key(seed uint64, name string) [32]byte {
	b := binary.BigEndian.AppendUint64(nil, seed)
	return sha256.Sum256(append(b, name...))
}

// Stream returns the random stream called name of the run seeded with seed: ChaCha8
// keyed with Key. It is not safe for concurrent use.
func Stream(seed uint64, name string) *rand.Rand {
	return rand.New(rand.NewChaCha8(Key(seed, name)))
}

// Derive returns a seed of its own for a part of the run, e.g. a process that keeps
// many streams of its own.
func Derive(seed uint64, name string) uint64 {
	k := Key(seed, name)
	return binary.BigEndian.Uint64(k[:8])
}
