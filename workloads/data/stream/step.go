package stream

import (
	"fmt"
	"math/bits"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// A Change is how many bytes a generation adds to a file and deletes from it.
type Change struct{ Add, Delete int64 }

// A Step is one generation's change of one file, as edits of three kinds that
// are spread over it. The file is cut into strata of equal size, a power of two
// of them; each has its share of the inserted, overwritten and deleted bytes, at
// three places that are drawn. So where a byte comes from is found without
// looking at any other stratum.
type Step struct {
	Generation uint16
	Old, New   int64 // size before and after

	Insert, Overwrite, Delete int64 // in units of align bytes, at multiples of which edits begin and end
	Append                    int64 // bytes added at the end, fewer than a unit

	log2  uint // of the number of strata
	key   draw.Key
	align int64
}

// Spread says where edits are made.
type Spread struct {
	Extent int64 // about how many bytes an edit has, if there are enough
	Align  int64 // edits begin and end at multiples of so many bytes; 1 for anywhere
}

// Usual is the spread where none is given.
var Usual = Spread{Extent: 32 << 10, Align: 1}

// NewStep returns the step from a file of size old to the generation. Half of
// what is both added and deleted becomes overwrites: (add 10, delete 2) is
// insert 9, overwrite 1, delete 1. What is deleted is rounded down to a multiple of
// the alignment.
func NewStep(k draw.Key, generation uint16, old int64, c Change, sp Spread) (Step, error) {
	switch {
	case c.Add < 0 || c.Delete < 0:
		return Step{}, fmt.Errorf("change of %d added and %d deleted bytes: must not be negative", c.Add, c.Delete)
	case c.Delete > old:
		return Step{}, fmt.Errorf("delete %d bytes of a file of %d: must not be more than it has", c.Delete, old)
	}
	a := max(sp.Align, 1)
	units, add, del := old/a, c.Add/a, c.Delete/a
	s := Step{Generation: generation, Old: old, key: k, align: a}
	s.Overwrite = min(add, del) / 2
	s.Insert, s.Delete = add-s.Overwrite, del-s.Overwrite
	s.Append = c.Add % a
	s.New = old + (s.Insert-s.Delete)*a + s.Append
	wanted := (s.Insert + s.Overwrite + s.Delete) / max(1, 3*sp.Extent/a)
	s.log2 = uint(max(bits.Len64(uint64(wanted))-1, 0))
	for s.log2 > 0 && units>>s.log2 < up(s.Overwrite, s.log2)+up(s.Delete, s.log2) {
		s.log2--
	}
	return s, nil
}

// Added returns how many bytes the generation writes: the size of its source.
func (s *Step) Added() int64 { return (s.Insert+s.Overwrite)*s.align + s.Append }

// up returns x/2^k rounded up.
func up(x int64, k uint) int64 { return (x + 1<<k - 1) >> k }

// share returns floor(j*x/2^k).
func share(j, x int64, k uint) int64 {
	hi, lo := bits.Mul64(uint64(j), uint64(x))
	return int64(hi<<(64-k) | lo>>k)
}

// An op is what one part of a stratum is.
type op uint8

const (
	keep op = iota
	insert
	overwrite
	remove
)

// A part of a stratum: bytes of one kind that stand together. Old and new are
// where it begins before and after; src, of what is written, where it begins in
// the generation's source. All in the step's units, as n is.
type part struct {
	op            op
	old, new, src int64
	n             int64
}

// before and after the part.
func (p part) oldLen() int64 {
	if p.op == insert {
		return 0
	}
	return p.n
}

func (p part) newLen() int64 {
	if p.op == remove {
		return 0
	}
	return p.n
}

// orders are those in which three edits can follow each other.
var orders = [6][3]op{
	{insert, overwrite, remove}, {insert, remove, overwrite}, {overwrite, insert, remove},
	{overwrite, remove, insert}, {remove, insert, overwrite}, {remove, overwrite, insert},
}

func (s *Step) units() int64 { return s.Old / s.align }

func (s *Step) oldStart(j int64) int64 { return share(j, s.units(), s.log2) }

func (s *Step) newStart(j int64) int64 {
	return s.oldStart(j) + share(j, s.Insert, s.log2) - share(j, s.Delete, s.log2)
}

// stratum returns the parts of stratum j in order; those without bytes are empty.
func (s *Step) stratum(j int64) (parts [7]part) {
	ins, over, del := share(j, s.Insert, s.log2), share(j, s.Overwrite, s.log2), share(j, s.Delete, s.log2)
	n := [...]int64{
		insert:    share(j+1, s.Insert, s.log2) - ins,
		overwrite: share(j+1, s.Overwrite, s.log2) - over,
		remove:    share(j+1, s.Delete, s.log2) - del,
	}
	src := [...]int64{insert: ins, overwrite: s.Insert + over, remove: 0}
	old := s.oldStart(j)
	free := s.oldStart(j+1) - old - n[overwrite] - n[remove]
	at := old + ins - del
	u := s.key.At(uint64(j))
	cuts := [4]int64{between(u, 0, free), between(u, 1, free), between(u, 2, free), free}
	sort3(&cuts)
	order := &orders[u>>48%6]
	done := int64(0)
	for i, cut := range cuts {
		p := part{op: keep, old: old, new: at, n: cut - done}
		parts[2*i] = p
		old, at, done = old+p.n, at+p.n, cut
		if i == 3 {
			break
		}
		kind := order[i]
		p = part{op: kind, old: old, new: at, src: src[kind], n: n[kind]}
		parts[2*i+1] = p
		old, at = old+p.oldLen(), at+p.newLen()
	}
	return parts
}

// between draws one of three places in [0, n] from u.
func between(u uint64, which uint, n int64) int64 {
	return int64(draw.Below(uint64(draw.Key(u).At(uint64(which))), uint64(n)+1))
}

func sort3(c *[4]int64) {
	if c[0] > c[1] {
		c[0], c[1] = c[1], c[0]
	}
	if c[1] > c[2] {
		c[1], c[2] = c[2], c[1]
	}
	if c[0] > c[1] {
		c[0], c[1] = c[1], c[0]
	}
}

// find returns the last stratum that begins at or before x, where start is
// increasing and about j*n/2^k.
func (s *Step) find(x, n int64, start func(int64) int64) int64 {
	last := int64(1)<<s.log2 - 1
	j := int64(0)
	if n > 0 {
		j = min(last, int64(draw.MulDiv(uint64(x), 1<<s.log2, uint64(n))))
	}
	for j > 0 && start(j) > x {
		j--
	}
	for j < last && start(j+1) <= x {
		j++
	}
	return j
}

// stratumAt returns the stratum of the new file in which the unit x is.
func (s *Step) stratumAt(x int64) int64 {
	return s.find(x, s.units()+s.Insert-s.Delete, s.newStart)
}
