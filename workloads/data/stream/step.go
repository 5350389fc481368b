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

// An edge is where a stratum begins: in the old file, and among what is
// inserted, overwritten and deleted, in units.
type edge struct{ old, insert, overwrite, remove int64 }

func (s *Step) edge(j int64) edge {
	return edge{share(j, s.units(), s.log2), share(j, s.Insert, s.log2), share(j, s.Overwrite, s.log2), share(j, s.Delete, s.log2)}
}

// new returns where that is in the new file.
func (e edge) new() int64 { return e.old + e.insert - e.remove }

// stratum sets the parts of stratum j, which lies between two edges, in order; those without bytes are empty.
func (s *Step) stratum(j int64, a, b edge, parts *[7]part) {
	n := [4]int64{insert: b.insert - a.insert, overwrite: b.overwrite - a.overwrite, remove: b.remove - a.remove}
	src := [4]int64{insert: a.insert, overwrite: s.Insert + a.overwrite}
	old, at := a.old, a.new()
	free := uint64(b.old-a.old-n[overwrite]-n[remove]) + 1
	u := s.key.At(uint64(j))
	cuts := [4]int64{int64(draw.Below(u, free)), int64(draw.Below(bits.RotateLeft64(u, 21), free)), int64(draw.Below(bits.RotateLeft64(u, 42), free)), int64(free - 1)}
	sort3(&cuts)
	order := &orders[u%6]
	done := int64(0)
	for i, cut := range cuts {
		parts[2*i] = part{op: keep, old: old, new: at, n: cut - done}
		old, at, done = old+cut-done, at+cut-done, cut
		if i == 3 {
			break
		}
		kind := order[i]
		p := part{op: kind, old: old, new: at, src: src[kind], n: n[kind]}
		parts[2*i+1] = p
		old, at = old+p.oldLen(), at+p.newLen()
	}
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

// guess returns about the stratum in which x is, of n units in all.
func (s *Step) guess(x, n int64) int64 {
	if n == 0 {
		return 0
	}
	return min(1<<s.log2-1, int64(draw.MulDiv(uint64(x), 1<<s.log2, uint64(n))))
}

// stratumOf returns the last stratum that begins at or before x, of which units
// there are n, and its edges; start says where one begins.
func (s *Step) stratumOf(x, n int64, start func(edge) int64) (j int64, a, b edge) {
	j = s.guess(x, n)
	a, b = s.edge(j), s.edge(j+1)
	for j > 0 && start(a) > x {
		j--
		a, b = s.edge(j), a
	}
	for j < 1<<s.log2-1 && start(b) <= x {
		j++
		a, b = b, s.edge(j+1)
	}
	return j, a, b
}
