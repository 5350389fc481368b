package tree

import (
	"fmt"
	"math/bits"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// A cohort is the files that were added by one generation. They die from the
// highest rank down, so whether one is alive is one comparison.
type cohort struct {
	birth  uint16
	names  uint64 // at birth
	first  uint64 // the stream of its first file
	inodes uint64 // at birth
	perm   draw.Perm
	place  draw.Key // of names in directories
	sizes  sizes    // at birth
	pool   *stream.Pool
	alive  []uint64 // names, by generation from birth on
}

// aliveAt returns how many names are alive at the generation.
func (c *cohort) aliveAt(generation uint16) uint64 {
	if generation < c.birth {
		return 0
	}
	return c.alive[generation-c.birth]
}

// split returns the slot of the cohort at which directory d's names begin, of so
// many directories. Where names are divided is drawn.
func (c *cohort) split(d, directories uint64) uint64 {
	const one = 1 << 16
	switch d {
	case 0:
		return 0
	case directories:
		return c.names
	}
	return draw.MulDiv(d*one+c.place.At(d)%one, c.names, directories*one)
}

// directory returns the directory in which the slot is.
func (c *cohort) directory(slot, directories uint64) uint64 {
	d := draw.MulDiv(slot, directories, c.names)
	for d > 0 && c.split(d, directories) > slot {
		d--
	}
	for c.split(d+1, directories) <= slot {
		d++
	}
	return d
}

// groups are into how many parts, by rank, the files of a cohort are divided: a
// generation changes all the files of some of them. Of these the first is always
// changed, so some files are hot; the others take turns.
const groups = 16

// group returns in which group a file is.
func (c *cohort) group(inode uint64) uint64 { return draw.MulDiv(inode, groups, c.inodes) }

// groupStart returns the first file of group k.
func (c *cohort) groupStart(k uint64) uint64 { return (k*c.inodes + groups - 1) / groups }

// turns says which groups change when, and how much larger that makes them.
type turns struct {
	perGeneration uint64 // groups
	delete        draw.Rate
	growth        uint64           // of a file by each change, in 2^-32
	count         [][groups]uint16 // by generation, how often each has changed
}

// due reports whether generation g changes group k.
func (t *turns) due(k, g uint64) bool {
	others := t.perGeneration - 1
	return k == 0 || (k-1+g*others)%(groups-1) < others
}

// newTurns plans for generations up to last. Half of what is added and of what is
// deleted is in whole files; this is the other half, which changed files share.
func newTurns(s Spec, last uint16) turns {
	t := turns{perGeneration: max(4, (uint64(s.Change)*groups/2+uint64(draw.One)-1)/uint64(draw.One))}
	share := func(r draw.Rate) draw.Rate { return r * groups / 2 / draw.Rate(t.perGeneration) }
	t.delete = share(s.Change - s.Growth)
	t.growth = draw.MulDiv(uint64(share(s.Growth)), 1<<32, uint64(draw.One))
	t.count = make([][groups]uint16, int(last)+1)
	for g := 1; g <= int(last); g++ {
		t.count[g] = t.count[g-1]
		for k := range uint64(groups) {
			if t.due(k, uint64(g)) {
				t.count[g][k]++
			}
		}
	}
	return t
}

// mostGrowth is up to what factor a tree can grow, in 2^-32, so that nothing overflows.
const mostGrowth = 1 << (32 + 16)

// compound returns the growth after one more generation.
func compound(growth uint64, rate draw.Rate, generation int) (uint64, error) {
	if growth = draw.MulDiv(growth, uint64(draw.One+rate), uint64(draw.One)); growth > mostGrowth {
		return 0, fmt.Errorf("generation %d: the tree would have grown more than %d times", generation, mostGrowth>>32)
	}
	return growth, nil
}

// changes returns how often the group has been changed from one generation, without it, to another.
func (t *turns) changes(k uint64, from, to uint16) uint16 { return t.count[to][k] - t.count[from][k] }

// grown returns what x bytes at the start of a group have become. It is done step
// by step, so that no part of a group ever becomes smaller, as it would now and then by
// rounding a power.
func (t *turns) grown(x uint64, changes uint16) uint64 {
	for range changes {
		more, part := bits.Mul64(x, t.growth)
		x += more<<32 | part>>32
	}
	return x
}

// bytes returns how many bytes the first n files of the cohort have at the generation.
func (c *cohort) bytes(t *turns, n uint64, generation uint16) (sum uint64) {
	for k := range uint64(groups) {
		lo, hi := c.groupStart(k), min(n, c.groupStart(k+1))
		if lo >= hi {
			continue
		}
		sum += t.grown(c.sizes.before(hi)-c.sizes.before(lo), t.changes(k, c.birth, generation))
	}
	return sum
}

// A span is where a file is among its group's bytes at birth.
type span struct {
	group  uint64
	lo, hi uint64
}

func (c *cohort) span(inode uint64) span {
	k := c.group(inode)
	start := c.sizes.before(c.groupStart(k))
	return span{k, c.sizes.before(inode) - start, c.sizes.before(inode+1) - start}
}

// size returns how many bytes the file has after so many changes.
func (t *turns) size(s span, changes uint16) int64 {
	return int64(t.grown(s.hi, changes) - t.grown(s.lo, changes))
}
