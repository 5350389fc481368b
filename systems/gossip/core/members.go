package core

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// Member is one of the cluster. A process that lost its disk, or was forgotten, comes back as
// another member.
type Member struct {
	ID        uint64
	Name      string
	Addr      string // for peers
	Client    string // for clients, a URL
	Index     uint8  // the low bits of its revisions
	Rev       uint64 // of the fields, the larger is newer
	Forgotten bool   // for ever
	Renewed   bool   // forgotten because its process came back as another member

	heard   time.Duration // when it was last heard of, by Time.Mono
	failed  int           // requests in a row that it did not answer
	suspect time.Duration // since when it does not answer
}

// boot is one start of a process, and a sequence number that it reached. A member that is seen with
// an older one than before has lost what it had on disk.
type boot struct {
	ID  uint64
	N   uint64 // how many starts there were, this one included
	Seq int64
}

func appendBoot(to []byte, b boot) []byte {
	return codec.AppendUint(codec.AppendUint(codec.AppendUint64(to, b.ID), b.N), uint64(b.Seq))
}

func readBoot(r *codec.Reader) boot { return boot{r.Uint64(), r.Uint(), int64(r.Uint())} }

// joining is the state of a member on its way into a cluster.
type joining struct {
	active  bool
	via     []string        // peer addresses to ask
	foreign bool            // it has a history of its own, not one of that cluster
	since   uint64          // own entries stamped at or after this were written by the process itself
	old     uint64          // its id before
	durable bool            // the new identity is on disk: until then nobody is told of it
	restamp []*state.Entry  // to be written again once it has joined
	busy    map[uint64]bool // members that answered that they are joining themselves
}

// sorted lists the members by id, so that random choices among them do not depend on map order.
func (n *Node) sorted() []*Member {
	return slices.SortedFunc(maps.Values(n.members), func(a, b *Member) int { return cmp.Compare(a.ID, b.ID) })
}

// live lists the ids of all members that were not forgotten, this one among them.
func (n *Node) live() (ids []uint64) {
	for _, m := range n.sorted() {
		if !m.Forgotten {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (n *Node) forgotten() (ids []uint64) {
	for _, m := range n.sorted() {
		if m.Forgotten {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// others lists the live members but this one.
func (n *Node) others() (all []*Member) {
	for _, m := range n.sorted() {
		if !m.Forgotten && m.ID != n.id {
			all = append(all, m)
		}
	}
	return all
}

// choose draws up to k members, dead or alive: a dead one is back only for whoever asks it. One
// that is suspected is drawn half as often.
func (n *Node) choose(k int) (chosen []*Member) {
	all := n.others()
	n.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var passed []*Member
	for _, m := range all {
		switch {
		case len(chosen) == k:
			return chosen
		case m.failed > 0 && n.rng.IntN(2) == 0:
			passed = append(passed, m)
		default:
			chosen = append(chosen, m)
		}
	}
	return append(chosen, passed[:min(len(passed), k-len(chosen))]...)
}

// heardOf notes that the member answers.
func (n *Node) heardOf(id uint64) {
	if m := n.members[id]; m != nil {
		m.heard, m.failed, m.suspect = n.now.Mono, 0, 0
	}
}

// unheard notes that the member did not answer.
func (n *Node) unheard(id uint64) {
	m := n.members[id]
	if m == nil {
		return
	}
	if m.failed == 0 {
		m.suspect = n.now.Mono
	}
	m.failed++
}

// View is a member as show prints it.
type View struct {
	Member
	Self      bool
	Heard     time.Duration // since it was last heard of, by Time.Mono; 0: never
	Suspected time.Duration // how long it has been suspected; 0: it is not
}

// Members lists the members by name, forgotten ones last.
func (n *Node) Members(t Time) (all []View) {
	for _, m := range n.sorted() {
		v := View{Member: *m, Self: m.ID == n.id, Heard: m.heard}
		if m.failed > 0 {
			v.Suspected = max(t.Mono-m.suspect, 1)
		}
		all = append(all, v)
	}
	slices.SortStableFunc(all, func(a, b View) int {
		order := map[bool]int{false: 0, true: 1}
		return cmp.Or(cmp.Compare(order[a.Forgotten], order[b.Forgotten]), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// meet takes in another's list of members; changed says that there was news in it, which is to be
// written.
func (n *Node) meet(list []Member) (changed bool) {
	for _, m := range list {
		old, known := n.members[m.ID]
		if !known {
			old = &Member{ID: m.ID}
			n.members[m.ID] = old
			changed = true
		}
		if m.Rev > old.Rev || !known {
			old.Name, old.Addr, old.Client, old.Rev, old.Index = m.Name, m.Addr, m.Client, m.Rev, m.Index
			changed = true
		}
		if m.Forgotten && !old.Forgotten {
			n.markForgotten(old)
			changed = true
		}
		if m.Renewed && !old.Renewed {
			old.Renewed, changed = true, true
		}
	}
	return changed
}

// markForgotten forgets a member here. From now on nothing is accepted from it; the barrier stops
// the stability cut until every member holds whatever any had from it (see stability.go).
func (n *Node) markForgotten(m *Member) {
	m.Forgotten = true
	n.barrier = n.clock.Next(n.now.Wall)
	delete(n.rows, m.ID)
	for id, s := range n.sessions {
		if s.peer == m.ID {
			delete(n.sessions, id)
		}
	}
	for key := range n.responses {
		if key.peer == m.ID {
			delete(n.responses, key)
		}
	}
}

// Forget removes the member of that name for ever, dead or alive. A dead member stops the
// collection of tombstones until it is forgotten. What only it had is lost. It reports whether
// there was such a member, and answers the ticket once that is on disk.
func (n *Node) Forget(t Time, ticket uint64, id uint64) Effects {
	n.now = t
	m := n.members[id]
	if m == nil || id == n.id {
		n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Err: ErrNoMember})
		return n.take()
	}
	if !m.Forgotten {
		n.markForgotten(m)
	}
	n.writeMembers(func() {
		n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Seq: n.applied})
		n.advanceHorizon()
	}, func(err error) { n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Err: err}) })
	return n.take()
}

// MaxIndex is the largest index of a member.
const MaxIndex = 127

// freeIndex is the low byte of the revisions of a member that joins.
func (n *Node) freeIndex() uint8 {
	used := map[uint8]bool{} // an index is given again only once its member is forgotten
	for _, m := range n.members {
		used[m.Index] = !m.Forgotten || used[m.Index]
	}
	for i := 1; i <= MaxIndex; i++ {
		if !used[uint8(i)] {
			return uint8(i)
		}
	}
	return uint8(1 + n.rng.IntN(MaxIndex)) // so many members were there ever: two may share one, and a watch that moves between them may miss events
}

func appendMember(b []byte, m *Member) []byte {
	b = codec.AppendUint64(b, m.ID)
	b = codec.AppendUint(b, m.Rev)
	b = codec.AppendUint(b, uint64(m.Index))
	b = codec.AppendBool(b, m.Forgotten)
	b = codec.AppendBool(b, m.Renewed)
	b = codec.AppendString(b, m.Name)
	b = codec.AppendString(b, m.Addr)
	return codec.AppendString(b, m.Client)
}

func (n *Node) appendMembers(b []byte) []byte {
	all := n.sorted()
	b = codec.AppendUint(b, uint64(len(all)))
	for _, m := range all {
		b = appendMember(b, m)
	}
	return b
}

func readMembers(r *codec.Reader) (list []Member) {
	for range r.Count(15) {
		m := Member{ID: r.Uint64(), Rev: r.Uint(), Index: uint8(r.Uint()), Forgotten: r.Bool(), Renewed: r.Bool(), Name: r.String(), Addr: r.String(), Client: r.String()}
		list = append(list, m)
	}
	return list
}
