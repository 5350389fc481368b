// Package wal keeps records on disk: a log of segments, and snapshots that take the place of old
// ones.
//
// Records that were queued while the disk was busy are written and synced together (group commit).
// A record is in a frame of its length, its CRC32C, and itself. What a crash tore off the end of
// the last segment is cut, and kept beside it; damage anywhere else is an error.
//
// A directory holds log-N, the records since snap-N was begun, and belongs to one cluster and one
// process.
package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Durability is what a record waits for.
type Durability string

const (
	Sync     Durability = "sync"     // fdatasync: it survives a loss of power
	Interval Durability = "interval" // the page cache; synced every 100 ms: it survives the end of the process
	None     Durability = "none"     // the page cache
)

// Durabilities are the levels.
var Durabilities = []string{string(Sync), string(Interval), string(None)}

// interval is the time between two syncs with the durability Interval.
const interval = 100 * time.Millisecond

// Options say where a log is and how it is kept.
type Options struct {
	Dir        string
	Cluster    uint64 // whose data it is
	Durability Durability
	Compact    int64                            // bytes of log after which a snapshot takes its place; 64 MiB
	Logf       func(format string, args ...any) // for what happens once in a while
}

// ErrFatal means that nobody knows what is on the disk: the process must end, and start again from
// what is there.
var ErrFatal = errors.New("disk failed")

// Log is an open log. Submit and Discard may be called at any time.
type Log struct {
	o    Options
	lock *os.File

	mu     sync.Mutex
	queue  []record
	wake   chan struct{}
	closed bool

	file     *os.File
	number   uint64 // of the open segment
	size     int64  // of it
	since    int64  // bytes since the last snapshot was begun
	buffer   []byte
	dirty    bool
	snapping chan struct{} // closed when no snapshot is being written
}

type record struct {
	id   uint64
	data []byte
}

// Open takes possession of the directory, which it makes if need be, and gives load every record in
// it, in order.
func Open(o Options, load func(record []byte) error) (*Log, error) {
	if o.Compact == 0 {
		o.Compact = 64 << 20
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{o: o, wake: make(chan struct{}, 1), snapping: make(chan struct{})}
	close(l.snapping)
	if err := l.take(); err != nil {
		return nil, err
	}
	if err := l.replay(load); err != nil {
		l.lock.Close()
		return nil, err
	}
	return l, nil
}

// take has the directory for this process alone.
func (l *Log) take() error {
	f, err := os.OpenFile(filepath.Join(l.o.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return fmt.Errorf("open log %s: another process uses it", l.o.Dir)
	}
	l.lock = f
	return nil
}

// Submit queues a record. Run confirms it.
func (l *Log) Submit(id uint64, data []byte) {
	l.mu.Lock()
	l.queue = append(l.queue, record{id, data})
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Discard drops what is queued and not being written.
func (l *Log) Discard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = nil
}

// Events are what Run calls, one at a time.
type Events struct {
	Written  func(id uint64)                          // the record and all before it are as durable as asked for
	Failed   func(err error)                          // nothing of what was submitted since the last Written is on disk; call Discard
	Snapshot func() func(yield func(rec []byte) bool) // the state after the last Written, to be read later
}

// Run writes what is submitted until Close, and then returns nil; any other return is an ErrFatal.
func (l *Log) Run(ev Events) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		l.mu.Lock()
		batch := l.queue
		l.queue = nil
		closed := l.closed
		l.mu.Unlock()
		if len(batch) > 0 {
			if err := l.commit(batch, ev); err != nil {
				return err
			}
			continue
		}
		if closed {
			return l.finish()
		}
		select {
		case <-l.wake:
		case <-ticker.C:
			if err := l.syncLate(); err != nil {
				return err
			}
		}
	}
}

// commit writes a batch, and begins a snapshot where it is time for one.
func (l *Log) commit(batch []record, ev Events) error {
	l.buffer = l.buffer[:0]
	for _, r := range batch {
		l.buffer = appendFrame(l.buffer, r.data)
	}
	if _, err := l.file.WriteAt(l.buffer, l.size); err != nil {
		if terr := l.file.Truncate(l.size); terr != nil {
			return fmt.Errorf("%w: write: %w; cut off what was written: %w", ErrFatal, err, terr)
		}
		ev.Failed(err)
		return nil
	}
	if l.o.Durability == Sync {
		if err := syncData(l.file); err != nil {
			return fmt.Errorf("%w: sync: %w", ErrFatal, err)
		}
	}
	l.dirty = l.o.Durability == Interval
	l.size += int64(len(l.buffer))
	l.since += int64(len(l.buffer))
	if cap(l.buffer) > 16<<20 {
		l.buffer = nil
	}
	ev.Written(batch[len(batch)-1].id)
	if l.since >= l.o.Compact && l.idle() {
		return l.snapshot(ev)
	}
	return nil
}

// syncLate is the sync of the durability Interval.
func (l *Log) syncLate() error {
	if !l.dirty {
		return nil
	}
	l.dirty = false
	if err := syncData(l.file); err != nil {
		return fmt.Errorf("%w: sync: %w", ErrFatal, err)
	}
	return nil
}

func (l *Log) idle() bool {
	select {
	case <-l.snapping:
		return true
	default:
		return false
	}
}

// Close has Run write what was submitted and return.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Log) finish() error {
	<-l.snapping
	defer l.lock.Close()
	if err := syncData(l.file); err != nil {
		return fmt.Errorf("%w: sync: %w", ErrFatal, err)
	}
	return l.file.Close()
}

// snapshot begins the next segment, and has the state of before it written aside.
func (l *Log) snapshot(ev Events) error {
	old, number := l.file, l.number+1
	if err := l.begin(number); err != nil {
		l.o.Logf("begin a segment: %v; the log goes on growing", err)
		l.since = 0
		return nil
	}
	if err := syncData(old); err != nil {
		return fmt.Errorf("%w: sync: %w", ErrFatal, err)
	}
	old.Close()
	l.since = 0
	l.snapping = make(chan struct{})
	state := ev.Snapshot()
	go func(done chan struct{}) {
		defer close(done)
		if err := writeSnapshot(l.o, number, state); err != nil {
			l.o.Logf("write a snapshot: %v; the log goes on growing", err)
			return
		}
		if err := sweep(l.o.Dir, number); err != nil {
			l.o.Logf("remove old segments: %v", err)
		}
	}(l.snapping)
	return nil
}

// begin makes a new segment the open one.
func (l *Log) begin(number uint64) error {
	f, err := os.OpenFile(filepath.Join(l.o.Dir, logName(number)), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	head := header(l.o.Cluster)
	if _, err := f.Write(head); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err := errors.Join(syncData(f), syncDir(l.o.Dir)); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	l.file, l.number, l.size = f, number, int64(len(head))
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// sweep removes what a snapshot has made useless.
func sweep(dir string, number uint64) error {
	logs, snaps, err := list(dir)
	if err != nil {
		return err
	}
	var failed error
	for _, n := range logs {
		if n < number {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, logName(n))))
		}
	}
	for _, n := range snaps {
		if n < number {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, snapName(n))))
		}
	}
	return failed
}

func logName(n uint64) string  { return fmt.Sprintf("log-%016x", n) }
func snapName(n uint64) string { return fmt.Sprintf("snap-%016x", n) }

// list finds the segments and snapshots, in order.
func list(dir string) (logs, snaps []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		var n uint64
		if k, _ := fmt.Sscanf(e.Name(), "log-%016x", &n); k == 1 && e.Name() == logName(n) {
			logs = append(logs, n)
		}
		if k, _ := fmt.Sscanf(e.Name(), "snap-%016x", &n); k == 1 && e.Name() == snapName(n) {
			snaps = append(snaps, n)
		}
	}
	slices.Sort(logs)
	slices.Sort(snaps)
	return logs, snaps, nil
}
