package disk

import (
	"fmt"
	"maps"
	"slices"
)

// A Cut says what a power cut leaves of what no sync has put on the medium.
type Cut uint8

const (
	// Lose: nothing of it. It is the zero value.
	Lose Cut = iota
	// Prefix: of each file, and of the names, what was written first, up to a random sector: writes reach the medium in
	// order, and the last of them is torn.
	Prefix
	// Any: each sector by itself, or not. Writes between two syncs were reordered. Names still change in order, as in a journal.
	Any
	// Keep: all of it, as though the cache had been written back just before.
	Keep
)

func (c Cut) String() string {
	switch c {
	case Lose:
		return "lose"
	case Prefix:
		return "prefix"
	case Any:
		return "any"
	case Keep:
		return "keep"
	}
	return fmt.Sprintf("Cut(%d)", uint8(c))
}

// PowerCut loses the cache: what the cut leaves of it is on the medium, and is all that there is from now on. Requests
// that are under way are never answered.
func (d *Disk) PowerCut(c Cut) {
	d.counts.Cuts++
	d.epoch++
	d.busy = 0
	for _, f := range d.inodes() {
		d.leave(f, c)
	}
	keep := len(d.names)
	switch c {
	case Lose:
		keep = 0
	case Prefix, Any:
		keep = d.rng.IntN(len(d.names) + 1)
	}
	for _, n := range d.names[:keep] {
		d.putName(n)
	}
	d.names = nil
	d.files = maps.Clone(d.medium)
	for _, f := range d.files {
		f.cache, f.dirty = slices.Clone(f.medium), nil
	}
}

// inodes lists all files once, in the order of their names, so that random numbers are drawn in one order.
func (d *Disk) inodes() (all []*inode) {
	seen := map[*inode]bool{}
	for _, names := range []map[string]*inode{d.files, d.medium} {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if f := names[name]; !seen[f] && len(f.dirty) > 0 {
				seen[f] = true
				all = append(all, f)
			}
		}
	}
	return all
}

// leave puts on the medium what the cut leaves of the file's unsynced writes.
func (d *Disk) leave(f *inode, c Cut) {
	var keep func() bool
	switch c {
	case Lose:
		return
	case Prefix:
		sectors := 0
		for _, e := range f.dirty {
			sectors += e.sectors()
		}
		left := d.rng.IntN(sectors + 1)
		keep = func() bool { left--; return left >= 0 }
	case Any:
		keep = func() bool { return d.rng.IntN(2) == 0 }
	}
	for _, e := range f.dirty {
		f.put(e, keep)
	}
}

// sectors is how many decisions put takes about the extent.
func (e extent) sectors() int {
	if e.truncate || e.to == e.from {
		return 1
	}
	return (e.to-1)/Sector - e.from/Sector + 1
}
