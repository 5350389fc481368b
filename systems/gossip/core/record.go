package core

import (
	"fmt"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// The kinds of record on disk, each a record's first byte.
const (
	kindEntry    = 'e'
	kindHorizon  = 'h'
	kindCeiling  = 'c'
	kindMembers  = 'm'
	kindIdentity = 'i'
	kindBoot     = 'b'
	kindSeen     = 's'
	kindDrop     = 'd'
	kindSeq      = 'q'
)

func recordEntry(e *state.Entry) []byte {
	b := append(make([]byte, 0, len(e.Key)+len(e.Value)+48), kindEntry)
	b = codec.AppendUint(b, uint64(e.Mod))
	b = codec.AppendUint(b, uint64(e.Create))
	return e.Append(b)
}

// recordDrop removes an entry that a cluster which was joined had deleted.
func recordDrop(e *state.Entry) []byte { return e.Append([]byte{kindDrop}) }

func recordHorizon(h hlc.Stamp) []byte { return codec.AppendUint64([]byte{kindHorizon}, uint64(h)) }
func recordCeiling(c hlc.Stamp) []byte { return codec.AppendUint64([]byte{kindCeiling}, uint64(c)) }
func recordSeq(seq int64) []byte       { return codec.AppendUint([]byte{kindSeq}, uint64(seq)) }

func (n *Node) recordIdentity() []byte {
	b := codec.AppendUint64([]byte{kindIdentity}, n.id)
	b = codec.AppendBool(append(b, n.index), n.joined)
	return codec.AppendUint64(codec.AppendBool(b, n.joining.foreign), n.joining.old)
}

func (n *Node) writeIdentity() {
	id := n.id
	n.write(n.recordIdentity(), func() { n.joining.durable = n.joining.durable || n.id == id })
}

func recordBoot(b boot) []byte { return appendBoot([]byte{kindBoot}, b) }

func recordSeen(id uint64, b boot) []byte {
	return appendBoot(codec.AppendUint64([]byte{kindSeen}, id), b)
}

// writeMembers writes the table of members. While it is not on disk as it is here, nobody is told
// who is forgotten.
func (n *Node) writeMembers(apply func(), failed func(error)) {
	n.membersDirty = true
	digest := n.forgottenDigest()
	q := queued{apply: []func(){func() {
		n.forgottenSafe = digest
		n.membersDirty = digest != n.forgottenDigest()
	}}}
	if apply != nil {
		q.apply = append(q.apply, apply)
	}
	if failed != nil {
		q.failed = append(q.failed, failed)
	}
	n.enqueue(n.appendMembers([]byte{kindMembers}), q)
}

// Load takes in one record from the disk, before Start.
func (n *Node) Load(record []byte) error {
	if n.cfg.Defect == ForgetLog {
		return nil
	}
	r := codec.NewReader(record)
	switch kind := r.Byte(); kind {
	case kindEntry:
		mod, create := int64(r.Uint()), int64(r.Uint())
		e := state.Read(r)
		if r.End() == nil {
			e.Mod, e.Create = mod, create
			n.loadEntry(e)
		}
	case kindDrop:
		e := state.Read(r)
		if old := n.data.Get(e.Key); r.End() == nil && old != nil && old.Compare(e) == 0 {
			n.data.Drop(old)
		}
	case kindHorizon:
		n.horizon = hlc.Stamp(r.Uint64()) // the last counts: a member that joins takes over its cluster's
		n.clock.Restore(n.horizon)
	case kindCeiling:
		n.ceiling = max(n.ceiling, hlc.Stamp(r.Uint64()))
	case kindSeq:
		n.seq = max(n.seq, int64(r.Uint()))
		n.applied = n.seq
	case kindIdentity:
		n.id, n.index, n.joined = r.Uint64(), r.Byte(), r.Bool()
		n.joining = joining{active: !n.joined, via: n.cfg.Join, since: 1<<64 - 1, busy: map[uint64]bool{}, durable: true}
		n.joining.foreign, n.joining.old = r.Bool(), r.Uint64()
	case kindMembers:
		for _, m := range readMembers(r) {
			n.members[m.ID] = &m
		}
	case kindBoot:
		n.boots = append(n.boots, readBoot(r))
	case kindSeen:
		id := r.Uint64()
		n.see(id, readBoot(r))
		delete(n.unsaved, id)
	default:
		return fmt.Errorf("read record: unknown kind %q: written by a newer version?", kind)
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("read record of kind %q: %w", record[0], err)
	}
	return nil
}

func (n *Node) loadEntry(e *state.Entry) {
	n.clock.Restore(e.Time)
	n.seq = max(n.seq, e.Mod)
	n.applied = n.seq
	if e.Deleted {
		n.grave = max(n.grave, e.Time)
	}
	n.data.Merge(e)
}

// bootsKept is how many starts a member remembers of itself. Whoever saw only earlier ones is
// answered as if the disk were older than what was seen, which is safe.
const bootsKept = 64

// Snapshot yields records that amount to the state as it is now. They can be read while the member
// goes on, and loading them and then all that was written since is loading everything.
func (n *Node) Snapshot() func(yield func(record []byte) bool) {
	head := [][]byte{recordSeq(n.seq), n.recordIdentity(), n.appendMembers([]byte{kindMembers}), recordCeiling(n.ceiling), recordHorizon(n.horizon)}
	for _, b := range n.boots[max(0, len(n.boots)-bootsKept):] {
		head = append(head, recordBoot(b))
	}
	for id, boots := range n.lastSeen {
		for _, b := range boots {
			head = append(head, recordSeen(id, b))
		}
	}
	data := n.data.Snapshot()
	return func(yield func([]byte) bool) {
		for _, b := range head {
			if !yield(b) {
				return
			}
		}
		data.Ascend("", func(e *state.Entry) bool { return yield(recordEntry(e)) })
	}
}
