package tree

import (
	"fmt"
	"iter"
	"sort"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// owner returns the cohort of a stream, and the file's number in it.
func (t *Tree) owner(number uint32) (c *cohort, inode uint64, ok bool) {
	i := sort.Search(len(t.cohorts), func(i int) bool { return t.cohorts[i].first > uint64(number) })
	if i == 0 {
		return nil, 0, false
	}
	c = t.cohorts[i-1]
	inode = uint64(number) - c.first
	return c, inode, inode < c.inodes
}

// Stream returns the file of that number with all its generations.
func (t *Tree) Stream(number uint32) (*stream.File, error) {
	c, inode, ok := t.owner(number)
	if !ok {
		return nil, fmt.Errorf("stream %d: there is no such file", number)
	}
	s := c.span(inode)
	f := &stream.File{Content: t.content, Stream: number, History: stream.History{Birth: c.birth, Size: int64(s.hi - s.lo)}}
	if c.pool != nil {
		f.Pool, f.First = c.pool, c.sizes.before(inode)/uint64(t.DedupUnit)
	}
	changes := uint16(0)
	size := f.History.Size
	for g := int(c.birth) + 1; g <= int(t.last); g++ {
		if !t.turns.due(s.group, uint64(g)) {
			continue
		}
		changes++
		now := t.turns.size(s, changes)
		deleted := int64(t.turns.delete.Of(uint64(size)))
		deleted -= deleted % t.Spread.Align
		step, err := stream.NewStep(f.Key(uint16(g)), uint16(g), size, stream.Change{Add: deleted + now - size, Delete: deleted}, t.Spread)
		if err != nil {
			return nil, fmt.Errorf("stream %d, generation %d: %w", number, g, err)
		}
		f.History.Steps = append(f.History.Steps, step)
		size = now
	}
	return f, nil
}

// File returns what the file of that entry holds.
func (v *View) File(e Entry) (*stream.View, error) {
	if e.Kind != File {
		return nil, fmt.Errorf("read %s: is a %v", e.Name, e.Kind)
	}
	f, err := v.tree.Stream(uint32(e.Number))
	if err != nil {
		return nil, err
	}
	return f.At(v.generation), nil
}

// Size returns the size of the entry's file in bytes.
func (v *View) Size(e Entry) int64 {
	if e.Kind != File {
		return 0
	}
	s := e.c.span(e.Number - e.c.first)
	return v.tree.turns.size(s, v.tree.turns.changes(s.group, e.c.birth, v.generation))
}

// Names returns the entries that name the stream, if it is alive: at least one, in a fixed order.
func (v *View) Names(number uint32) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		c, inode, ok := v.tree.owner(number)
		if !ok {
			return
		}
		alive := c.aliveAt(v.generation)
		first, n := v.tree.links.names(inode)
		for p := first; p < first+n; p++ {
			rank := v.tree.links.rank(p)
			if rank >= alive {
				return
			}
			slot := c.perm.From(rank)
			if !yield(v.tree.fileEntry(c, slot, c.directory(slot, v.tree.all()))) {
				return
			}
		}
	}
}

// First reports whether the entry is the first name of what it names.
func (v *View) First(e Entry) bool {
	if e.Kind != File {
		return true
	}
	first, _ := v.tree.links.names(e.Number - e.c.first)
	return v.tree.links.positions(e.c.perm.To(e.slot)) == first
}

// Links returns how many names the entry's file has.
func (v *View) Links(e Entry) int {
	if e.Kind != File {
		return 1
	}
	first, n := v.tree.links.names(e.Number - e.c.first)
	return int(min(n, v.tree.links.positions(e.c.aliveAt(v.generation))-first))
}

// Holds returns the stream of the tree, and the offset in it at birth, that has
// block n of the pool that the generation's cohort shares.
func (t *Tree) Holds(birth uint16, block uint64) (number uint32, off int64, ok bool) {
	c := t.cohortOf(birth)
	if c == nil || c.pool == nil {
		return 0, 0, false
	}
	unit := uint64(t.DedupUnit)
	if (block+1)*unit > c.sizes.bytes {
		return 0, 0, false
	}
	// The file whose first block is the last at or before this one: files share the bytes of the cohort
	// in order, and count blocks from the one in which they begin.
	inode := c.sizes.at(min((block+1)*unit-1, c.sizes.bytes-1))
	for {
		start := c.sizes.before(inode) / unit
		if size := c.sizes.before(inode+1) - c.sizes.before(inode); block >= start && block-start < size/unit {
			return uint32(c.first + inode), int64((block - start) * unit), true
		}
		if inode == 0 || start+1 < block {
			return 0, 0, false
		}
		inode--
	}
}

// Pool returns the pool of blocks of the generation's cohort, or nil.
func (t *Tree) Pool(birth uint16) *stream.Pool {
	if c := t.cohortOf(birth); c != nil {
		return c.pool
	}
	return nil
}

// Attributes are an entry's, but for what its kind says.
type Attributes struct {
	Mode     uint32 // permission bits
	UID, GID uint32
	Time     time.Time // of the last change; zero for directories, whose times say what was done to them
	Xattrs   map[string]string
}

var (
	fileModes      = [...]uint32{0o644, 0o644, 0o644, 0o600, 0o640, 0o664, 0o444, 0o755}
	directoryModes = [...]uint32{0o755, 0o755, 0o750, 0o775, 0o700}
)

// owners is how many users and groups own files; their numbers begin at firstOwner.
const (
	owners     = 8
	firstOwner = 1000
)

// Attributes returns those of the entry; names of one file have the same.
func (v *View) Attributes(e Entry) Attributes {
	t := v.tree
	k := t.attrKey.Sub(e.ID())
	birth := uint16(0)
	if e.c != nil {
		birth = e.c.birth
	}
	since := birth // when mode and owner last changed
	for g := v.generation; g > birth; g-- {
		if t.Spec.Attributes.Hit(k.At(uint64(g))) {
			since = g
			break
		}
	}
	u := k.Sub(1 << 40).At(uint64(since))
	a := Attributes{UID: firstOwner + uint32(u>>8%owners), GID: firstOwner + uint32(u>>16%owners)}
	switch e.Kind {
	case Directory:
		a.Mode = directoryModes[u>>24%uint64(len(directoryModes))]
		return a
	case Symlink:
		a.Mode, a.Time = 0o777, t.time(e, birth)
		return a
	}
	a.Mode = fileModes[u>>24%uint64(len(fileModes))]
	a.Time = t.time(e, v.changed(e))
	if t.Xattrs > 0 && t.Xattrs.Hit(k.Sub(1<<41).At(0)) {
		a.Xattrs = map[string]string{"user.reckon.kind": fileWords[u>>32%uint64(len(fileWords))], "user.reckon.serial": fmt.Sprintf("%016x", u)}
	}
	return a
}

// changed returns the last generation that wrote to the file.
func (v *View) changed(e Entry) uint16 {
	if e.Kind == Symlink {
		return e.c.birth
	}
	k := e.c.group(e.Number - e.c.first)
	for g := v.generation; g > e.c.birth; g-- {
		if v.tree.turns.due(k, uint64(g)) {
			return g
		}
	}
	return e.c.birth
}

// Changed reports whether the view's generation wrote to the entry's file, or added it.
func (v *View) Changed(e Entry) bool { return e.c != nil && v.changed(e) == v.generation }

// time returns when within the generation's window the entry was written, in whole seconds,
// since not every tool keeps parts of one.
func (t *Tree) time(e Entry, generation uint16) time.Time {
	window := uint64(t.Period / time.Second)
	into := draw.Below(t.timeKey.Sub(e.ID()).At(uint64(generation)), window)
	return t.Start.Add(time.Duration(generation) * (t.Period / time.Second * time.Second)).Add(time.Duration(into) * time.Second)
}

// longestTarget is how long a symbolic link's path is at most; file systems take 4095 bytes, some of them 1023.
const longestTarget = 1023

// Target returns what the symbolic link leads to: a path relative to its directory, of another
// entry of the tree. Later generations may have removed that, as happens. Where the path would be
// too long, the link leads to its own directory.
func (v *View) Target(e Entry) string {
	if path := v.target(e); len(path) <= longestTarget {
		return path
	}
	return "."
}

func (v *View) target(e Entry) string {
	t := v.tree
	u := t.linkKey.Sub(uint64(e.c.birth)).At(e.Number)
	up := ""
	for d := e.Parent; d > 0; d = t.parent(d) {
		up += "../"
	}
	first := t.cohorts[0]
	if u%4 == 0 && t.Directories > 0 || first.inodes == 0 {
		return up + "./" + t.directoryPath(draw.Below(u, t.all()))
	}
	position, _ := t.links.names(draw.Below(u, first.inodes))
	slot := first.perm.From(t.links.rank(position))
	target := t.fileEntry(first, slot, first.directory(slot, t.all()))
	return up + v.Path(target)
}

// Alive returns the generations, of those that there are, in which the stream has a name.
func (t *Tree) Alive(number uint32) (first, last int, ok bool) {
	c, inode, ok := t.owner(number)
	if !ok {
		return 0, 0, false
	}
	position, _ := t.links.names(inode)
	rank := t.links.rank(position)
	n := sort.Search(len(c.alive), func(i int) bool { return c.alive[i] <= rank })
	return int(c.birth), int(c.birth) + n - 1, n > 0
}
