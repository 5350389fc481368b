// Package raftkv is etcd as far as the simulator has it: go.etcd.io/raft with etcd's own configuration (heartbeats of a tenth
// of the election timeout, CheckQuorum, pre-vote or not, ReadIndex, snapshots and compaction of the log) over a key-value state
// machine with revisions, on a write-ahead log with syncs and snapshots on a simulated disk.
//
// It has no mvcc, no bbolt, no gRPC and no TCP, no leases, watches or changes of members: what it finds is about the protocol and
// its persistence, not about those.
//
// It tells an invariant.Checker what it does, as it does it. Its Options can plant a Defect, to see the checker find it.
package raftkv

import (
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/wal"
)

// What etcd sets by itself (etcdserver/server.go, bootstrap.go and v3_server.go of 3.7).
const (
	SnapshotCount = 10_000
	CatchUp       = 5_000

	heartbeatTicks  = 1
	electionTicks   = 10
	maxSizePerMsg   = 1 << 20
	maxInflightMsgs = 512
	readIndexRetry  = 500 * time.Millisecond
	requestTimeout  = 5 * time.Second // and two election timeouts
)

// Options are those of one cluster.
type Options struct {
	// IDs gives each host its raft identity, by its number. Hosts that share one are twins; all messages to it reach both.
	IDs             []uint64
	ElectionTimeout time.Duration
	PreVote         bool
	SnapshotCount   uint64 // entries between snapshots
	CatchUp         uint64 // entries that are kept before a snapshot for those who are behind
	Log             wal.Options
	Streams         bool // messages between members are sent as over TCP
	Defect          Defect
	Checker         *invariant.Checker
	Trace           func(host int, line string) // gets raft's own log, unless it is nil
}

// Etcd returns the options of etcd with its defaults for that many members.
func Etcd(members int, electionTimeout time.Duration, preVote bool) Options {
	o := Options{ElectionTimeout: electionTimeout, PreVote: preVote, SnapshotCount: SnapshotCount, CatchUp: CatchUp}
	for i := range members {
		o.IDs = append(o.IDs, uint64(i)+1)
	}
	return o
}

// Validate says what is wrong with the options, if anything.
func (o *Options) Validate() error {
	switch {
	case len(o.IDs) == 0:
		return fmt.Errorf("no members: there must be at least one")
	case o.ElectionTimeout < electionTicks*time.Millisecond:
		return fmt.Errorf("election timeout %v: must be at least 10ms", o.ElectionTimeout)
	case o.SnapshotCount == 0:
		return fmt.Errorf("snapshot count 0: must be at least 1")
	}
	return nil
}

// A Defect is a mistake that can be planted. Each breaks what one of the invariants, or a check of the history, promises.
type Defect string

// The defects.
const (
	VoteBeforeSync    Defect = "vote-before-sync"    // a vote is sent before it is durable
	AckBeforeSync     Defect = "ack-before-sync"     // an entry is acknowledged before it is durable
	CountEarlierTerms Defect = "count-earlier-terms" // a leader commits entries of earlier terms by counting replicas (figure 8 of Raft)
	KeepConflicts     Defect = "keep-conflicts"      // entries that conflict with the leader's are not truncated
	LocalReads        Defect = "local-reads"         // who believes to lead answers reads without asking a quorum
	SkipReplay        Defect = "skip-replay"         // after a restart the entries after the snapshot are not applied
	SkipTerm          Defect = "skip-term"           // a new term is not persisted by itself
	AcceptDuplicates  Defect = "accept-duplicates"   // a message that arrives twice counts twice
	SkipDirSync       Defect = "skip-dir-sync"       // the name of a new segment is not synced
	SkipOpenSync      Defect = "skip-open-sync"      // what a killed program wrote is relied on without being synced
)

// System returns the program that each host runs.
func System(o Options) node.System {
	o.Log.SkipDirSync = o.Defect == SkipDirSync
	o.Log.SkipOpenSync = o.Defect == SkipOpenSync
	o.Log.SkipTerm = o.Defect == SkipTerm
	s := &system{o, make([]*wal.View, len(o.IDs))}
	if o.Checker != nil {
		o.Checker.Holders = s.holders
	}
	return s
}

type system struct {
	Options
	media []*wal.View // of each host's disk, since its program was first started
}

// holders counts the voters whose disks have the entry. Of twins the first host counts.
func (s *system) holders(index, term uint64) (n, majority int) {
	voters := s.voters()
	majority = len(voters)/2 + 1
	if index <= wal.First.Index {
		return majority, majority // with which every log begins
	}
	for _, id := range voters {
		v := s.media[slices.Index(s.IDs, id)]
		if v == nil {
			continue
		}
		v.Update()
		if got := v.TermOf(index); got == term || got == 0 && v.Covers(index) {
			n++
		}
	}
	return n, majority
}

// medium returns the view of the host's disk, for a program that starts.
func (s *system) medium(env *node.Env) *wal.View {
	v := wal.NewView(env.Disk())
	s.media[env.ID()] = v
	return v
}

// voters lists the identities, each once, in order.
func (s *system) voters() (all []uint64) {
	seen := map[uint64]bool{}
	for _, id := range s.IDs {
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	return all
}
