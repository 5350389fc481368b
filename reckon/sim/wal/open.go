package wal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
)

// Contents is what a log holds.
type Contents struct {
	State    *raftpb.HardState
	Snapshot Mark
	Data     []byte          // of the snapshot; none at the log's first mark
	Entries  []*raftpb.Entry // after the snapshot
}

// ErrNone means that there is no log on the disk.
var ErrNone = errors.New("no log")

// Open reads the log and makes it ready to be appended to. A torn record at its end is cut off, as is the rest; damage,
// a missing segment, or a missing snapshot is an error.
func Open(d *disk.Disk, o Options, guard func(func(error)) func(error)) (*Log, *Contents, error) {
	segments, err := readSegments(d)
	if err != nil {
		return nil, nil, err
	}
	var r reader
	for i := range segments {
		if err := r.marks(&segments[i], i == len(segments)-1); err != nil {
			return nil, nil, fmt.Errorf("open log: %s at %d: %w", segments[i].name, segments[i].end, err)
		}
	}
	l := &Log{disk: d, options: o, guard: guard}
	for i, s := range segments {
		if err := r.entries(&s); err != nil {
			return nil, nil, fmt.Errorf("open log: %s: %w", s.name, err)
		}
		if i < len(segments)-1 {
			l.lasts = append(l.lasts, lastIndex{s.name, r.last})
		}
	}
	tail := segments[len(segments)-1]
	l.segment, l.number, l.size = tail.name, tail.number, tail.end
	if err := l.settle(len(tail.content)); err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	c := r.contents
	if c.State == nil || c.Snapshot == (Mark{}) {
		return nil, nil, fmt.Errorf("open log: it has no head: %w", errTorn)
	}
	l.state, l.mark, l.last = c.State, c.Snapshot, max(r.last, c.Snapshot.Index)
	c.Data, err = readSnapshot(d, c.Snapshot)
	if err != nil {
		return nil, nil, err
	}
	return l, &c, nil
}

type segment struct {
	name    string
	number  uint64
	content []byte
	end     int // of the last good record
}

func readSegments(d *disk.Disk) (all []segment, err error) {
	for _, name := range d.List(segmentDir) {
		number, ok := segmentNumber(name)
		if !ok {
			continue // a temporary file that a crash left
		}
		s := segment{name: name, number: number}
		if n := len(all); n > 0 && s.number != all[n-1].number+1 {
			return nil, fmt.Errorf("open log: segment %d follows segment %d", s.number, all[n-1].number)
		}
		if s.content, err = d.ReadFile(name); err != nil {
			return nil, fmt.Errorf("open log: %w", err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, ErrNone
	}
	return all, nil
}

// segmentNumber is the number in the name of a segment.
func segmentNumber(name string) (n uint64, ok bool) {
	digits, ok := strings.CutSuffix(strings.TrimPrefix(name, segmentDir+"/"), ".wal")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// settle cuts off what follows the last good record, and sees to it that what was read stays. The program before may have been
// killed between a write and its sync: what it wrote is in the cache, is read from there, and is acknowledged to whoever
// asks, without being written again.
func (l *Log) settle(size int) error {
	if size != l.size {
		if err := l.disk.Truncate(l.segment, l.size); err != nil {
			return err
		}
	}
	if l.options.SkipOpenSync {
		return nil
	}
	for _, s := range l.lasts {
		if err := l.disk.SyncNow(s.segment); err != nil {
			return err
		}
	}
	if err := l.disk.SyncNow(l.segment); err != nil {
		return err
	}
	l.disk.SyncDirNow(segmentDir)
	l.disk.SyncDirNow(snapshotDir)
	return nil
}

// First is the mark of a new log, at which the state is empty.
var First = Mark{Index: 1, Term: 1}

// readSnapshot reads the snapshot of the mark; the empty state has none.
func readSnapshot(d *disk.Disk, m Mark) ([]byte, error) {
	if m == First {
		return nil, nil
	}
	content, err := d.ReadFile(snapshotName(m))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	_, data, _, err := next(content, 0)
	if err != nil {
		return nil, fmt.Errorf("open log: snapshot at %d: %w", m.Index, err)
	}
	return data, nil
}

// A reader puts a log's records together, in two passes: which snapshot is the newest decides which entries count.
type reader struct {
	contents Contents
	last     uint64 // index of the entry that was read last
	atMark   uint64 // term of the log's entry where the snapshot ends, 0 where it is not known
}

// marks is the first pass: it finds the end of the segment and the newest snapshot.
func (r *reader) marks(s *segment, tail bool) error {
	for {
		kind, payload, after, err := next(s.content, s.end)
		switch {
		case err == errEnd, err == errTorn && tail:
			return nil
		case err != nil:
			return err
		case kind == snapshotRecord:
			var m Mark
			if _, ok := uvarints(payload, &m.Index, &m.Term); !ok {
				return errDamage
			}
			if m.Index > r.contents.Snapshot.Index {
				r.contents.Snapshot = m
			}
		}
		s.end = after
	}
}

// entries is the second pass.
func (r *reader) entries(s *segment) error {
	for at := 0; at < s.end; {
		kind, payload, after, err := next(s.content, at)
		if err != nil {
			return err
		}
		if err := r.add(kind, payload); err != nil {
			return err
		}
		at = after
	}
	return nil
}

func (r *reader) add(kind byte, payload []byte) error {
	c := &r.contents
	switch kind {
	case entryRecord:
		e, err := decodeEntry(payload)
		if err != nil {
			return err
		}
		return r.entry(e)
	case stateRecord:
		if c.State == nil { // of thousands of records one is kept, the last
			c.State = &raftpb.HardState{Term: new(uint64), Vote: new(uint64), Commit: new(uint64)}
		}
		if _, ok := uvarints(payload, c.State.Term, c.State.Vote, c.State.Commit); !ok {
			return errDamage
		}
	case snapshotRecord:
		var m Mark
		if _, ok := uvarints(payload, &m.Index, &m.Term); !ok {
			return errDamage
		}
		// A snapshot of another history than the log's replaces all of the log.
		if m == c.Snapshot && r.atMark != m.Term {
			c.Entries, r.atMark, r.last = nil, m.Term, m.Index
		}
	default:
		return errDamage
	}
	return nil
}

// decodeEntry reads an entry. Its data is part of the payload, which nobody changes, and all else one allocation: a boot reads
// thousands.
func decodeEntry(payload []byte) (*raftpb.Entry, error) {
	var e struct {
		raftpb.Entry
		index, term uint64
		kind        raftpb.EntryType
	}
	x := &e
	rest, ok := uvarints(payload, &x.index, &x.term)
	if !ok || len(rest) == 0 {
		return nil, errDamage
	}
	x.kind = raftpb.EntryType(rest[0])
	x.Index, x.Term, x.Type = &x.index, &x.term, &x.kind
	if len(rest) > 1 {
		x.Data = rest[1:len(rest):len(rest)]
	}
	return &x.Entry, nil
}

// entry adds the entry in place of all from its index on. One that the snapshot covers is passed over.
func (r *reader) entry(e *raftpb.Entry) error {
	c := &r.contents
	r.last = e.GetIndex()
	if r.last <= c.Snapshot.Index {
		c.Entries = nil
		if r.last == c.Snapshot.Index {
			r.atMark = e.GetTerm()
		} else {
			r.atMark = 0
		}
		return nil
	}
	at := int(r.last - c.Snapshot.Index - 1)
	if at > len(c.Entries) {
		return fmt.Errorf("entry %d follows entry %d: %w", r.last, c.Snapshot.Index+uint64(len(c.Entries)), errDamage)
	}
	c.Entries = append(c.Entries[:at], e)
	return nil
}
