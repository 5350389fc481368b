package raftkv

import (
	"bytes"
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// A snapshot holds all of the state: revisions, versions, the past and its hash.
func TestSnapshotsHoldTheState(t *testing.T) {
	rng := mrand.New(mrand.NewPCG(1, 2))
	s := newStore()
	for i := range 500 {
		at := s.put(fmt.Sprint(rng.IntN(20)), strings.Repeat("x", rng.IntN(300))+fmt.Sprint(i))
		if at != int64(i)+2 {
			t.Fatalf("write %d is at revision %d", i, at)
		}
	}
	b := s.encode()
	r, err := decodeStore(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.revision != s.revision || r.hash != s.hash || !slices.Equal(r.past, s.past) || len(r.keys) != len(s.keys) {
		t.Errorf("restored revision %d with hash %x, want %d with %x", r.revision, r.hash, s.revision, s.hash)
	}
	for k, v := range s.keys {
		if r.keys[k] != v {
			t.Errorf("key %s: %v, want %v", k, r.keys[k], v)
		}
	}
	for _, cut := range []int{1, len(b) / 2, len(b) - 1} {
		if got, err := decodeStore(b[:cut]); err == nil && got.hash == s.hash {
			t.Errorf("%d of %d bytes restore all of the state", cut, len(b))
		}
	}
}

// States are equal exactly where the same writes made them, in the same order.
func TestHashesTellStatesApart(t *testing.T) {
	hash := func(writes ...string) uint64 {
		s := newStore()
		for _, w := range writes {
			k, v, _ := strings.Cut(w, "=")
			s.put(k, v)
		}
		return s.hash
	}
	all := map[uint64]string{}
	for _, writes := range [][]string{{}, {"a=1"}, {"a=2"}, {"b=1"}, {"a=1", "b=2"}, {"b=2", "a=1"}, {"a=1", "a=1"}, {"1=a"}} {
		h := hash(writes...)
		if other, ok := all[h]; ok {
			t.Errorf("%v has the hash of %s", writes, other)
		}
		all[h] = fmt.Sprint(writes)
	}
}

func TestCommands(t *testing.T) {
	id, key, data, ok := decodePut(encodePut(7, "key", "data"))
	if id != 7 || key != "key" || data != "data" || !ok {
		t.Errorf("decoded %d, %q, %q, %v", id, key, data, ok)
	}
	for _, b := range [][]byte{nil, make([]byte, 8), {0, 0, 0, 0, 0, 0, 0, 0, 200, 1}} {
		if _, _, _, ok := decodePut(b); ok {
			t.Errorf("%v is a command", b)
		}
	}
}

// A window lets each message through once, whatever order they come in, and agrees with a set of all numbers as long as none is
// overtaken by more than it holds.
func TestWindow(t *testing.T) {
	rng := mrand.New(mrand.NewPCG(3, 4))
	var w window
	seen := map[uint64]bool{}
	high := uint64(0)
	for range 50_000 {
		high += uint64(rng.IntN(3))
		n := high - min(high, uint64(rng.IntN(windowSize/2)))
		if n == 0 {
			continue
		}
		if got := w.fresh(&envelope{start: 1, number: n}); got == seen[n] {
			t.Fatalf("message %d: fresh %v, seen before %v", n, got, seen[n])
		}
		seen[n] = true
	}
	if w.fresh(&envelope{start: 1, number: high - windowSize - 1}) {
		t.Error("a message that is older than the window is fresh")
	}
	if !w.fresh(&envelope{start: 2, number: 1}) || w.fresh(&envelope{start: 1, number: high + 1}) {
		t.Error("after a restart of the sender its old messages count, or its new ones do not")
	}
}

// The digest of a run would be blind to what a message's hash does not cover.
func TestMessageHashesCoverTheContent(t *testing.T) {
	message := func(change func(*raftpb.Message)) uint64 {
		m := &raftpb.Message{
			Type: raftpb.MsgApp.Enum(), To: new(uint64(1)), From: new(uint64(2)), Term: new(uint64(3)), LogTerm: new(uint64(4)),
			Index: new(uint64(5)), Commit: new(uint64(6)), Vote: new(uint64(7)), Reject: new(false), RejectHint: new(uint64(8)), Context: []byte("c"),
			Entries: []*raftpb.Entry{{Term: new(uint64(1)), Index: new(uint64(2)), Data: []byte("d")}},
		}
		change(m)
		return hash(m)
	}
	base := message(func(*raftpb.Message) {})
	for name, change := range map[string]func(*raftpb.Message){
		"type": func(m *raftpb.Message) { m.Type = raftpb.MsgHeartbeat.Enum() }, "to": func(m *raftpb.Message) { *m.To = 9 },
		"from": func(m *raftpb.Message) { *m.From = 9 }, "term": func(m *raftpb.Message) { *m.Term = 9 },
		"log term": func(m *raftpb.Message) { *m.LogTerm = 9 }, "index": func(m *raftpb.Message) { *m.Index = 9 },
		"commit": func(m *raftpb.Message) { *m.Commit = 9 }, "vote": func(m *raftpb.Message) { *m.Vote = 9 },
		"reject": func(m *raftpb.Message) { *m.Reject = true }, "hint": func(m *raftpb.Message) { *m.RejectHint = 9 },
		"context": func(m *raftpb.Message) { m.Context = []byte("x") }, "no entry": func(m *raftpb.Message) { m.Entries = nil },
		"entry's term": func(m *raftpb.Message) { *m.Entries[0].Term = 9 }, "entry's index": func(m *raftpb.Message) { *m.Entries[0].Index = 9 },
		"entry's data": func(m *raftpb.Message) { m.Entries[0].Data = []byte("x") },
		"snapshot":     func(m *raftpb.Message) { m.Snapshot = &raftpb.Snapshot{Data: []byte("s")} },
	} {
		if message(change) == base {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Etcd(3, time.Second, true)
	if err := good.Validate(); err != nil || !slices.Equal(good.IDs, []uint64{1, 2, 3}) {
		t.Errorf("etcd's own options %+v: %v", good, err)
	}
	for _, o := range []Options{{}, Etcd(3, time.Millisecond, true), {IDs: []uint64{1}, ElectionTimeout: time.Second}} {
		if o.Validate() == nil {
			t.Errorf("%+v is valid", o)
		}
	}
}

// Each simulation draws its jitter from its own seed, on its own goroutine; everybody else draws real randomness.
func TestJitterIsEachSimulationsOwn(t *testing.T) {
	draw := func(seed uint64) []byte {
		release := Seed(NewJitter(loop.New(seed)))
		defer release()
		b := make([]byte, 32)
		if _, err := rand.Reader.Read(b); err != nil {
			t.Error(err)
		}
		return b
	}
	one, two := draw(1), draw(2)
	if bytes.Equal(one, two) {
		t.Error("two seeds have one jitter")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if !bytes.Equal(draw(1), one) || !bytes.Equal(draw(2), two) {
				t.Error("a seed's jitter depends on what runs beside it")
			}
		})
	}
	wg.Wait()
	a, b := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Reader.Read(a)
	_, _ = rand.Reader.Read(b)
	if bytes.Equal(a, b) || bytes.Equal(a, one) {
		t.Error("outside of simulations the random numbers are no longer random")
	}
	outer := NewJitter(loop.New(1))
	release := Seed(outer)
	Seed(NewJitter(loop.New(2)))()
	got := make([]byte, 32)
	_, _ = rand.Reader.Read(got)
	release()
	if !bytes.Equal(got, one) {
		t.Error("a simulation within another took its jitter away")
	}
}
