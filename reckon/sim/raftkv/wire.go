package raftkv

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/client"
)

// An envelope is a message between members. Each start of a program numbers what it sends to each other, so that the
// receiver can tell what it has had before, as with TCP.
type envelope struct {
	start, number uint64
	message       *raftpb.Message
	forged        bool // has no number
}

// False returns what a member takes for a message of another that never sent it, to be delivered by network.Inject.
func False(m *raftpb.Message) any { return &envelope{message: m, forged: true} }

// size is the message's length on the wire, in bytes, near enough.
func size(m *raftpb.Message) int {
	n := client.Head + len(m.Context)
	for _, e := range m.Entries {
		n += 16 + len(e.Data)
	}
	if m.Snapshot != nil {
		n += len(m.Snapshot.Data)
	}
	return n
}

// hash covers all of the message that can differ.
func hash(m *raftpb.Message) uint64 {
	var b [88]byte
	for i, v := range [...]uint64{
		uint64(m.GetType()), m.GetTo(), m.GetFrom(), m.GetTerm(), m.GetLogTerm(), m.GetIndex(), m.GetCommit(), m.GetVote(),
		m.GetRejectHint(), xxhash.Sum64(m.Context),
	} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	if m.GetReject() {
		b[80] = 1
	}
	h := xxhash.Sum64(b[:])
	for _, e := range m.Entries {
		h = mix(h, entryHash(e)+e.GetIndex()<<20+e.GetTerm())
	}
	if m.Snapshot != nil {
		h = mix(h, xxhash.Sum64(m.Snapshot.Data))
	}
	return h
}

// entryHash is that of an entry's type and data.
func entryHash(e *raftpb.Entry) uint64 { return xxhash.Sum64(e.Data) + uint64(e.GetType()) }

func mix(h, v uint64) uint64 { return (h ^ v) * 0x9e3779b97f4a7c15 }

// A window tells messages of one sender that came before. Numbers count from 1.
type window struct {
	start   uint64
	highest uint64
	seen    [windowSize]uint64
}

// windowSize is how far a message may be overtaken before it is taken for an old one: more than raft has in flight.
const windowSize = 1024

// fresh reports whether the message is neither old nor a duplicate, and remembers it.
func (w *window) fresh(e *envelope) bool {
	if e.start < w.start {
		return false // of a program that has ended, whose connections are closed
	}
	if e.start > w.start {
		*w = window{start: e.start}
	}
	if e.number+windowSize <= w.highest || w.seen[e.number%windowSize] == e.number {
		return false
	}
	w.highest = max(w.highest, e.number)
	w.seen[e.number%windowSize] = e.number
	return true
}
