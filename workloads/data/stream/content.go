package stream

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// HoleUnit is the granularity of holes, in bytes.
const HoleUnit = 64 << 10

// Options say what the bytes of a seed are like.
type Options struct {
	Seed  uint64
	Holes draw.Rate // share of a new file's units of HoleUnit bytes that are holes
	// How compressible the bytes are: 0 not at all, up to One a growing share of them is text,
	// and up to twice One a growing share of the text is one slice again and again.
	Redundancy draw.Rate
}

// Content makes the bytes of all streams of a seed.
type Content struct {
	Options
	random random
	holes  draw.Key
	cells  draw.Key
	edits  draw.Key
	text   []byte // nil where nothing is compressible
}

// New returns the content that the options describe.
func New(o Options) (*Content, error) {
	switch {
	case o.Holes > draw.One:
		return nil, fmt.Errorf("holes %v: must be between 0 and 1", o.Holes.Float())
	case o.Redundancy > 2*draw.One:
		return nil, fmt.Errorf("redundancy %v: must be between 0 and 2", o.Redundancy.Float())
	}
	key := func(name string) draw.Key { return draw.Key(seed.Derive(o.Seed, "data "+name)) }
	c := &Content{Options: o, random: newRandom(o.Seed), holes: key("holes"), cells: key("cells"), edits: key("edits")}
	if o.Redundancy > 0 {
		c.text = corpus()
	}
	return c, nil
}

// A Pool makes blocks occur several times: each of its contents floor(N/U) or
// ceil(N/U) times, where N blocks share U contents.
type Pool struct {
	unit       int64
	contents   uint64
	perm       draw.Perm
	generation uint16
}

// NewPool returns the pool of so many blocks of unit bytes with so many contents, at least one of each.
func (c *Content) NewPool(generation uint16, unit int64, blocks, contents uint64) (*Pool, error) {
	switch {
	case unit < 4<<10 || unit%cell != 0:
		return nil, fmt.Errorf("deduplication unit %d: must be a multiple of %d bytes", unit, cell)
	case contents < 1 || contents > max(blocks, 1):
		return nil, fmt.Errorf("deduplicate %d blocks to %d: must be at least 1 and not more than there are", blocks, contents)
	}
	k := draw.Key(seed.Derive(c.Seed, "data pool")).Sub(uint64(generation))
	return &Pool{unit, contents, draw.NewPerm(k, max(blocks, 1)), generation}, nil
}

// Unit returns the size of a block in bytes.
func (p *Pool) Unit() int64 { return p.unit }

// Content returns the number of what stands in the block.
func (p *Pool) Content(block uint64) uint64 { return p.perm.To(block) % p.contents }

// Blocks calls yield with every block in which the content stands.
func (p *Pool) Blocks(content uint64, yield func(block uint64) bool) {
	for x := content; x < p.perm.Len(); x += p.contents {
		if !yield(p.perm.From(x)) {
			return
		}
	}
}

// cell is what compressible bytes are drawn for at once; each begins with a
// literal unit, so that its origin can be told however redundant the rest is.
const (
	cell  = 4 << 10
	slice = 512
)

// fill fills b from the source.
func (c *Content) fill(b []byte, tag uint16, s Source) {
	if c.text == nil {
		c.random.fill(b, tag, s)
		return
	}
	for len(b) > 0 {
		into := s.Offset % slice
		n := min(int64(len(b)), slice-into)
		c.slice(b[:n], tag, s)
		b, s.Offset = b[n:], s.Offset+n
	}
}

// slice fills b, which lies within one slice.
func (c *Content) slice(b []byte, tag uint16, s Source) {
	into := s.Offset % slice
	place := uint64(tag)<<48 ^ uint64(s.Generation)<<32 ^ uint64(s.Stream)
	u := c.cells.Sub(place).At(uint64(s.Offset / slice))
	kind := draw.Rate(u >> 34 * uint64(draw.One) >> 30)
	if kind >= c.Redundancy && c.Redundancy < draw.One {
		c.random.fill(b, tag, s)
		return
	}
	if s.Offset%cell < unit { // the literal unit at the cell's start
		n := min(int64(len(b)), unit-into)
		c.random.fill(b[:n], tag, s)
		b, into = b[n:], into+n
	}
	from := int64(draw.Below(u<<32|u>>32, uint64(len(c.text)-slice)))
	if kind+draw.One < c.Redundancy {
		from = 0
	}
	copy(b, c.text[from+into:])
}

// hole reports whether this unit of a new file is a hole.
func (c *Content) hole(stream uint32, n int64) bool {
	return c.Holes > 0 && c.Holes.Hit(c.holes.Sub(uint64(stream)).At(uint64(n)))
}
