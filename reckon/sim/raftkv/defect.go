package raftkv

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// storage is what raft keeps its log in, as etcd's is.
type storage struct {
	*raft.MemoryStorage
	keep bool // the defect KeepConflicts
}

// Append stores the entries in place of all from the first one's index on.
func (s *storage) Append(entries []*raftpb.Entry) error {
	if s.keep {
		last, _ := s.LastIndex() // never fails
		entries = slices.DeleteFunc(slices.Clone(entries), func(e *raftpb.Entry) bool { return e.GetIndex() <= last })
	}
	return s.MemoryStorage.Append(entries)
}

// counting is the defect CountEarlierTerms: a leader that takes an entry for committed once a majority has it, whatever its
// term, and tells the others so.
type counting struct{ match map[uint64]uint64 }

func (c *counting) received(v *Server, m *raftpb.Message) {
	if m.GetType() != raftpb.MsgAppResp || m.GetReject() || !v.leads || m.GetTerm() != v.hard.GetTerm() {
		return
	}
	if c.match == nil {
		c.match = map[uint64]uint64{}
	}
	c.match[m.GetFrom()] = max(c.match[m.GetFrom()], m.GetIndex())
}

func (c *counting) sending(v *Server, m *raftpb.Message) {
	if !v.leads || m.GetType() != raftpb.MsgHeartbeat && m.GetType() != raftpb.MsgApp {
		return
	}
	own, _ := v.storage.LastIndex() // never fails
	has := []uint64{own}
	for _, id := range v.system.voters() {
		if id != v.id {
			has = append(has, c.match[id])
		}
	}
	slices.Sort(has)
	majority := has[(len(has)-1)/2]
	if told := min(majority, c.match[m.GetTo()]); told > m.GetCommit() {
		m.Commit = new(told)
	}
}
