// Package riblt is a rateless invertible Bloom lookup table: a stream of coded symbols of a set of
// 64-bit ids from which another set's owner decodes the difference of the two, whatever its size
// (Yang, Gilad, Alizadeh: Practical Rateless Set Reconciliation, SIGCOMM 2024, arXiv 2402.02668).
//
// An id is part of symbol i with probability 1/(1 + i/2), and of symbol 0 always. So the difference
// has been decoded once symbol 0 is empty, after some 1.35 to 2 symbols for each id in it.
//
// A [Sketch] is the prefix of a set's symbols, kept as the set changes. Encoding a set anew for
// each exchange is the trap of the method: it costs O(n log m), a change of a sketch only O(log m).
package riblt

import (
	"math"
	"math/bits"
)

// Symbol is a coded symbol: the sums over the ids that are part of it.
type Symbol struct {
	ID    uint64 // exclusive or of the ids
	Check uint32 // exclusive or of their checksums
	Count int64  // how many ids
}

// empty reports whether nothing is part of the symbol, as far as its sums say.
func (s Symbol) empty() bool { return s == Symbol{} }

// add puts the id in (sign 1) or takes it out (sign -1).
func (s *Symbol) add(id uint64, check uint32, sign int64) {
	s.ID ^= id
	s.Check ^= check
	s.Count += sign
}

// minus is the symbol of the difference of two sets.
func (s Symbol) minus(o Symbol) Symbol {
	return Symbol{s.ID ^ o.ID, s.Check ^ o.Check, s.Count - o.Count}
}

// Code is the mapping of ids to symbols under a salt. Sets can be reconciled only under one
// salt; while it is secret nobody can choose ids that collide.
type Code struct{ salt uint64 }

// NewCode is the code of the salt.
func NewCode(salt uint64) Code { return Code{salt} }

// Check is the id's checksum.
func (c Code) Check(id uint64) uint32 {
	return uint32(mix(id^bits.RotateLeft64(c.salt, 32)) >> 32)
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection in which every bit of
// the argument matters to every bit of the result.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// walk is the place of an id in the stream of symbols: the indices at which it takes part.
type walk struct{ state, index uint64 }

// start is the walk at symbol 0, of which every id is part.
func (c Code) start(id uint64) walk { return walk{state: mix(id ^ c.salt)} }

// gamma is splitmix64's increment.
const gamma = 0x9e3779b97f4a7c15

// far is an index that no stream reaches: a walk that would pass it ends there.
const far = 1 << 48

// next moves to the next symbol that the id is part of. The gap from index i is ceil((i + 3/2)
// ((1-u)^(-1/2) - 1)) for u uniform in [0, 1), which makes the probability of index i 1/(1 + i/2).
// Each conversion to float64 forbids the compiler to fuse operations, so that all processors round
// alike: peers of different architectures must agree on every index.
func (w *walk) next() {
	w.state += gamma
	v := float64(mix(w.state)>>11) + 1 // 2^53 (1-u), from 1 to 2^53, exact
	root := float64(math.Sqrt(v))
	stretch := float64(float64(94906265.62425156)/root) - 1 // sqrt(2^53) / sqrt(v) - 1
	gap := math.Ceil(float64(float64(float64(w.index)+1.5) * stretch))
	if !(gap < far) {
		gap = far
	}
	w.index = min(w.index+max(uint64(gap), 1), far)
}
