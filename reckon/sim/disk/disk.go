// Package disk is a simulated disk with a file system on it, in the virtual time of package loop.
//
// Its real face is what a program uses: read, write, sync, rename, remove, sync of a directory. A write goes to a
// cache that every later read sees; only a sync that is complete puts it on the medium, sector by sector. Names are
// cached too: a file that was created, renamed or removed is so on the medium only after a sync of its directory, as POSIX
// has it. Killing a program keeps the cache; a power cut loses it, or leaves any part of it.
//
// Its test face (face.go, cut.go) is for faults, tests and people: bad sectors, random failures, torn writes, syncs
// that do nothing, bit rot, a disk that is full, slow or detached.
package disk

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// Sector is the size in bytes of what the medium writes whole or not at all.
const Sector = 512

// What a disk answers.
var (
	ErrNotExist  = errors.New("no such file")
	ErrBadSector = errors.New("input/output error: bad sector")
	ErrFailed    = errors.New("input/output error: random failure")
	ErrFull      = errors.New("no space left on device")
	ErrDetached  = errors.New("no such device: detached")
)

// Latency is how long a request takes: Base, and an exponentially distributed time of mean Spread on top.
type Latency struct{ Base, Spread time.Duration }

func (l Latency) draw(rng *rand.Rand) time.Duration {
	if l.Spread == 0 {
		return l.Base
	}
	return l.Base + time.Duration(rng.ExpFloat64()*float64(l.Spread))
}

// Timing is the latency of each kind of request. Renaming, removing and syncing a directory take as long as Sync.
type Timing struct{ Read, Write, Sync Latency }

// NVMe is the timing of a solid-state disk of a server, in round numbers: 100 us a read, 20 us a write to the cache, a
// millisecond a sync.
var NVMe = Timing{
	Read:  Latency{80 * time.Microsecond, 20 * time.Microsecond},
	Write: Latency{15 * time.Microsecond, 5 * time.Microsecond},
	Sync:  Latency{500 * time.Microsecond, 500 * time.Microsecond},
}

// Counts is what a disk has done so far.
type Counts struct{ Reads, Writes, Syncs, Cuts, Failures uint64 }

// A Disk is a disk with a file system. It is used from within events of its loop.
type Disk struct {
	loop   *loop.Loop
	owner  int // the host whose work its completions are
	rng    *rand.Rand
	timing Timing

	files  map[string]*inode // names as programs see them
	medium map[string]*inode // names that a power cut leaves
	names  []nameChange      // since the last sync of their directory, in order

	busy   time.Duration // until when it works on earlier requests
	epoch  int           // rises with each power cut: requests of an earlier one are never answered
	counts Counts
	face
}

// An inode is a file, whatever its names.
type inode struct {
	cache  []byte // what reads see
	medium []byte // what a power cut leaves
	dirty  []extent
	bad    map[int]bool // bad sectors
}

// An extent is a write that no sync has put on the medium. Its bytes are those that the cache holds there by then.
type extent struct {
	from, to int
	truncate bool // the file ends at from
	torn     int  // above 0: sectors after so many never reach the medium
}

// A nameChange is a change of the directory that no sync has put on the medium; a nil file removes the name.
type nameChange struct {
	name string
	file *inode
}

// New makes an empty disk. Its owner is the number of the host that uses it, its random stream is named after name.
func New(l *loop.Loop, owner int, name string, t Timing) *Disk {
	return &Disk{
		loop: l, owner: owner, rng: l.Rand("disk " + name), timing: t,
		files: map[string]*inode{}, medium: map[string]*inode{},
	}
}

// SetOwner gives the disk to another host: its completions are that host's work.
func (d *Disk) SetOwner(host int) { d.owner = host }

// Counts returns what the disk has done so far.
func (d *Disk) Counts() Counts { return d.counts }

// ReadFile returns a copy of the whole file at once, without virtual time passing: it is for programs that start.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	d.counts.Reads++
	f, err := d.open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := f.readable(0, len(f.cache)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return slices.Clone(f.cache), nil
}

// Read reads up to len(b) bytes at the offset and calls done with how many there were.
func (d *Disk) Read(name string, at int, b []byte, done func(n int, err error)) {
	d.counts.Reads++
	d.request(d.timing.Read, func() {
		f, err := d.open(name)
		if err != nil {
			done(0, fmt.Errorf("read %s: %w", name, err))
			return
		}
		n := 0
		if at < len(f.cache) {
			n = copy(b, f.cache[at:])
		}
		if err := f.readable(at, at+n); err != nil {
			done(0, fmt.Errorf("read %s: %w", name, err))
			return
		}
		done(n, nil)
	})
}

// Write writes into the cache at the offset, and creates the file where there is none. Later reads see it at once; done,
// unless nil, is called when the disk has accepted it. An error is known at once, and returned.
func (d *Disk) Write(name string, at int, b []byte, done func(error)) error {
	d.counts.Writes++
	if err := d.write(name, at, b); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if done != nil {
		d.request(d.timing.Write, func() { done(nil) })
	}
	return nil
}

func (d *Disk) write(name string, at int, b []byte) error {
	if err := d.fails(); err != nil {
		return err
	}
	f := d.files[name]
	size := 0
	if f != nil {
		size = len(f.cache)
	}
	if grown := at + len(b) - size; grown > 0 && d.full(grown) {
		return ErrFull
	}
	if f == nil {
		f = d.create(name)
	}
	if need := at + len(b); need > len(f.cache) {
		f.cache = append(f.cache, make([]byte, need-len(f.cache))...)
	}
	copy(f.cache[at:], b)
	e := extent{from: at, to: at + len(b)}
	if d.tear {
		d.tear = false
		e.torn = 1 + d.rng.IntN(max(1, (len(b)-1)/Sector))
	}
	f.dirty = append(f.dirty, e)
	return nil
}

func (d *Disk) create(name string) *inode {
	f := &inode{}
	d.files[name] = f
	d.names = append(d.names, nameChange{name, f})
	return f
}

// Truncate cuts the file off at the size. As a write it is on the medium after the next sync of the file.
func (d *Disk) Truncate(name string, size int) error {
	f, err := d.open(name)
	if err != nil {
		return fmt.Errorf("truncate %s: %w", name, err)
	}
	if size < len(f.cache) {
		f.cache = f.cache[:size:size]
		f.dirty = append(f.dirty, extent{from: size, truncate: true})
	}
	return nil
}

// Sync puts what was written to the file so far on the medium, and then calls done. It does not put its name there.
func (d *Disk) Sync(name string, done func(error)) {
	d.counts.Syncs++
	f, err := d.open(name)
	covered := 0
	if err == nil {
		covered = len(f.dirty)
	}
	lost := d.lie > 0
	d.request(d.timing.Sync, func() {
		if err == nil {
			err = d.fails()
		}
		if err != nil {
			done(fmt.Errorf("sync %s: %w", name, err))
			return
		}
		if !lost {
			f.settle(min(covered, len(f.dirty)))
		}
		done(nil)
	})
}

// SyncNow is Sync without virtual time passing, for programs that start.
func (d *Disk) SyncNow(name string) error {
	d.counts.Syncs++
	f, err := d.open(name)
	if err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	if d.lie == 0 {
		f.settle(len(f.dirty))
	}
	return nil
}

// settle puts the first n dirty extents on the medium.
func (f *inode) settle(n int) {
	for _, e := range f.dirty[:n] {
		f.put(e, nil)
	}
	f.dirty = slices.Delete(f.dirty, 0, n)
}

// put puts the extent on the medium, or of it those sectors that keep selects.
func (f *inode) put(e extent, keep func() bool) {
	if e.truncate {
		if keep == nil || keep() {
			f.medium = f.medium[:min(e.from, len(f.medium))]
		}
		return
	}
	to := min(e.to, len(f.cache)) // it may have been truncated since
	written := 0
	for from := e.from; from < to; {
		end := min((from/Sector+1)*Sector, to)
		torn := e.torn > 0 && written >= e.torn
		if !torn && (keep == nil || keep()) {
			if end > len(f.medium) {
				f.medium = append(f.medium, make([]byte, end-len(f.medium))...)
			}
			copy(f.medium[from:end], f.cache[from:end])
		}
		written++
		from = end
	}
}

// Rename gives the file another name, in the cache; done is called when the disk has accepted it.
func (d *Disk) Rename(from, to string, done func(error)) {
	f, err := d.open(from)
	if err == nil {
		delete(d.files, from)
		d.files[to] = f
		d.names = append(d.names, nameChange{to, f}, nameChange{from, nil})
	} else {
		err = fmt.Errorf("rename %s: %w", from, err)
	}
	d.request(d.timing.Write, func() { done(err) })
}

// Remove removes the name, in the cache.
func (d *Disk) Remove(name string) error {
	if _, err := d.open(name); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	delete(d.files, name)
	d.names = append(d.names, nameChange{name, nil})
	return nil
}

// SyncDir puts the names in the directory on the medium, and then calls done.
func (d *Disk) SyncDir(dir string, done func(error)) {
	d.counts.Syncs++
	covered := len(d.names)
	lost := d.lie > 0
	d.request(d.timing.Sync, func() {
		if err := d.fails(); err != nil {
			done(fmt.Errorf("sync directory %s: %w", dir, err))
			return
		}
		if !lost {
			d.settleNames(dir, min(covered, len(d.names)))
		}
		done(nil)
	})
}

func (d *Disk) settleNames(dir string, n int) {
	var left []nameChange
	for i, c := range d.names {
		if i >= n || path.Dir(c.name) != path.Clean(dir) {
			left = append(left, c)
			continue
		}
		d.putName(c)
	}
	d.names = left
}

func (d *Disk) putName(c nameChange) {
	if c.file == nil {
		delete(d.medium, c.name)
		return
	}
	d.medium[c.name] = c.file
}

// List returns the names in the directory, in order, as programs see them.
func (d *Disk) List(dir string) []string { return list(d.files, dir) }

func list(names map[string]*inode, dir string) (all []string) {
	for name := range names {
		if strings.HasPrefix(name, path.Clean(dir)+"/") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// Used returns how many bytes the files hold.
func (d *Disk) Used() int {
	n := 0
	for f := range maps.Values(d.files) {
		n += len(f.cache)
	}
	return n
}

func (d *Disk) open(name string) (*inode, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	f := d.files[name]
	if f == nil {
		return nil, ErrNotExist
	}
	return f, nil
}

// request has the completion run when the disk has worked off what came before and this request's own latency has passed.
func (d *Disk) request(l Latency, complete func()) {
	slowest := 1.0
	for _, factor := range d.slow {
		slowest = max(slowest, *factor)
	}
	took := time.Duration(float64(l.draw(d.rng)) * slowest)
	d.busy = max(d.busy, d.loop.Now()) + took
	epoch := d.epoch
	d.loop.At(d.busy, loop.Label{Kind: loop.Disk, Subject: d.owner}, func() {
		if epoch == d.epoch {
			complete()
		}
	})
}

// SyncDirNow is SyncDir without virtual time passing, for programs that start.
func (d *Disk) SyncDirNow(dir string) {
	d.counts.Syncs++
	if d.lie == 0 {
		d.settleNames(dir, len(d.names))
	}
}
