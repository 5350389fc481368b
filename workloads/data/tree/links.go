package tree

import "github.com/reckon-bench/reckon/workloads/data/draw"

// classes are how many names the files have that have several; of each a cycle has one.
var classes = [...]uint64{2, 3, 5}

const classNames = 2 + 3 + 5

// links says what each rank of a cohort is. Ranks are the cohort's names in an
// order that is drawn, so what follows each other by rank stands anywhere in the
// tree. Symbolic links are every so many ranks. What remains, the positions, goes
// in cycles: first the names of each class, then files of one name. Files are
// numbered in the order of their first position.
type links struct {
	symlinks draw.Rate
	cycle    uint64 // positions of a cycle; 0 where no file has several names
}

func newLinks(s Spec) links {
	l := links{symlinks: s.Symlinks}
	if s.HardLinks > 0 {
		l.cycle = max(classNames, (classNames*uint64(draw.One)+uint64(s.HardLinks)/2)/uint64(s.HardLinks))
	}
	return l
}

// symlinksBefore returns how many of the first ranks are symbolic links.
func (l links) symlinksBefore(rank uint64) uint64 { return l.symlinks.Of(rank) }

func (l links) isSymlink(rank uint64) bool { return l.symlinksBefore(rank+1) > l.symlinksBefore(rank) }

// positions returns how many of the first ranks are none.
func (l links) positions(ranks uint64) uint64 { return ranks - l.symlinksBefore(ranks) }

// rank returns the rank of a position.
func (l links) rank(position uint64) uint64 {
	r := draw.MulDiv(position, uint64(draw.One), uint64(draw.One-l.symlinks))
	for r > 0 && l.positions(r) > position {
		r--
	}
	for l.positions(r+1) <= position {
		r++
	}
	return r
}

// perCycle is how many files a cycle has.
func (l links) perCycle() uint64 { return l.cycle - classNames + uint64(len(classes)) }

// inodes returns how many files have their first name among the first ranks.
func (l links) inodes(ranks uint64) uint64 {
	p := l.positions(ranks)
	if l.cycle == 0 {
		return p
	}
	n, p := p/l.cycle*l.perCycle(), p%l.cycle
	for _, size := range classes {
		if p == 0 {
			return n
		}
		n, p = n+1, p-min(p, size)
	}
	return n + p
}

// inode returns the number of the file that a position names.
func (l links) inode(position uint64) uint64 {
	if l.cycle == 0 {
		return position
	}
	n, p := position/l.cycle*l.perCycle(), position%l.cycle
	for i, size := range classes {
		if p < size {
			return n + uint64(i)
		}
		p -= size
	}
	return n + uint64(len(classes)) + p
}

// names returns the positions of a file's names: the first, and how many.
func (l links) names(inode uint64) (first, n uint64) {
	if l.cycle == 0 {
		return inode, 1
	}
	at, k := inode/l.perCycle()*l.cycle, inode%l.perCycle()
	for i, size := range classes {
		if k == uint64(i) {
			return at, size
		}
		at += size
	}
	return at + k - uint64(len(classes)), 1
}
