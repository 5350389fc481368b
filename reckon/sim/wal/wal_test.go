package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// bench is a log on a disk, with a model of what was promised of it.
type bench struct {
	*testing.T
	loop    *loop.Loop
	disk    *disk.Disk
	log     *Log
	options Options
	rng     *rand.Rand

	written  map[uint64]uint64 // term by index, of what was appended
	last     uint64
	state    *raftpb.HardState
	promised promise // what was acknowledged to be durable
}

type promise struct {
	last, term uint64
	mark       Mark
}

func alive(f func(error)) func(error) { return f }

func newBench(t *testing.T, seed uint64, o Options) *bench {
	l := loop.New(seed)
	b := &bench{T: t, loop: l, disk: disk.New(l, 0, "n1", disk.NVMe), options: o, rng: rand.New(rand.NewPCG(seed, 1))}
	if _, _, err := Open(b.disk, o, alive); !errors.Is(err, ErrNone) {
		t.Fatalf("an empty disk: %v", err)
	}
	b.state = &raftpb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(uint64(1))}
	log, err := Create(b.disk, b.state, o, alive)
	if err != nil {
		t.Fatal(err)
	}
	b.log, b.written, b.last = log, map[uint64]uint64{}, First.Index
	b.promised = promise{last: First.Index, term: 1, mark: First}
	return b
}

// append appends entries from an index that is not promised away on, which may overwrite some, and runs for a moment.
func (b *bench) append() {
	from := b.promised.last + 1
	if b.last > b.promised.last {
		from += uint64(b.rng.IntN(int(b.last - b.promised.last)))
	}
	term := b.state.GetTerm() + uint64(b.rng.IntN(2))
	b.state = &raftpb.HardState{Term: new(term), Vote: new(uint64(1)), Commit: new(b.promised.last)}
	var entries []*raftpb.Entry
	for i := range uint64(1 + b.rng.IntN(4)) {
		entries = append(entries, &raftpb.Entry{Index: new(from + i), Term: new(term), Data: bytes.Repeat([]byte{0xa5}, b.rng.IntN(700))})
		b.written[from+i] = term
	}
	b.last = entries[len(entries)-1].GetIndex()
	p := promise{last: b.last, term: term, mark: b.promised.mark}
	b.log.Append(b.state, entries, true, func(err error) {
		if err != nil {
			b.Fatal(err)
		}
		p.mark = b.promised.mark
		b.promised = p
	})
}

func (b *bench) snapshot() {
	m := Mark{b.promised.last, b.written[b.promised.last]}
	if m.Index <= b.promised.mark.Index {
		return
	}
	b.log.Save(m, fmt.Appendf(nil, "state at %d", m.Index), func(err error) {
		if err != nil {
			b.Fatal(err)
		}
		b.promised.mark = m
		if err := b.log.Release(m.Index); err != nil {
			b.Fatal(err)
		}
	})
}

// reopen opens the log after a crash and holds it to what was promised.
func (b *bench) reopen(what string) {
	b.Helper()
	log, c, err := Open(b.disk, b.options, alive)
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
	if c.State.GetTerm() < b.promised.term || c.Snapshot.Index < b.promised.mark.Index {
		b.Fatalf("%s: term %d and snapshot %v, where term %d and %v were promised", what, c.State.GetTerm(), c.Snapshot, b.promised.term, b.promised.mark)
	}
	if want := fmt.Sprintf("state at %d", c.Snapshot.Index); c.Snapshot != First && string(c.Data) != want {
		b.Fatalf("%s: the snapshot holds %q, want %q", what, c.Data, want)
	}
	last := c.Snapshot.Index + uint64(len(c.Entries))
	if last < b.promised.last {
		b.Fatalf("%s: the log ends at %d, where %d was promised", what, last, b.promised.last)
	}
	for i, e := range c.Entries {
		if e.GetIndex() != c.Snapshot.Index+1+uint64(i) {
			b.Fatalf("%s: entry %d in place %d after %d", what, e.GetIndex(), i, c.Snapshot.Index)
		}
		if i := e.GetIndex(); i <= b.promised.last && e.GetTerm() != b.written[i] {
			b.Fatalf("%s: entry %d has term %d, want %d", what, i, e.GetTerm(), b.written[i])
		}
	}
	b.agrees(what, c, last)
	b.log, b.last = log, last
	for _, e := range c.Entries {
		b.written[e.GetIndex()] = e.GetTerm()
	}
	b.state, b.promised = c.State, promise{last, c.State.GetTerm(), c.Snapshot}
}

// agrees compares a view of the medium with what was read: after opening all of that is durable.
func (b *bench) agrees(what string, c *Contents, last uint64) {
	v := NewView(b.disk)
	v.Update()
	if v.Term != c.State.GetTerm() || v.Last() != last {
		b.Fatalf("%s: the view has term %d and ends at %d, the log %d and %d", what, v.Term, v.Last(), c.State.GetTerm(), last)
	}
	for _, e := range c.Entries {
		if got := v.TermOf(e.GetIndex()); got != e.GetTerm() {
			b.Fatalf("%s: the view has term %d at %d, the log %d", what, got, e.GetIndex(), e.GetTerm())
		}
	}
}

// However the power fails, and however often, what was promised is there, and nothing that was not written.
func TestWhatWasPromisedSurvives(t *testing.T) {
	for seed := range uint64(150) {
		b := newBench(t, seed, Options{SegmentSize: 2048})
		for step := range 60 {
			switch b.rng.IntN(8) {
			case 0:
				b.snapshot()
				_ = b.loop.Run(loop.Stop{Time: b.loop.Now() + 20e6})
			case 1, 2:
				b.append() // and the power fails before it is done
				_ = b.loop.Run(loop.Stop{Step: b.loop.Steps() + uint64(b.rng.IntN(5))})
				c := disk.Cut(b.rng.IntN(4))
				b.disk.PowerCut(c)
				b.reopen(fmt.Sprintf("seed %d, step %d, a cut that leaves %v", seed, step, c))
			default:
				b.append()
				_ = b.loop.Run(loop.Stop{Time: b.loop.Now() + 20e6})
			}
		}
	}
}

// A segment whose directory was not synced is what a power cut loses.
func TestSkipDirSyncBreaksThePromise(t *testing.T) {
	b := newBench(t, 1, Options{SegmentSize: 512, SkipDirSync: true})
	for range 20 {
		b.append()
		_ = b.loop.Run(loop.Stop{})
	}
	b.disk.PowerCut(disk.Lose)
	_, c, err := Open(b.disk, b.options, alive)
	if err != nil {
		t.Fatal(err)
	}
	if last := c.Snapshot.Index + uint64(len(c.Entries)); last >= b.promised.last {
		t.Errorf("the log ends at %d, so nothing of %d was lost", last, b.promised.last)
	}
}

// A bit that flips anywhere but in padding is found, or makes the log end there, and never yields another entry.
func TestRotIsNoticed(t *testing.T) {
	refused := 0
	for seed := range uint64(200) {
		b := newBench(t, seed, Options{SegmentSize: 1 << 20})
		for range 8 {
			b.append()
			_ = b.loop.Run(loop.Stop{})
		}
		content, _ := b.disk.Medium(segmentName(0))
		if err := b.disk.Rot(segmentName(0), b.rng.IntN(len(content)), uint(b.rng.IntN(8))); err != nil {
			t.Fatal(err)
		}
		_, c, err := Open(b.disk, b.options, alive)
		if err != nil {
			refused++
			continue
		}
		for _, e := range c.Entries {
			if e.GetTerm() != b.written[e.GetIndex()] {
				t.Fatalf("seed %d: entry %d has term %d, want %d", seed, e.GetIndex(), e.GetTerm(), b.written[e.GetIndex()])
			}
		}
	}
	if refused < 150 {
		t.Errorf("%d of 200 damaged logs were refused", refused)
	}
}

// A snapshot of another history than the log's replaces all of it.
func TestInstalledSnapshotReplacesTheLog(t *testing.T) {
	b := newBench(t, 1, Options{})
	entries := func(term uint64, indices ...uint64) (all []*raftpb.Entry) {
		for _, i := range indices {
			all = append(all, &raftpb.Entry{Index: new(i), Term: new(term)})
		}
		return all
	}
	done := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.log.Append(nil, entries(2, 2, 3, 4, 5, 6), true, done)
	_ = b.loop.Run(loop.Stop{})
	b.log.Save(Mark{4, 3}, []byte("state at 4"), done)
	_ = b.loop.Run(loop.Stop{})
	_, c, err := Open(b.disk, b.options, alive)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Entries) != 0 || c.Snapshot != (Mark{4, 3}) {
		t.Errorf("after %v there are %d entries of a history that it replaced", c.Snapshot, len(c.Entries))
	}
	b.agrees("installed", c, 4)
}
