package raftkv

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/wal"
)

// This file tells the invariant checker what the member does.

// medium is what the member's disk would have after a power cut, for the checker.
type medium struct{ *wal.View }

func (m medium) State() (term, vote uint64) { return m.Term, m.Vote }

func (v *Server) medium() medium {
	v.view.Update()
	return medium{v.view}
}

// status tells what the member is, by what it has stored.
func (v *Server) status() {
	last, _ := v.storage.LastIndex() // never fails
	v.tell(invariant.Entry{Index: last, Term: v.term(last)}, v.term)
}

func (v *Server) tell(last invariant.Entry, term func(uint64) uint64) {
	v.system.Checker.Status(v.env.ID(), invariant.Status{
		Term: v.hard.GetTerm(), Commit: v.hard.GetCommit(), Leader: v.leads, Last: last,
	}, term)
}

// term returns that of a stored entry, 0 where there is none.
func (v *Server) term(index uint64) uint64 {
	t, err := v.storage.Term(index)
	if err != nil {
		return 0
	}
	return t
}

// observe tells what the member is with a Ready whose entries are not stored yet.
func (v *Server) observe(rd *raft.Ready) {
	c := v.system.Checker
	if c == nil || rd.SoftState == nil && raft.IsEmptyHardState(rd.HardState) {
		return
	}
	if rd.SoftState != nil && v.leads {
		c.Votes(v.env.ID(), v.hard.GetTerm(), v.id, v.medium()) // its own vote counted
	}
	if len(rd.Entries) == 0 && raft.IsEmptySnap(rd.Snapshot) {
		v.status()
		return
	}
	last := invariant.Entry{}
	if s := rd.Snapshot.GetMetadata(); s != nil {
		last = invariant.Entry{Index: s.GetIndex(), Term: s.GetTerm()}
	}
	from := last.Index + 1
	if n := len(rd.Entries); n > 0 {
		from = rd.Entries[0].GetIndex()
		last = invariant.Entry{Index: rd.Entries[n-1].GetIndex(), Term: rd.Entries[n-1].GetTerm()}
	}
	v.tell(last, func(index uint64) uint64 {
		switch {
		case index >= from && index-from < uint64(len(rd.Entries)):
			return rd.Entries[index-from].GetTerm()
		case !raft.IsEmptySnap(rd.Snapshot) || index >= from:
			return 0 // covered, or beyond the end
		}
		return v.term(index)
	})
}

// appended tells what is in the log from the first of the entries on, as it is stored.
func (v *Server) appended(entries []*raftpb.Entry) {
	c := v.system.Checker
	if c == nil || len(entries) == 0 {
		return
	}
	from := entries[0].GetIndex()
	last, _ := v.storage.LastIndex() // never fails
	stored, err := v.storage.Entries(from, last+1, 1<<40)
	if err != nil {
		return // compacted meanwhile: they were told when they were new
	}
	told := make([]invariant.Entry, len(stored))
	for i, e := range stored {
		told[i] = invariant.Entry{Index: from + uint64(i), Term: e.GetTerm(), Hash: entryHash(e)}
	}
	c.Appended(v.env.ID(), v.term(from-1), told, v.leads)
}

// promise tells what the member is about to promise.
func (v *Server) promise(m *raftpb.Message) {
	c := v.system.Checker
	if c == nil || m.GetReject() {
		return
	}
	switch m.GetType() {
	case raftpb.MsgVoteResp:
		c.Votes(v.env.ID(), m.GetTerm(), m.GetTo(), v.medium())
	case raftpb.MsgAppResp:
		c.Acknowledges(v.env.ID(), m.GetTerm(), m.GetIndex(), v.term(m.GetIndex()), v.medium())
	}
}
