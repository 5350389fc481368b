package raftkv

import (
	"fmt"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/wal"
)

func (v *Server) tickTime() time.Duration { return v.system.ElectionTimeout / electionTicks }

// pump does what raft wants done, in the order in which etcd does it (etcdserver/raft.go, start).
func (v *Server) pump() {
	for !v.saving && v.raw.HasReady() {
		v.ready(v.raw.Ready())
	}
}

func (v *Server) ready(rd raft.Ready) {
	v.saving = true
	if !raft.IsEmptyHardState(rd.HardState) {
		v.hard = rd.HardState
	}
	if rd.SoftState != nil {
		v.softState(rd.SoftState)
	}
	v.observe(&rd)
	for _, r := range rd.ReadStates {
		v.readable(r)
	}
	if raft.IsEmptySnap(rd.Snapshot) {
		v.apply(rd.CommittedEntries)
	}
	early := v.leads // a leader sends while it writes (Ongaro's thesis, 10.2.1)
	messages := rd.Messages
	switch v.system.Defect {
	case VoteBeforeSync:
		messages = v.sendFirst(messages, raftpb.MsgVoteResp)
	case AckBeforeSync:
		messages = v.sendFirst(messages, raftpb.MsgAppResp)
	}
	if early {
		v.send(messages)
		messages = nil
	}
	v.inHand, v.unsent = rd, messages
	if raft.IsEmptySnap(rd.Snapshot) {
		v.log.Append(rd.HardState, rd.Entries, rd.MustSync, v.onSaved)
		return
	}
	m := rd.Snapshot.GetMetadata()
	v.log.Save(wal.Mark{Index: m.GetIndex(), Term: m.GetTerm()}, rd.Snapshot.GetData(), func(err error) {
		if err != nil {
			v.env.Exit(fmt.Errorf("save the snapshot: %w", err))
			return
		}
		v.log.Append(rd.HardState, rd.Entries, true, v.onSaved)
	})
}

// sendFirst sends the messages of that type at once, and returns the others.
func (v *Server) sendFirst(all []*raftpb.Message, t raftpb.MessageType) (rest []*raftpb.Message) {
	var now []*raftpb.Message
	for _, m := range all {
		if m.GetType() == t {
			now = append(now, m)
		} else {
			rest = append(rest, m)
		}
	}
	v.send(now)
	return rest
}

// saved goes on with the Ready when it is on the disk.
func (v *Server) saved(err error) {
	rd, messages := v.inHand, v.unsent
	v.inHand, v.unsent = raft.Ready{}, nil
	if err != nil {
		v.env.Exit(fmt.Errorf("save state and entries: %w", err)) // as etcd does: it cannot know what is on the disk
		return
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := v.install(rd.Snapshot); err != nil {
			v.env.Exit(err)
			return
		}
		v.apply(rd.CommittedEntries)
	}
	if err := v.storage.Append(rd.Entries); err != nil {
		v.env.Exit(fmt.Errorf("append entries: %w", err))
		return
	}
	v.appended(rd.Entries)
	v.send(messages)
	v.raw.Advance(rd)
	v.saving = false
	v.snapshot()
	v.pump()
}

// softState notes who leads.
func (v *Server) softState(s *raft.SoftState) {
	changed := s.Lead != v.lead
	v.lead, v.leads = s.Lead, s.RaftState == raft.StateLeader
	if v.leads {
		v.counting = counting{}
	}
	if changed {
		v.leaderChanged()
	}
}

// apply applies committed entries to the state.
func (v *Server) apply(entries []*raftpb.Entry) {
	for _, e := range entries {
		v.applied = e.GetIndex()
		id, key, data, ok := decodePut(e.Data)
		var revision int64
		if ok {
			revision = v.store.put(key, data)
		}
		if c := v.system.Checker; c != nil {
			c.Applied(v.env.ID(), invariant.Entry{Index: e.GetIndex(), Term: e.GetTerm(), Hash: entryHash(e)}, v.store.hash)
		}
		if ok {
			v.done(id, revision)
		}
	}
	if len(entries) > 0 {
		v.answerReads()
	}
}

// install makes the state that of the leader's snapshot.
func (v *Server) install(snap *raftpb.Snapshot) error {
	restored, err := decodeStore(snap.GetData())
	if err != nil {
		return fmt.Errorf("install a snapshot: %w", err)
	}
	if err := v.storage.ApplySnapshot(snap); err != nil {
		return fmt.Errorf("install a snapshot: %w", err)
	}
	m := snap.GetMetadata()
	v.store, v.applied, v.snapshotAt, v.confState = restored, m.GetIndex(), m.GetIndex(), m.GetConfState()
	if c := v.system.Checker; c != nil {
		c.Restored(v.env.ID(), v.applied, v.store.hash)
	}
	if err := v.log.Release(m.GetIndex()); err != nil {
		return err
	}
	v.answerReads()
	return nil
}

// snapshot takes one where enough was applied since the last, and compacts the log behind it.
func (v *Server) snapshot() {
	last, _ := v.storage.LastIndex() // never fails
	if v.snapshotting || v.applied-v.snapshotAt <= v.system.SnapshotCount || v.applied > last {
		return
	}
	at := v.applied
	snap, err := v.storage.CreateSnapshot(at, v.confState, v.store.encode())
	if err != nil {
		v.env.Exit(fmt.Errorf("create a snapshot at index %d: %w", at, err))
		return
	}
	v.snapshotting = true
	m := wal.Mark{Index: at, Term: snap.GetMetadata().GetTerm()}
	v.log.Save(m, snap.GetData(), func(err error) {
		v.snapshotting = false
		if err == nil {
			err = v.log.Release(at)
		}
		if err != nil {
			v.env.Exit(fmt.Errorf("save a snapshot: %w", err))
			return
		}
		v.snapshotAt = max(v.snapshotAt, at)
		if at > v.system.CatchUp {
			first, _ := v.storage.FirstIndex() // never fails
			if compact := at - v.system.CatchUp; compact >= first {
				_ = v.storage.Compact(compact) // within the log, as at is
			}
		}
	})
}
