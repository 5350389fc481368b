// Package tree describes file systems of up to four billion files that are
// nowhere kept: directories, files, symbolic and hard links with their
// attributes, at any generation. Every question about one file is answered in
// time that does not depend on how many there are.
//
// Terms:
//
//	generation  the state of the tree after so many rounds of changes
//	cohort      the files that one generation added
//	slot        a name's number in its cohort, in the order of directories
//	rank        the same names in an order that is drawn; the highest die first
//	position    a rank that is no symbolic link
//	inode       a file, which one or several positions name; it is its stream
//
// Totals are exact: of names, directories and bytes.
package tree

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// A Tree is a file system at all generations up to its last. It is safe for concurrent use.
type Tree struct {
	Spec
	last    uint16
	content *stream.Content
	links   links
	turns   turns
	cohorts []*cohort // of those generations that added something, in order
	total   []Totals  // by generation

	sizeKey, rankKey, placeKey, nameKey, attrKey, timeKey, linkKey draw.Key
}

// Totals are what a tree has.
type Totals struct {
	Files       int64 `json:"files"` // names that are no directories
	Symlinks    int64 `json:"symlinks"`
	Inodes      int64 `json:"inodes"` // files that are no symbolic links, of however many names
	Directories int64 `json:"directories"`
	Bytes       int64 `json:"bytes"`
}

// New returns the tree with its generations up to last.
func New(s Spec, last int) (*Tree, error) {
	s.fill()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if last < 0 || last > MaxGeneration {
		return nil, fmt.Errorf("generation %d: must be between 0 and %d", last, MaxGeneration)
	}
	content, err := stream.New(stream.Options{Seed: s.Seed, Holes: s.Holes, Redundancy: s.Redundancy})
	if err != nil {
		return nil, err
	}
	t := &Tree{Spec: s, last: uint16(last), content: content, links: newLinks(s)}
	for i, k := range []*draw.Key{&t.sizeKey, &t.rankKey, &t.placeKey, &t.nameKey, &t.attrKey, &t.timeKey, &t.linkKey} {
		*k = draw.Key(seed.Derive(s.Seed, fmt.Sprintf("data tree %d", i)))
	}
	t.turns = newTurns(s, t.last)
	growth := uint64(1 << 32)
	for g := range last + 1 {
		if g > 0 {
			if growth, err = compound(growth, s.Growth, g); err != nil {
				return nil, err
			}
			t.bury(uint16(g))
		}
		if err := t.raise(uint16(g), growth); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Last returns the last generation.
func (t *Tree) Last() int { return int(t.last) }

// Content returns what makes the bytes of the tree's files.
func (t *Tree) Content() *stream.Content { return t.content }

// bury removes the generation's share of every cohort's names.
func (t *Tree) bury(g uint16) {
	rate := (t.Change - t.Growth) / 2 // the other half is deleted within files
	phase := t.rankKey.Sub(uint64(g)).At(0) % uint64(draw.One)
	sum := uint64(0)
	dead := func() uint64 { return (uint64(rate)*sum + phase) / uint64(draw.One) } // below 2^62, as there are at most 2^32 files
	for _, c := range t.cohorts {
		before := dead()
		alive := c.alive[len(c.alive)-1]
		sum += alive
		c.alive = append(c.alive, alive-(dead()-before))
	}
}

// raise adds the generation's cohort: as many names and bytes as make the totals what growth wants.
func (t *Tree) raise(g uint16, growth uint64) error {
	have := t.count(g)
	names := max(0, int64(draw.MulDiv(uint64(t.Files), growth, 1<<32))-have.Files)
	inodes := t.links.inodes(uint64(names))
	if names > 0 {
		bytes := uint64(max(0, int64(draw.MulDiv(uint64(t.Size), growth, 1<<32))-have.Bytes))
		if inodes == 0 {
			bytes = 0
		}
		c := &cohort{
			birth: g, names: uint64(names), inodes: inodes, alive: []uint64{uint64(names)},
			perm: draw.NewPerm(t.rankKey.Sub(uint64(g)), uint64(names)), place: t.placeKey.Sub(uint64(g)),
			sizes: sizes{t.sizeKey.Sub(uint64(g)), inodes, max(bytes, inodes)},
		}
		if n := len(t.cohorts); n > 0 {
			c.first = t.cohorts[n-1].first + t.cohorts[n-1].inodes
		}
		if c.first+inodes > MaxFiles {
			return fmt.Errorf("generation %d: all generations together would have more than %d files", g, int64(MaxFiles))
		}
		if err := t.addPool(c); err != nil {
			return err
		}
		t.cohorts = append(t.cohorts, c)
	}
	t.total = append(t.total, t.count(g))
	return nil
}

func (t *Tree) addPool(c *cohort) (err error) {
	blocks := c.sizes.bytes / uint64(t.DedupUnit)
	if t.Duplication == 1 || blocks == 0 {
		return nil
	}
	contents := max(1, uint64(float64(blocks)/t.Duplication))
	c.pool, err = t.content.NewPool(c.birth, t.DedupUnit, blocks, contents)
	return err
}

// count adds up what is alive at the generation.
func (t *Tree) count(g uint16) Totals {
	sum := Totals{Directories: t.Directories}
	for _, c := range t.cohorts {
		alive := c.aliveAt(g)
		inodes := t.links.inodes(alive)
		sum.Files += int64(alive)
		sum.Symlinks += int64(t.links.symlinksBefore(alive))
		sum.Inodes += int64(inodes)
		sum.Bytes += int64(c.bytes(&t.turns, inodes, g))
	}
	return sum
}

// At returns the tree at a generation.
func (t *Tree) At(generation int) (*View, error) {
	if generation < 0 || generation > int(t.last) {
		return nil, fmt.Errorf("generation %d: must be between 0 and %d", generation, t.last)
	}
	return &View{t, uint16(generation)}, nil
}

// cohortOf returns the cohort of the generation, or nil.
func (t *Tree) cohortOf(birth uint16) *cohort {
	for _, c := range t.cohorts {
		if c.birth == birth {
			return c
		}
	}
	return nil
}

// A View is the tree at one generation.
type View struct {
	tree       *Tree
	generation uint16
}

// Tree returns the tree of all generations.
func (v *View) Tree() *Tree { return v.tree }

// Generation returns which one this is.
func (v *View) Generation() int { return int(v.generation) }

// Totals returns what there is, exactly.
func (v *View) Totals() Totals { return v.tree.total[v.generation] }
