// Package draw makes random choices without state: each is a function of a key
// and of the numbers that name it, so that any of them can be made at any time,
// in any order. All of it is integer arithmetic, since a compiler may fuse
// floating point operations on one processor and not on another.
package draw

import "math/bits"

// A Key is the seed of a family of draws.
type Key uint64

// At returns the draw that a names: 64 uniform bits. The finalizer is that of
// SplitMix64 (Steele, Lea and Flood 2014).
func (k Key) At(a uint64) uint64 {
	z := uint64(k) + (a+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Sub returns the key of a family of its own, named a.
func (k Key) Sub(a uint64) Key { return Key(k.At(a)) }

// Below scales the draw u to [0, n).
func Below(u, n uint64) uint64 {
	hi, _ := bits.Mul64(u, n)
	return hi
}

// One is what a Rate of 1 is.
const One Rate = 1_000_000_000

// A Rate is a share or a probability, in billionths.
type Rate uint64

// RateOf returns the rate nearest to x, which must be between 0 and 1.
func RateOf(x float64) Rate { return Rate(x*float64(One) + 0.5) }

// Float returns the rate as a number.
func (r Rate) Float() float64 { return float64(r) / float64(One) }

// Hit reports whether an event of this probability happens by the draw u.
func (r Rate) Hit(u uint64) bool { return Below(u, uint64(One)) < uint64(r) }

// Of returns floor(n times the rate).
func (r Rate) Of(n uint64) uint64 { return MulDiv(n, uint64(r), uint64(One)) }

// MulDiv returns floor(a*b/c) without overflow on the way; the result must fit.
func MulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi == 0 {
		return lo / c
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}
