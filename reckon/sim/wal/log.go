package wal

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
)

const (
	segmentDir  = "wal"
	snapshotDir = "snap"
)

// A Mark says which snapshot the log goes on from.
type Mark struct{ Index, Term uint64 }

// Options say how a log is kept. The defects are for planting: see package raftkv.
type Options struct {
	SegmentSize int // bytes after which a new segment is begun; 64 KiB where it is 0
	// SkipDirSync leaves the directory unsynced after a new segment was renamed into place.
	SkipDirSync bool
	// SkipOpenSync does not sync what the log holds when it is opened.
	SkipOpenSync bool
	// SkipTerm writes no record where only the term changed.
	SkipTerm bool
}

func (o Options) segmentSize() int {
	if o.SegmentSize == 0 {
		return 64 << 10
	}
	return o.SegmentSize
}

// A Log is an open write-ahead log. All of its requests run through one disk in order; done functions are called as
// events, with the first error of what was to be done.
type Log struct {
	disk    *disk.Disk
	options Options
	segment string // the one that is written to
	number  uint64 // of it
	size    int
	lasts   []lastIndex // of earlier segments, oldest first
	last    uint64      // highest index written
	state   *raftpb.HardState
	mark    Mark
	buffer  []byte
	guard   func(func(error)) func(error)
	cutting bool
	waiting []func() // what is to be written to the new segment
}

type lastIndex struct {
	segment string
	index   uint64
}

func segmentName(n uint64) string { return fmt.Sprintf("%s/%016x.wal", segmentDir, n) }
func snapshotName(m Mark) string {
	return fmt.Sprintf("%s/%016x-%016x.snap", snapshotDir, m.Term, m.Index)
}

// snapshotMark is the mark in the name of a snapshot; ok is false of what is being written.
func snapshotMark(name string) (m Mark, ok bool) {
	n, err := fmt.Sscanf(name, snapshotDir+"/%016x-%016x.snap", &m.Term, &m.Index)
	return m, n == 2 && err == nil && name == snapshotName(m)
}

func temporary(name string) string { return name + ".tmp" }

// Create makes a log that begins at First with the state. It is on the medium when Create
// returns, without virtual time passing. guard wraps each completion that the log waits for itself, so that none
// comes back to a program that has ended.
func Create(d *disk.Disk, st *raftpb.HardState, o Options, guard func(func(error)) func(error)) (*Log, error) {
	l := &Log{disk: d, options: o, guard: guard, state: st, mark: First, last: First.Index, segment: segmentName(0)}
	b := appendState(appendMark(nil, First), st)
	l.size = len(b)
	if err := d.Write(l.segment, 0, b, nil); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	if err := d.SyncNow(l.segment); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	d.SyncDirNow(segmentDir)
	return l, nil
}

// Append writes the state, unless it is empty or the same, and the entries, and begins a new segment where the present one
// is full. done is called once all of it may be relied on: at once where sync is false.
func (l *Log) Append(st *raftpb.HardState, entries []*raftpb.Entry, sync bool, done func(error)) {
	if l.cutting {
		l.waiting = append(l.waiting, func() { l.append(st, entries, sync, done) })
		return
	}
	l.append(st, entries, sync, done)
}

// whole runs f once no segment is being begun.
func (l *Log) whole(f func()) {
	if l.cutting {
		l.waiting = append(l.waiting, f)
		return
	}
	f()
}

func (l *Log) append(st *raftpb.HardState, entries []*raftpb.Entry, sync bool, done func(error)) {
	b := l.buffer[:0]
	for _, e := range entries {
		b = appendEntry(b, e)
		l.last = e.GetIndex()
	}
	if !raft.IsEmptyHardState(st) {
		onlyTerm := l.state.GetVote() == st.GetVote() || st.GetVote() == 0
		if !l.options.SkipTerm || !onlyTerm {
			b = appendState(b, st)
		}
		l.state = st
	}
	l.buffer = b
	err := l.write(b)
	switch {
	case err != nil:
		done(err)
	case l.size > l.options.segmentSize():
		l.cut(done)
	case sync:
		l.disk.Sync(l.segment, l.guard(done))
	default:
		done(nil)
	}
}

func (l *Log) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := l.disk.Write(l.segment, l.size, b, nil); err != nil {
		return fmt.Errorf("append to log: %w", err)
	}
	l.size += len(b)
	return nil
}

// cut begins a new segment: the old one is synced, and the new one synced under a temporary name before it gets its own.
func (l *Log) cut(done func(error)) {
	old := l.segment
	l.lasts = append(l.lasts, lastIndex{old, l.last})
	l.number++
	name := segmentName(l.number)
	head := appendState(appendMark(nil, l.mark), l.state)
	l.cutting = true
	finish := func(err error) {
		l.segment, l.size, l.cutting = name, len(head), false
		done(err)
		waiting := l.waiting
		l.waiting = nil
		for _, f := range waiting {
			l.whole(f)
		}
	}
	chain(finish,
		func(then func(error)) { l.disk.Sync(old, l.guard(then)) },
		func(then func(error)) {
			if err := l.disk.Write(temporary(name), 0, head, nil); err != nil {
				then(err)
				return
			}
			l.disk.Sync(temporary(name), l.guard(then))
		},
		func(then func(error)) { l.disk.Rename(temporary(name), name, l.guard(then)) },
		func(then func(error)) {
			if l.options.SkipDirSync {
				then(nil)
				return
			}
			l.disk.SyncDir(segmentDir, l.guard(then))
		})
}

// chain runs the steps one after the other, until one fails.
func chain(done func(error), steps ...func(then func(error))) {
	if len(steps) == 0 {
		done(nil)
		return
	}
	steps[0](func(err error) {
		if err != nil {
			done(err)
			return
		}
		chain(done, steps[1:]...)
	})
}

// Save writes the snapshot to a file of its own, and then its mark to the log. done is called when both may be relied on.
func (l *Log) Save(m Mark, data []byte, done func(error)) {
	name := snapshotName(m)
	framed, start := begin(nil, snapshotRecord)
	framed = end(append(framed, data...), start)
	chain(done,
		func(then func(error)) {
			if err := l.disk.Write(temporary(name), 0, framed, nil); err != nil {
				then(err)
				return
			}
			l.disk.Sync(temporary(name), l.guard(then))
		},
		func(then func(error)) { l.disk.Rename(temporary(name), name, l.guard(then)) },
		func(then func(error)) { l.disk.SyncDir(snapshotDir, l.guard(then)) },
		func(then func(error)) {
			l.whole(func() {
				if m.Index > l.mark.Index { // one that was taken may have been overtaken by one that was installed
					l.mark = m
				}
				l.last = max(l.last, m.Index)
				if err := l.write(appendMark(nil, m)); err != nil {
					then(err)
					return
				}
				l.disk.Sync(l.segment, l.guard(then))
			})
		})
}

// Release removes segments whose entries all come before the index, and snapshots before the newest.
func (l *Log) Release(before uint64) error {
	for len(l.lasts) > 0 && l.lasts[0].index < before {
		if err := l.disk.Remove(l.lasts[0].segment); err != nil {
			return fmt.Errorf("release log: %w", err)
		}
		l.lasts = l.lasts[1:]
	}
	for _, name := range l.disk.List(snapshotDir) {
		if m, ok := snapshotMark(name); ok && m.Index < l.mark.Index {
			if err := l.disk.Remove(name); err != nil {
				return fmt.Errorf("release log: %w", err)
			}
		}
	}
	return nil
}
