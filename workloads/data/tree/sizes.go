package tree

import "github.com/reckon-bench/reckon/workloads/data/draw"

// sizes divides bytes among files, exactly, by halving: the files into halves
// and the bytes in about that proportion, until one file is left. Each halving
// is drawn, so sizes spread about as a log-normal distribution, over three to four
// powers of ten; every file has at least one byte.
type sizes struct {
	key   draw.Key
	files uint64
	bytes uint64
}

// rough is up to how many files a halving is far from even. Above, all parts of
// the tree are about alike, and totals of few files still differ much.
const rough = 4 << 10

// left returns how many of the spare bytes the files [lo, middle) get of [lo, hi).
func (z sizes) left(lo, middle, hi, spare uint64) uint64 {
	const one = 1 << 16
	tilt := z.key.Sub(lo).At(hi) % (one * 3 / 2) // from -3/4 to 3/4 of one, less 3/4
	a, b := one/4+tilt, one/4+one*3/2-tilt
	if hi-lo > rough {
		a, b = one+a/16, one+b/16
	}
	a, b = a*(middle-lo), b*(hi-middle)
	return draw.MulDiv(spare, a, a+b)
}

// before returns how many bytes the first i files have.
func (z sizes) before(i uint64) uint64 {
	lo, hi, spare, sum := uint64(0), z.files, z.bytes-z.files, uint64(0)
	for i > lo {
		if i == hi {
			return sum + spare + i
		}
		middle := lo + (hi-lo)/2
		left := z.left(lo, middle, hi, spare)
		if i < middle {
			hi, spare = middle, left
		} else {
			lo, spare, sum = middle, spare-left, sum+left
		}
	}
	return sum + i
}

// at returns the file in which byte x of all of them is; x must be below their sum.
func (z sizes) at(x uint64) uint64 {
	lo, hi, spare, sum := uint64(0), z.files, z.bytes-z.files, uint64(0)
	for hi-lo > 1 {
		middle := lo + (hi-lo)/2
		left := z.left(lo, middle, hi, spare)
		if x < sum+left+middle {
			hi, spare = middle, left
		} else {
			lo, spare, sum = middle, spare-left, sum+left
		}
	}
	return lo
}
