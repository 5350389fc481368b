package disk

import (
	"fmt"
	"slices"
)

// This file is the disk's test face, but for the power cut (cut.go). What can be undone returns how.

// face is what has been done to a disk. Whatever overlaps is undone in any order.
type face struct {
	failing  []*float64 // probabilities that a request fails
	slow     []*float64 // factors on every latency
	limits   []*int     // bytes at which the disk is full
	detached int
	lie      int  // syncs put nothing on the medium
	tear     bool // the next write is torn
}

// lay adds the value to those that are in effect, until the returned function is called.
func lay[T any](all *[]*T, value T) (undo func()) {
	p := &value
	*all = append(*all, p)
	return func() { *all = slices.DeleteFunc(*all, func(x *T) bool { return x == p }) }
}

// count is lay for what is in effect or not.
func count(n *int) (undo func()) {
	*n++
	done := false
	return func() {
		if !done {
			done = true
			*n--
		}
	}
}

// BadSector makes the sector of the file that holds the offset unreadable until it is mended.
func (d *Disk) BadSector(name string, offset int) (mend func(), err error) {
	f := d.files[name]
	if f == nil {
		return nil, fmt.Errorf("make a bad sector in %s: %w", name, ErrNotExist)
	}
	if f.bad == nil {
		f.bad = map[int]bool{}
	}
	f.bad[offset/Sector] = true
	return func() { delete(f.bad, offset/Sector) }, nil
}

func (f *inode) readable(from, to int) error {
	for s := range f.bad {
		if from < (s+1)*Sector && s*Sector < to {
			return ErrBadSector
		}
	}
	return nil
}

// FailRandomly makes every request fail with the probability.
func (d *Disk) FailRandomly(p float64) (mend func()) {
	return lay(&d.failing, p)
}

func (d *Disk) fails() error {
	if d.detached > 0 {
		d.counts.Failures++
		return ErrDetached
	}
	for _, p := range d.failing {
		if d.rng.Float64() < *p {
			d.counts.Failures++
			return ErrFailed
		}
	}
	return nil
}

// TearNextWrite has only the first sectors of the next write ever reach the medium, although its sync succeeds: nobody
// notices before the cache is lost. A write within one sector is not torn.
func (d *Disk) TearNextWrite() { d.tear = true }

// IgnoreSyncs has syncs succeed without putting anything on the medium, as drives do that lie about their cache.
func (d *Disk) IgnoreSyncs() (mend func()) {
	return count(&d.lie)
}

// Limit makes the disk full once its files hold so many bytes.
func (d *Disk) Limit(bytes int) (mend func()) { return lay(&d.limits, bytes) }

func (d *Disk) full(grown int) bool {
	if len(d.limits) == 0 {
		return false
	}
	used := d.Used() + grown
	return slices.ContainsFunc(d.limits, func(most *int) bool { return used > *most })
}

// Fill makes the disk full now.
func (d *Disk) Fill() (mend func()) { return d.Limit(d.Used()) }

// Slow multiplies every latency by the factor; of several, the largest counts.
func (d *Disk) Slow(factor float64) (mend func()) {
	return lay(&d.slow, factor)
}

// Detach makes every request fail until the disk is attached again. Its contents stay.
func (d *Disk) Detach() (attach func()) {
	return count(&d.detached)
}

// Rot flips a bit of the file, on the medium and in the cache, and nobody is told.
func (d *Disk) Rot(name string, offset int, bit uint) error {
	f := d.files[name]
	if f == nil || offset >= len(f.cache) {
		return fmt.Errorf("rot %s at %d: %w", name, offset, ErrNotExist)
	}
	f.cache[offset] ^= 1 << (bit % 8)
	if offset < len(f.medium) {
		f.medium[offset] ^= 1 << (bit % 8)
	}
	return nil
}

// Medium returns what a power cut that leaves nothing of the cache would leave of the file, and whether its name would be
// there. The bytes are the disk's own and must not be changed.
func (d *Disk) Medium(name string) (content []byte, ok bool) {
	f := d.medium[name]
	if f == nil {
		return nil, false
	}
	return f.medium, true
}

// MediumList returns the names in the directory that such a power cut would leave, in order.
func (d *Disk) MediumList(dir string) []string { return list(d.medium, dir) }

// Unsynced returns how many bytes of writes and how many changes of names are in the cache alone.
func (d *Disk) Unsynced() (bytes, names int) {
	for _, f := range d.files {
		for _, e := range f.dirty {
			bytes += max(0, e.to-e.from)
		}
	}
	return bytes, len(d.names)
}

// Clone makes a disk of another host with the same files, cache and all: a backup, or the disk of a twin.
func (d *Disk) Clone(owner int, name string) *Disk {
	c := New(d.loop, owner, name, d.timing)
	copies := map[*inode]*inode{}
	copied := func(f *inode) *inode {
		if f == nil {
			return nil
		}
		if copies[f] == nil {
			copies[f] = &inode{cache: slices.Clone(f.cache), medium: slices.Clone(f.medium), dirty: slices.Clone(f.dirty)}
		}
		return copies[f]
	}
	for n, f := range d.files {
		c.files[n] = copied(f)
	}
	for n, f := range d.medium {
		c.medium[n] = copied(f)
	}
	for _, n := range d.names {
		c.names = append(c.names, nameChange{n.name, copied(n.file)})
	}
	return c
}
