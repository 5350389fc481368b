package state

import (
	"math/bits"
	"slices"

	"github.com/dchest/siphash"
	"github.com/tidwall/btree"

	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
)

// Map is a replica's state, ordered by key. One goroutine may change it; a Snapshot may be read by
// others meanwhile.
type Map struct {
	k0, k1 uint64 // the key of the sums
	tree   *btree.BTreeG[*Entry]
	byID   map[uint64]*Entry
	graves map[string]*Entry // the tombstones
	index  recon.Index
	root   Root
	buffer []byte
	bytes  int
}

// Root is a digest of a whole state: the sum of all entries' Sums modulo 2^128, and their number.
// It does not depend on the order in which entries came.
type Root struct {
	Hi, Lo, Count uint64
}

// New is an empty map. Replicas can be compared only under one salt. index is kept up to date with
// the ids.
func New(salt uint64, index recon.Index) *Map {
	less := func(a, b *Entry) bool { return a.Key < b.Key }
	return &Map{
		k0: salt, k1: ^salt,
		tree:   btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}),
		byID:   map[uint64]*Entry{},
		graves: map[string]*Entry{},
		index:  index,
	}
}

// Get is the key's entry, be it a tombstone, or nil.
func (m *Map) Get(key string) *Entry {
	e, _ := m.tree.Get(&Entry{Key: key})
	return e
}

// ByID is the entry with the id, or nil.
func (m *Map) ByID(id uint64) *Entry { return m.byID[id] }

// Len is how many entries there are, tombstones included.
func (m *Map) Len() int { return m.tree.Len() }

// Tombstones is how many of them are deletions.
func (m *Map) Tombstones() int { return len(m.graves) }

// Bytes is roughly the memory that all entries take.
func (m *Map) Bytes() int { return m.bytes }

// Root is the state's digest.
func (m *Map) Root() Root { return m.root }

// Merge puts the entry in its place if it wins, and reports whether it did, and over which entry.
func (m *Map) Merge(e *Entry) (replaced *Entry, won bool) {
	old := m.Get(e.Key)
	if !e.Wins(old) {
		return old, false
	}
	if old != nil {
		m.forget(old)
	}
	e.sum = m.SumOf(e)
	m.tree.Set(e)
	m.byID[e.sum.Lo] = e
	if e.Deleted {
		m.graves[e.Key] = e
	}
	m.index.Add(e.sum.Lo)
	m.root.Add(e.sum)
	m.bytes += e.Size()
	return old, true
}

// Drop removes the entry, if it is still there.
func (m *Map) Drop(e *Entry) {
	if m.Get(e.Key) == e {
		m.tree.Delete(e)
		m.forget(e)
	}
}

func (m *Map) forget(e *Entry) {
	if m.byID[e.sum.Lo] == e {
		delete(m.byID, e.sum.Lo)
	}
	if e.Deleted {
		delete(m.graves, e.Key)
	}
	m.index.Remove(e.sum.Lo)
	m.root.Subtract(e.sum)
	m.bytes -= e.Size()
}

// SumOf computes the entry's Sum.
func (m *Map) SumOf(e *Entry) Sum {
	m.buffer = e.Append(m.buffer[:0])
	lo, hi := siphash.Hash128(m.k0, m.k1, m.buffer)
	return Sum{Hi: hi, Lo: lo}
}

// Collect removes the tombstones stamped at or before the horizon and returns them.
func (m *Map) Collect(horizon hlc.Stamp) (gone []*Entry) {
	for _, e := range m.graves {
		if e.Time <= horizon {
			gone = append(gone, e)
		}
	}
	for _, e := range gone {
		m.Drop(e)
	}
	return gone
}

// NewestTombstone is the largest stamp of a tombstone, 0 where there is none.
func (m *Map) NewestTombstone() (newest hlc.Stamp) {
	for _, e := range m.graves {
		newest = max(newest, e.Time)
	}
	return newest
}

// Ascend yields the entries from the key on, tombstones included, until do returns false.
func (m *Map) Ascend(from string, do func(*Entry) bool) { m.tree.Ascend(&Entry{Key: from}, do) }

// Snapshot is the state as it is now, to be read while the map changes. It costs next to nothing.
func (m *Map) Snapshot() *Snapshot { return &Snapshot{m.tree.Copy()} }

// IDs lists the ids of all entries, in order.
func (m *Map) IDs() []uint64 { return m.Snapshot().IDs() }

// Snapshot is a state that does not change.
type Snapshot struct{ tree *btree.BTreeG[*Entry] }

// Len is how many entries there are.
func (s *Snapshot) Len() int { return s.tree.Len() }

// Ascend yields the entries from the key on, tombstones included, until do returns false.
func (s *Snapshot) Ascend(from string, do func(*Entry) bool) {
	s.tree.Ascend(&Entry{Key: from}, do)
}

// Descend yields the entries from the last on, backwards.
func (s *Snapshot) Descend(do func(*Entry) bool) { s.tree.Reverse(do) }

// IDs lists the ids of all entries, in order.
func (s *Snapshot) IDs() []uint64 {
	ids := make([]uint64, 0, s.Len())
	s.Ascend("", func(e *Entry) bool {
		ids = append(ids, e.ID())
		return true
	})
	slices.Sort(ids)
	return ids
}

// Get is the key's entry, or nil.
func (s *Snapshot) Get(key string) *Entry {
	e, _ := s.tree.Get(&Entry{Key: key})
	return e
}

// Add puts an entry into the digest.
func (r *Root) Add(s Sum) {
	var carry uint64
	r.Lo, carry = bits.Add64(r.Lo, s.Lo, 0)
	r.Hi, _ = bits.Add64(r.Hi, s.Hi, carry)
	r.Count++
}

// Subtract takes an entry out of the digest.
func (r *Root) Subtract(s Sum) {
	var borrow uint64
	r.Lo, borrow = bits.Sub64(r.Lo, s.Lo, 0)
	r.Hi, _ = bits.Sub64(r.Hi, s.Hi, borrow)
	r.Count--
}
