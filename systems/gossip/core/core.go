// Package core is a member of the gossip store as a pure state machine: messages, timers and disk
// completions in; messages, disk writes, timers and answers to clients out. It knows no clock, no
// disk and no network, so that it runs the same on real hosts and in a simulator.
//
// A member holds a last-writer-wins map (package state). What is in the map is on disk: every
// change is written first and applied when it is durable. So nothing that others or clients are
// told is lost in a crash.
//
// Three things spread entries. A new entry is pushed to some random members, who push it on once.
// Every tick a member reconciles with a random other, dead or alive (package recon): that finds
// whatever pushes missed. And a member that joins, or lost part of its disk, reconciles before it
// serves.
//
// Tombstones are collected by a durable stability cut (stability.go; Golding, TSAE, 1992).
package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dchest/siphash"

	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// Time is what a member's clocks show. Wall may jump; Mono only advances, and counts from any
// instant.
type Time struct {
	Wall uint64 // milliseconds since the Unix epoch
	Mono time.Duration
}

// Effects are what the member wants done, in this order. Messages may be lost, repeated and
// reordered. Writes are to reach the disk in order; each is confirmed by Written, or all that are
// under way fail by Failed.
type Effects struct {
	Writes  []Write
	Sends   []Send
	Timers  []Timer
	Changes []Change // of the state, in order of revision: for watches
	Answers []Answer // to clients
}

// Write is a record to append to the disk.
type Write struct {
	ID     uint64
	Record []byte
}

// Send is a message to a member's peer address.
type Send struct {
	To    string
	Bytes []byte
}

// Timer asks for a call of Timer after a while.
type Timer struct {
	ID    int
	After time.Duration
}

// Change is one step of this member's state.
type Change struct {
	Entry *state.Entry // Mod is its sequence number
	Prev  *state.Entry // what was there before, nil where nothing was
}

// Answer ends a client's request.
type Answer struct {
	Ticket uint64
	Err    error
	Seq    int64         // of the state once the request had been applied
	Prev   []state.Entry // of a write: what it replaced, where there was something; of a deletion, what was deleted
}

// Why a request is refused. None of them but ErrUnknown leaves anything behind.
var (
	ErrNotReady  = errors.New("member is joining and does not serve yet")
	ErrCatching  = errors.New("member was just started and reconciles before it serves")
	ErrForgotten = errors.New("member was forgotten by its cluster: it must join again")
	ErrLeaving   = errors.New("member is leaving its cluster")
	ErrBusy      = errors.New("too many writes wait for the disk")
	ErrFull      = errors.New("store is full")
	ErrDisk      = errors.New("write to disk failed")
	ErrNoMember  = errors.New("no such other member")
	// ErrUnknown: the write is on this member's disk and spreads, but too few others confirmed it
	// in time.
	ErrUnknown = errors.New("written here, but not confirmed by enough members in time")
)

// Node is a member. It is not safe for concurrent use.
type Node struct {
	cfg     Config
	rng     *rand.Rand
	cluster uint64 // id of the cluster
	now     Time
	out     Effects

	clock   *hlc.Clock
	data    *state.Map
	seq     int64 // newest sequence number that was given out
	applied int64 // newest sequence number in data

	id      uint64
	index   uint8
	joined  bool
	leaving uint64 // the ticket of Leave, 0: not leaving
	left    bool
	byes    int // how often it said so
	joining joining
	boot    boot
	boots   []boot
	members map[uint64]*Member

	stability
	writer
	pusher
	sessions  map[uint64]*session       // those that this member began, by their id
	responses map[responseKey]*response // those that others began
	expected  float64                   // usual size of a difference
	forceFull bool                      // an exchange found a wrong difference: the next compares all ids
	lastSeen  map[uint64][]boot         // how far each member's disk is known to reach: see see
	unsaved   map[uint64]bool           // those of them that are not on disk
	Counters  Counters
	nextRound time.Duration

	index0        recon.Index
	done          map[uint64]map[uint64]bool // only with the defect FailedIsDone
	booted        hlc.Stamp                  // own entries from this on were stamped since the start
	catching      bool                       // it was restarted, and has not reconciled with anybody yet
	catchBy       time.Duration              // when it serves all the same
	started       bool                       // the boot's record is durable: until then nobody is told of it
	membersDirty  bool                       // the table of members is not on disk as it is here
	forgottenSafe uint64                     // a digest of whom it has forgotten, by its disk
}

// Counters count what happened since the start.
type Counters struct {
	Sessions, Equal, Whole, Broken, TimedOut, TooLarge, Misled uint64 // of anti-entropy
	Refused, Ahead, Dropped                                    uint64 // entries: at or below the horizon, too far ahead, for want of room
	Foreign, Malformed                                         uint64 // messages of other clusters, or none
	Pushed, Pulled, Collected, Rollbacks, Messages             uint64
}

// New is a member with an empty state. Load gives it what is on disk; then Start starts it.
func New(cfg Config, rng *rand.Rand) (*Node, error) {
	cfg.fill()
	n := &Node{
		cfg: cfg, rng: rng,
		cluster:   siphash.Hash(0x676f73736970, 1, []byte(cfg.Cluster)),
		members:   map[uint64]*Member{},
		sessions:  map[uint64]*session{},
		responses: map[responseKey]*response{},
		lastSeen:  map[uint64][]boot{},
		unsaved:   map[uint64]bool{},
		clock:     hlc.New(0, cfg.MaxOffset),
	}
	index, err := recon.New(cfg.Method, n.cluster, cfg.Symbols)
	if err != nil {
		return nil, err
	}
	n.data = state.New(n.cluster, index)
	n.index0 = index
	n.writer.init()
	n.pusher.init()
	n.stability.init()
	return n, nil
}

// Start begins with what was loaded. On an empty disk it is a member of the initial list, or joins,
// or is a cluster of its own.
func (n *Node) Start(t Time) Effects {
	n.now = t
	n.data.Collect(n.horizon)
	n.clock.Restore(n.ceiling)
	n.column = n.ceiling
	if n.id == 0 {
		n.begin()
	}
	if n.joining.active {
		n.retire(n.members[n.joining.old]) // the crash may have come between the two records of rejoin
	}
	n.boot = boot{ID: n.rng.Uint64() | 1, N: 1, Seq: n.seq}
	if len(n.boots) > 0 {
		n.boot.N = n.boots[len(n.boots)-1].N + 1
	}
	n.boots = append(n.boots, n.boot)
	n.booted = n.clock.Last() + 1
	n.writeBoot()
	if len(n.forgotten()) > 0 {
		n.barrier = n.clock.Next(t.Wall)
	}
	n.forgottenSafe = n.forgottenDigest()
	n.catching, n.catchBy = len(n.boots) > 1 && n.joined && len(n.others()) > 0, t.Mono+catchUp*n.cfg.Request
	n.announce()
	n.timer(t.Mono)
	return n.take()
}

// catchUp is for how many times as long as a request may take a member that was restarted tries to
// reconcile before it serves all the same.
const catchUp = 2

// writeBoot has the start on disk. Until it is, nobody is told of it.
func (n *Node) writeBoot() { n.write(recordBoot(n.boot), func() { n.started = true }) }

// begin gives the member its first identity.
func (n *Node) begin() {
	for i, m := range n.cfg.Initial {
		m.ID, m.Index, m.Rev = initialID(n.cfg.Cluster, m.Name), uint8(i+1), 1
		n.members[m.ID] = &m
		if m.Name == n.cfg.Self.Name {
			n.id, n.index, n.joined = m.ID, m.Index, true
		}
	}
	if n.id != 0 {
		n.writeMembers(nil, nil) // first: with an identity alone it would take itself for a cluster of one
		n.writeIdentity()
		return
	}
	clear(n.members)
	n.id = n.rng.Uint64() | 1
	n.index = 1
	n.joined = len(n.cfg.Join) == 0
	n.joining = joining{active: !n.joined, via: n.cfg.Join, foreign: true, since: 1<<64 - 1, busy: map[uint64]bool{}}
	n.writeIdentity()
}

// initialID is the id of a member of a cluster's first list: all of them must know it before they
// meet.
func initialID(cluster, name string) uint64 {
	return siphash.Hash(0x676f73736970, 2, fmt.Appendf(nil, "%d %s %s", len(cluster), cluster, name)) | 1
}

// announce has the member's own addresses, which may have changed, in its table.
func (n *Node) announce() {
	me, ok := n.members[n.id]
	if !ok {
		me = &Member{ID: n.id, Name: n.cfg.Self.Name, Index: n.index}
		n.members[n.id] = me
	}
	if me.Addr != n.cfg.Self.Addr || me.Client != n.cfg.Self.Client {
		me.Addr, me.Client = n.cfg.Self.Addr, n.cfg.Self.Client
		me.Rev++
		n.writeMembers(nil, nil)
	}
}

// take hands out the effects gathered so far.
func (n *Node) take() Effects {
	out := n.out
	n.out = Effects{}
	return out
}

// Timer is a tick.
func (n *Node) Timer(t Time, _ int) Effects {
	n.now = t
	n.timer(t.Mono)
	n.catching = n.catching && t.Mono < n.catchBy
	n.expireSessions()
	n.retryPushes()
	if me := n.members[n.id]; t.Mono >= n.nextRound {
		n.nextRound = t.Mono + n.cfg.Tick
		if me.Forgotten && me.Renewed && !n.joining.active && !n.left {
			n.rejoin(false) // its disk is one of before it came back as another
			me = n.members[n.id]
		}
		if !n.started && len(n.queue) == 0 { // the disk was full
			n.writeMembers(nil, nil)
			n.writeIdentity()
			n.writeBoot()
		}
		if n.joined && !me.Forgotten && n.supersede(me.Name, n.id) {
			n.membersDirty = true // a process of this name was here before, as the member that its disk says no more
		}
		if n.membersDirty && len(n.queue) == 0 {
			n.writeMembers(nil, nil)
		}
		n.advanceColumn()
		n.round()
	}
	return n.take()
}

// timer asks for the next call: four times a tick, so that deadlines are kept to within a fourth of
// it.
func (n *Node) timer(time.Duration) {
	n.out.Timers = append(n.out.Timers, Timer{ID: 1, After: n.cfg.Tick / 4})
}

// round is one round of anti-entropy.
func (n *Node) round() {
	me := n.members[n.id]
	switch {
	case n.left:
		n.farewell()
		return
	case !n.started || me.Forgotten || n.cfg.Defect == NoTimer:
		return
	}
	if n.joining.active {
		n.tryJoin()
		return
	}
	for _, m := range n.choose(n.cfg.Contacts) {
		n.contact(m.ID, m.Addr)
	}
}

func (n *Node) send(to string, b []byte) {
	if to != "" && to != n.cfg.Self.Addr {
		n.Counters.Messages++
		n.out.Sends = append(n.out.Sends, Send{To: to, Bytes: b})
	}
}

// Ready is nil while the member serves.
func (n *Node) Ready() error {
	me := n.members[n.id]
	switch {
	case n.leaving != 0 || n.left:
		return ErrLeaving
	case me != nil && me.Forgotten:
		return ErrForgotten
	}
	return n.Readable()
}

// Readable is nil while the member answers reads: a forgotten one, and one that leaves, does not
// take writes only.
func (n *Node) Readable() error {
	switch {
	case !n.joined:
		return ErrNotReady
	case n.catching:
		return ErrCatching
	}
	return nil
}

// Data is the state. It must not be changed, and not be kept beyond the next call.
func (n *Node) Data() *state.Map { return n.data }

// Seq is the sequence number of the state, and the member's index, which tells its revisions from
// those of others.
func (n *Node) Seq() (seq int64, index uint8) { return n.applied, n.index }

// ID is the member's id, ClusterID that of its cluster.
func (n *Node) ID() uint64 { return n.id }

// ClusterID is the id of the member's cluster.
func (n *Node) ClusterID() uint64 { return n.cluster }

// Horizon is the stability cut: whatever is stamped at or before it is held by every member.
func (n *Node) Horizon() hlc.Stamp { return n.horizon }

// Clock is the member's newest stamp.
func (n *Node) Clock() hlc.Stamp { return n.clock.Last() }
