package raftkv

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/sim/client"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/wal"
)

// A Server is one member's program.
type Server struct {
	system  *system
	env     *node.Env
	id      uint64
	raw     *raft.RawNode
	storage *storage
	log     *wal.Log
	view    *wal.View
	store   *store

	applied      uint64
	confState    *raftpb.ConfState
	snapshotAt   uint64 // index of the newest snapshot
	snapshotting bool
	saving       bool // a Ready is being written: the one in hand
	inHand       raft.Ready
	unsent       []*raftpb.Message // that wait for it
	onSaved      func(error)       // v.saved, bound once: it is needed for every Ready
	hard         *raftpb.HardState
	lead         uint64
	leads        bool
	counting     counting // for the defect CountEarlierTerms

	requests
	sent    []uint64  // messages to each host
	windows []*window // of messages from each host
}

// Start reads the disk and starts raft on what it holds, or makes a new member where it holds nothing.
func (s *system) Start(env *node.Env) (node.Program, error) {
	v := &Server{
		system: s, env: env, id: s.IDs[env.ID()], requests: newRequests(env), view: s.medium(env),
		sent: make([]uint64, len(s.IDs)), windows: make([]*window, len(s.IDs)),
		storage: &storage{MemoryStorage: raft.NewMemoryStorage(), keep: s.Defect == KeepConflicts},
	}
	v.onSaved = v.saved
	v.confState = &raftpb.ConfState{Voters: s.voters()}
	contents, err := v.openLog()
	if err != nil {
		return nil, err
	}
	if err := v.restore(contents); err != nil {
		return nil, err
	}
	if v.raw, err = raft.NewRawNode(v.config()); err != nil {
		return nil, fmt.Errorf("start raft: %w", err)
	}
	if c := s.Checker; c != nil {
		c.Restart(env.ID(), v.applied, v.store.hash)
		v.status()
	}
	v.env.After(v.tickTime(), v.tick)
	return v, nil
}

func (v *Server) config() *raft.Config {
	c := &raft.Config{
		ID: v.id, ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks, Storage: v.storage, Applied: v.applied,
		MaxSizePerMsg: maxSizePerMsg, MaxInflightMsgs: maxInflightMsgs, CheckQuorum: true, PreVote: v.system.PreVote,
		Logger: logger{},
	}
	if trace := v.system.Trace; trace != nil {
		c.Logger = logger{func(line string) { trace(v.env.ID(), line) }}
	}
	if v.system.Defect == CountEarlierTerms {
		c.MaxSizePerMsg, c.MaxInflightMsgs = 0, 1 // an entry a message, so that counting makes the difference soon
	}
	return c
}

func (v *Server) openLog() (*wal.Contents, error) {
	log, contents, err := wal.Open(v.env.Disk(), v.system.Log, v.env.Done)
	if errors.Is(err, wal.ErrNone) {
		contents = &wal.Contents{State: hardState(wal.First.Term, 0, wal.First.Index), Snapshot: wal.First}
		log, err = wal.Create(v.env.Disk(), contents.State, v.system.Log, v.env.Done)
	}
	v.log = log
	return contents, err
}

func hardState(term, vote, commit uint64) *raftpb.HardState {
	return &raftpb.HardState{Term: new(term), Vote: new(vote), Commit: new(commit)}
}

// restore makes the member what its disk holds.
func (v *Server) restore(c *wal.Contents) (err error) {
	if v.store, err = decodeStore(c.Data); err != nil {
		return fmt.Errorf("read the snapshot at index %d: %w", c.Snapshot.Index, err)
	}
	v.applied, v.snapshotAt, v.hard = c.Snapshot.Index, c.Snapshot.Index, c.State
	snap := &raftpb.Snapshot{Data: c.Data, Metadata: &raftpb.SnapshotMetadata{
		Index: new(c.Snapshot.Index), Term: new(c.Snapshot.Term), ConfState: v.confState,
	}}
	if err := v.storage.ApplySnapshot(snap); err != nil {
		return fmt.Errorf("restore the snapshot at index %d: %w", c.Snapshot.Index, err)
	}
	if c.State.GetCommit() < c.Snapshot.Index { // the snapshot was saved, and its mark, but not the state after them
		v.hard = hardState(max(c.State.GetTerm(), c.Snapshot.Term), c.State.GetVote(), c.Snapshot.Index)
	}
	if err := v.storage.SetHardState(v.hard); err != nil {
		return fmt.Errorf("restore the state: %w", err)
	}
	if err := v.storage.MemoryStorage.Append(c.Entries); err != nil {
		return fmt.Errorf("restore the entries: %w", err)
	}
	if v.system.Defect == SkipReplay {
		v.applied = max(v.applied, v.hard.GetCommit())
	}
	return nil
}

// tick is raft's clock.
func (v *Server) tick() {
	v.env.After(v.tickTime(), v.tick)
	v.raw.Tick()
	v.expire(v.env.Now())
	v.pump()
}

// Receive handles what members and clients send.
func (v *Server) Receive(from int, payload any) {
	switch p := payload.(type) {
	case *envelope:
		v.step(from, p)
	case *client.Request:
		if p.Kind == history.Write {
			v.propose(from, p)
		} else {
			v.read(from, p)
		}
	case node.Closed:
		if from < len(v.system.IDs) {
			v.raw.ReportUnreachable(v.system.IDs[from])
		}
	}
	v.pump()
}

func (v *Server) step(from int, e *envelope) {
	if v.windows[from] == nil {
		v.windows[from] = &window{}
	}
	if !e.forged && !v.windows[from].fresh(e) && v.system.Defect != AcceptDuplicates {
		return
	}
	m := e.message
	if t := m.GetType(); t == raftpb.MsgProp || t == raftpb.MsgReadIndex {
		m = proto.Clone(m).(*raftpb.Message) // raft completes these in place, and the sender has them too
	}
	if v.system.Defect == CountEarlierTerms {
		v.counting.received(v, m)
	}
	_ = v.raw.Step(m) // an error means that raft ignores the message
}

// send sends raft's messages to all hosts of their receivers, and says first what they promise.
func (v *Server) send(messages []*raftpb.Message) {
	for _, m := range messages {
		v.promise(m)
		if v.system.Defect == CountEarlierTerms {
			v.counting.sending(v, m)
		}
		length, sum := size(m), hash(m)
		for host, id := range v.system.IDs {
			if id != m.GetTo() || host == v.env.ID() {
				continue
			}
			v.sent[host]++
			v.env.Send(network.Packet{
				To: host, Size: length, Hash: sum, Stream: v.system.Streams,
				Payload: &envelope{start: uint64(v.env.Starts()), number: v.sent[host], message: m},
			})
		}
		if m.GetType() == raftpb.MsgSnap {
			// raft sends nothing else until it hears what became of the snapshot, so somebody must tell it.
			to := m.GetTo()
			v.env.After(v.system.ElectionTimeout, func() {
				v.raw.ReportSnapshot(to, raft.SnapshotFinish)
				v.pump()
			})
		}
	}
}

// Status returns what the member would say of itself.
func (v *Server) Status() node.Status {
	return node.Status{
		Serves: v.lead != raft.None, Leads: v.leads, Term: v.hard.GetTerm(),
		Revision: v.store.revision, Hash: uint32(v.store.hash ^ v.store.hash>>32),
	}
}

// Changes returns the member's own account of its past.
func (v *Server) Changes() []history.Change { return v.store.changes(v.env.Name()) }

// MoveLeader asks raft to have the member of that identity lead. It does nothing on a member that does not lead.
func (v *Server) MoveLeader(to uint64) {
	v.raw.TransferLeader(to)
	v.pump()
}

// Memory returns what the member holds.
func (v *Server) Memory() node.Memory {
	first, _ := v.storage.FirstIndex() // never fail
	last, _ := v.storage.LastIndex()
	return node.Memory{Entries: int(last + 1 - first), Bytes: v.store.bytes, InFlight: len(v.proposals) + len(v.reads) + len(v.asked)}
}
