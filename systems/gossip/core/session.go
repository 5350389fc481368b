package core

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// session is one exchange of anti-entropy that this member began. It goes in lock step:
//
//	hello -> back        roots, horizons, members; where the roots differ, the first part of the search
//	query -> answer      until the difference is known
//	swap  -> swapped     entries both ways, until neither lacks any
//	done ->              where the roots were equal: this member's row
//
// Whatever is lost ends it, after the time that a request may take; the next round tries again.
type session struct {
	id     uint64
	peer   uint64 // 0: not known yet, in joining
	addr   string
	join   bool
	full   bool // all ids are compared, because another method could not
	last   time.Duration
	disk   bool // it waits for nothing but the disk
	bye    bool // all that this member ever wrote is part of it, and it is leaving
	broken bool // something that the other had is not here: its row must not be taken over

	finder   recon.Finder
	root     state.Root // of this member when the search began
	mine     view       // likewise
	peerRoot state.Root
	theirs   view
	horizon  hlc.Stamp // the other's

	asked   uint64 // questions, so that an answer that comes twice is not taken for the next
	round   uint64
	missing []uint64
	extra   []*state.Entry
	inexact bool              // an entry had been replaced since the search began, so the roots cannot be compared
	sum     state.Root        // what the other's root will be, once what was got is added
	moved   map[uint64]string // keys of entries that were replaced since the search began
}

const (
	sessionsMost  = 16      // at once
	responseMost  = 16      // at once
	swapBytes     = 1 << 19 // of entries in one message
	swapIDs       = 4096    // that are asked for in one
	movedMost     = 100_000
	responseGrace = 5 // requests' time after which an exchange that another began is dropped
)

// contact begins an exchange with a member.
func (n *Node) contact(peer uint64, addr string) {
	if len(n.sessions) >= sessionsMost && n.cfg.Defect != NoTimeout {
		return
	}
	for _, s := range n.sessions {
		// One that was not answered for a whole tick may be lost: another is begun, so that a path
		// that heals is used at once.
		unanswered := s.finder == nil && n.now.Mono-s.last >= n.cfg.Tick && n.cfg.Defect != NoTimeout
		if s.addr == addr && (!unanswered || s.join) {
			return
		}
	}
	s := &session{id: n.rng.Uint64(), peer: peer, addr: addr, last: n.now.Mono, join: n.joining.active}
	s.root, s.mine = n.data.Root(), n.mine()
	s.bye = n.leaving != 0 && len(n.ownPending) == 0
	n.sessions[s.id] = s
	n.Counters.Sessions++
	b := n.header(msgHello)
	b = codec.AppendUint64(b, s.id)
	b = codec.AppendBool(b, s.join)
	b = n.appendGreeting(b)
	b = codec.AppendUint(b, uint64(n.expected))
	n.send(addr, b)
}

// appendGreeting is what both sides say first: how far the sender knows every member's disk to
// reach, its own clock, horizon, members and root.
func (n *Node) appendGreeting(b []byte) []byte {
	b = n.appendSeen(b)
	b = codec.AppendUint64(b, uint64(n.clock.Read(n.now.Wall)))
	b = codec.AppendUint64(b, uint64(n.horizon))
	b = n.appendMembers(b)
	return appendRoot(b, n.data.Root())
}

// here is how far this member's own disk reaches.
func (n *Node) here() boot { return boot{n.boot.ID, n.boot.N, n.durableSeq()} }

// durableSeq is a sequence number that the member will not fall below again.
func (n *Node) durableSeq() int64 { return max(n.applied, n.boot.Seq) }

type greeting struct {
	seen    map[uint64][]boot // by member
	clock   hlc.Stamp
	horizon hlc.Stamp
	members []Member
	root    state.Root
}

func readGreeting(r *codec.Reader) greeting {
	return greeting{
		seen:  readSeen(r),
		clock: hlc.Stamp(r.Uint64()), horizon: hlc.Stamp(r.Uint64()), members: readMembers(r), root: readRoot(r),
	}
}

func appendRoot(b []byte, r state.Root) []byte {
	return codec.AppendUint(codec.AppendUint64(codec.AppendUint64(b, r.Hi), r.Lo), r.Count)
}

func readRoot(r *codec.Reader) state.Root {
	return state.Root{Hi: r.Uint64(), Lo: r.Uint64(), Count: r.Uint()}
}

// onBack goes on after the other's greeting.
func (n *Node) onBack(from *Member, r *codec.Reader) error {
	s := n.sessions[r.Uint64()]
	g := readGreeting(r)
	theirs := readView(r)
	equal := r.Bool()
	answer := r.Bytes()
	if err := r.End(); err != nil {
		return err
	}
	if s == nil || s.finder != nil || s.peer != 0 && s.peer != from.ID {
		return nil
	}
	for _, other := range n.sessions {
		if other.peer == from.ID && other.finder != nil { // it was only slow to answer
			delete(n.sessions, s.id)
			return nil
		}
	}
	if !s.join && n.lostDisk(g.seen[n.id]) {
		n.rejoin(false)
		return nil
	}
	s.peer, s.last, s.theirs, s.peerRoot, s.horizon = from.ID, n.now.Mono, theirs, g.root, g.horizon
	_ = n.clock.Observe(g.clock, n.now.Wall) // where it is too far ahead its entries are refused, one by one
	if n.meet(g.members) {
		n.writeMembers(nil, nil)
	}
	if me := n.members[n.id]; me.Forgotten {
		delete(n.sessions, s.id)
		if me.Renewed {
			n.rejoin(false)
		}
		return nil
	}
	n.seeAll(g)
	if s.join {
		n.joining.foreign = n.joining.foreign && !n.shares(g.members)
	} else {
		n.adopt(g.horizon)
	}
	if equal {
		n.Counters.Equal++
		n.send(s.addr, appendView(codec.AppendUint64(n.header(msgDone), s.id), s.mine, n.live()))
		n.finish(s)
		return nil
	}
	s.root, s.mine, s.moved = n.data.Root(), n.mine(), map[uint64]string{}
	s.finder = n.index0.Find(int(n.expected))
	s.finder.Query() // it went with the hello: the first question depends on nothing but the expectation
	if n.forceFull {
		n.forceFull = false
		n.compareAll(s)
		return n.ask(s)
	}
	return n.search(s, answer)
}

// compareAll begins the search anew by the method full.
func (n *Node) compareAll(s *session) {
	s.full = true
	s.root, s.mine, s.moved = n.data.Root(), n.mine(), map[uint64]string{}
	s.finder = recon.NewFull(n.data.IDs())
}

// search takes an answer and asks the next question, or begins to swap.
func (n *Node) search(s *session, answer []byte) error {
	s.last = n.now.Mono
	err := s.finder.Answered(answer)
	if errors.Is(err, recon.ErrTooLarge) && !s.full {
		n.Counters.TooLarge++
		n.compareAll(s)
	} else if err != nil {
		delete(n.sessions, s.id)
		n.Counters.Broken++
		return err
	}
	return n.ask(s)
}

func (n *Node) ask(s *session) error {
	if q := s.finder.Query(); q != nil {
		s.asked++
		b := codec.AppendUint64(n.header(msgQuery), s.id)
		b = codec.AppendUint(b, s.asked)
		b = codec.AppendBool(b, s.full)
		n.send(s.addr, append(b, q...))
		return nil
	}
	remote, local := s.finder.Difference()
	n.expected = 0.7*n.expected + 0.3*float64(len(remote)+len(local))
	s.missing = slices.Clone(remote)
	n.offer(s, local)
	n.swap(s)
	return nil
}

// offer decides what the other is to be given.
func (n *Node) offer(s *session, ids []uint64) {
	s.sum = s.root
	for _, id := range ids {
		e := n.data.ByID(id)
		if e != nil {
			s.sum.Subtract(e.Sum())
		} else {
			s.inexact = true
			if key, ok := s.moved[id]; ok {
				e = n.data.Get(key)
			}
		}
		switch {
		case n.done[s.peer][id]:
		case e == nil: // it was collected meanwhile: the other has collected it, too
		case s.join && e.Time <= s.horizon:
			n.settle(e)
		default:
			s.extra = append(s.extra, e)
		}
	}
	slices.SortFunc(s.extra, func(a, b *state.Entry) int { return cmp.Compare(a.Key, b.Key) })
}

// settle decides about an entry that the cluster which is joined does not have, though all its
// members hold all that is as old: it was deleted there. What the process itself wrote since it
// started is another matter: its clock was behind.
func (n *Node) settle(e *state.Entry) {
	own := e.Origin == n.joining.old && uint64(e.Time) >= n.joining.since
	if (own || n.joining.foreign) && !e.Deleted {
		n.joining.restamp = append(n.joining.restamp, e)
	}
	n.write(recordDrop(e), func() { n.data.Drop(e) })
}

// swap sends the next part of what the other lacks, and asks for the next part of what this one
// does.
func (n *Node) swap(s *session) {
	k, size := 0, 0
	for k < len(s.extra) && (k == 0 || size+s.extra[k].Size() <= swapBytes) {
		size += s.extra[k].Size()
		k++
	}
	give, want := s.extra[:k], s.missing[:min(len(s.missing), swapIDs)]
	s.extra = s.extra[k:]
	s.round++
	b := codec.AppendUint64(n.header(msgSwap), s.id)
	b = codec.AppendUint(b, s.round)
	b = codec.AppendIDs(b, want)
	b = appendEntries(b, give)
	last := len(s.extra) == 0 && s.round > 0
	b = codec.AppendBool(b, last)
	if last {
		b = appendView(b, s.mine, n.live())
	}
	n.send(s.addr, b)
}

// onSwapped takes entries in, and goes on until there are no more.
func (n *Node) onSwapped(from *Member, r *codec.Reader) error {
	s := n.sessions[r.Uint64()]
	round, served := r.Uint(), r.Uint()
	entries := readEntries(r)
	if err := r.End(); err != nil {
		return err
	}
	if s == nil || s.peer != from.ID || round != s.round || served > uint64(len(s.missing)) {
		return nil
	}
	s.last = n.now.Mono
	if uint64(len(entries)) != served {
		s.inexact = true
	}
	asked := map[uint64]bool{}
	for _, id := range s.missing[:served] {
		asked[id] = true
	}
	for _, e := range entries {
		n.Counters.Pulled++
		sum := n.data.SumOf(e)
		s.inexact = s.inexact || !asked[sum.Lo]
		s.sum.Add(sum)
		if n.accept(e) == dropped {
			s.broken = true
		}
	}
	s.missing = s.missing[served:]
	if served == 0 && len(s.missing) > 0 {
		s.broken, s.missing = true, nil // it cannot serve them: no progress would be made
	}
	if len(s.missing) > 0 || len(s.extra) > 0 {
		n.swap(s)
		return nil
	}
	if n.cfg.Defect == VolatileAcks {
		n.finish(s)
		return nil
	}
	s.disk = true
	n.after(func() { n.finish(s) }, nil)
	return nil
}

// finish ends an exchange in which all was sent and received, and is durable. It compares the roots
// again: this member's, without what it gave and with what it got, is to be the other's. That
// cannot be told where an entry was replaced meanwhile; then what was sent instead is newer.
func (n *Node) finish(s *session) {
	if n.sessions[s.id] != s {
		return
	}
	delete(n.sessions, s.id)
	if s.finder != nil && !s.inexact && s.sum != s.peerRoot {
		s.broken, n.forceFull = true, true // it cannot happen but by a collision of checksums
		n.Counters.Misled++
	}
	if s.broken {
		n.countAsDone(s)
		n.Counters.Broken++
		return
	}
	n.Counters.Whole++
	n.catching = false
	if s.join {
		n.join(s)
		return
	}
	n.merged(s.peer, s.theirs)
	if s.bye && n.leaving != 0 && !n.left {
		n.goodbye()
	}
}

// remember has exchanges under way know the key of an entry that is about to be replaced.
func (n *Node) remember(e *state.Entry) {
	for _, s := range n.sessions {
		if s.moved != nil && len(s.moved) < movedMost {
			s.moved[e.ID()] = e.Key
		} else if s.moved != nil {
			s.broken = true
		}
	}
	for _, r := range n.responses {
		if r.view == nil {
			continue
		}
		if len(r.moved) < movedMost {
			r.moved[e.ID()] = e.Key
		} else {
			r.broken = true
		}
	}
}

// expireSessions gives up what has not gone on for the time that a request may take.
func (n *Node) expireSessions() {
	if n.cfg.Defect == NoTimeout {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(n.sessions)) {
		if s := n.sessions[id]; !s.disk && n.now.Mono-s.last > n.cfg.Request {
			delete(n.sessions, id)
			n.Counters.TimedOut++
			n.unheard(s.peer)
			n.countAsDone(s)
		}
	}
	maps.DeleteFunc(n.responses, func(_ responseKey, r *response) bool {
		return n.now.Mono-r.last > responseGrace*n.cfg.Request
	})
}
