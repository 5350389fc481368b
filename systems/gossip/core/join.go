package core

import (
	"slices"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
)

// tryJoin asks a member of the cluster that is joined, or any that it knows.
func (n *Node) tryJoin() {
	if len(n.sessions) > 0 {
		return
	}
	if !n.joining.durable {
		if len(n.queue) == 0 {
			n.writeIdentity() // the disk was full
		}
		return
	}
	var addrs []string
	for _, m := range n.others() {
		addrs = append(addrs, m.Addr)
	}
	if len(addrs) == 0 || len(n.joining.via) > 0 && n.rng.IntN(2) == 0 {
		addrs = slices.Clone(n.joining.via)
	}
	if len(addrs) > 0 {
		n.contact(0, addrs[n.rng.IntN(len(addrs))])
	}
}

// rejoin begins anew as another member, with what is on the disk: this one was forgotten, or its
// disk is older than what others have seen of it, so that what it said of itself no longer holds.
// It does not serve until it has reconciled.
func (n *Node) rejoin(foreign bool) {
	if !foreign && !n.joining.active {
		n.Counters.Rollbacks++
	}
	old, before := n.members[n.id], n.joining
	was := n.id
	n.id, n.joined = n.rng.Uint64()|1, false
	n.joining = joining{active: true, via: n.joining.via, foreign: foreign, old: was, since: uint64(n.booted), busy: map[uint64]bool{}}
	if before.active { // the identity that it had when it last served counts
		n.joining.old, n.joining.since = before.old, before.since
	}
	clear(n.sessions)
	clear(n.responses)
	n.retire(old)
	n.members[n.id] = &Member{ID: n.id, Name: n.cfg.Self.Name, Addr: n.cfg.Self.Addr, Client: n.cfg.Self.Client, Rev: 1}
	n.stability.init()
	for _, c := range n.waiting {
		for _, w := range c.writes {
			n.answer(w.request, ErrUnknown)
		}
	}
	clear(n.waiting)
	n.writeIdentity()
	n.writeMembers(nil, nil)
}

// retire takes the member's former identity out of use. The cluster that it joins has it forgotten,
// unless it never knew it.
func (n *Node) retire(old *Member) {
	switch {
	case old == nil:
	case n.joining.foreign && !old.Forgotten:
		delete(n.members, old.ID)
	default:
		old.Forgotten, old.Renewed = true, old.Renewed || !n.joining.foreign
	}
}

// Join leaves whatever cluster the member is in, and joins that of the member with the address,
// with all its entries. The ticket is answered at once: Ready says when it has joined.
func (n *Node) Join(t Time, ticket uint64, addr string) Effects {
	n.now = t
	for _, m := range n.others() {
		if m.Addr == addr && n.joined && !n.members[n.id].Forgotten {
			n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Seq: n.applied})
			return n.take() // it is in that cluster
		}
	}
	foreign := !n.members[n.id].Forgotten
	if foreign {
		for _, m := range n.others() {
			delete(n.members, m.ID) // of the cluster that it leaves
		}
	}
	n.rejoin(foreign)
	n.joining.via = []string{addr}
	n.left = false
	n.after(func() { n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Seq: n.applied}) },
		func(err error) { n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Err: err}) })
	return n.take()
}

// shares reports whether the list has a member that this one was with, or was.
func (n *Node) shares(list []Member) bool {
	for _, m := range list {
		if m.ID == n.joining.old && m.ID != 0 {
			return true
		}
	}
	return false
}

// join completes the joining: the member holds all that the other did, and so may say what the
// other could.
func (n *Node) join(s *session) {
	me := n.members[n.id]
	n.index = me.Index
	n.joining.active, n.joined = false, true
	n.horizon = s.horizon
	n.clock.Restore(s.horizon)
	n.write(recordHorizon(s.horizon), nil)
	n.writeIdentity()
	n.data.Collect(n.horizon)
	n.merged(s.peer, s.theirs)
	for _, e := range n.joining.restamp {
		if n.latest(e.Key) == nil {
			n.propose(0, AckLocal, []Op{{Key: e.Key, Value: e.Value}})
		}
	}
	n.joining.restamp = nil
	if len(n.forgotten()) > 0 {
		n.barrier = n.clock.Next(n.now.Wall)
	}
}

// onRefused learns why there is no answer.
func (n *Node) onRefused(from *Member, sender uint64, r *codec.Reader) error {
	why := r.Byte()
	list := readMembers(r)
	if err := r.End(); err != nil {
		return err
	}
	switch why {
	case refusedForgotten:
		for _, m := range list {
			if m.ID == n.id && m.Forgotten && !n.left && !n.members[n.id].Forgotten {
				n.meet(list)
				n.writeMembers(nil, nil)
				if n.joining.active { // a late greeting of an earlier attempt took its place
					n.rejoin(n.joining.foreign)
					return nil
				}
				if m.Renewed {
					n.rejoin(false) // the disk is one of before that
					return nil
				}
			}
		}
		if n.left && n.leaving != 0 {
			n.out.Answers = append(n.out.Answers, Answer{Ticket: n.leaving, Seq: n.applied})
			n.leaving = 0
		}
	case refusedJoining:
		if n.meet(list) {
			n.writeMembers(nil, nil)
		}
		if n.joining.active {
			n.joining.busy[sender] = true
			n.seed()
		}
	}
	for id, s := range n.sessions {
		if from != nil && s.addr == from.Addr {
			delete(n.sessions, id)
		}
	}
	return nil
}

// seed has one member begin the cluster anew where all of them lost something at once, and so are
// joining: the one with the least id. All others reconcile with it before they serve.
func (n *Node) seed() {
	for _, id := range n.live() {
		if id != n.id && !n.joining.busy[id] || id < n.id {
			return
		}
	}
	n.joining.active, n.joined = false, true
	n.writeIdentity()
	if len(n.forgotten()) > 0 {
		n.barrier = n.clock.Next(n.now.Wall)
	}
}

// Leave takes the member out of its cluster: it takes no more writes, has another member hold all
// that it holds, and is forgotten. The ticket is answered then.
func (n *Node) Leave(t Time, ticket uint64) Effects {
	n.now = t
	if err := n.Ready(); err != nil {
		n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Err: err})
		return n.take()
	}
	n.leaving = ticket
	if len(n.others()) == 0 {
		n.goodbye()
	}
	return n.take()
}

// goodbyes is how many rounds a member that leaves waits for another to confirm that it knows.
const goodbyes = 12

func (n *Node) goodbye() {
	n.left, n.byes = true, 0
	n.members[n.id].Forgotten = true
	n.writeMembers(n.farewell, nil)
}

// farewell tells the others, until one confirms it.
func (n *Node) farewell() {
	others := n.others()
	for _, m := range others {
		n.send(m.Addr, n.appendMembers(n.header(msgBye)))
	}
	n.byes++
	switch {
	case n.leaving == 0:
	case len(others) == 0:
		n.out.Answers = append(n.out.Answers, Answer{Ticket: n.leaving, Seq: n.applied})
		n.leaving = 0
	case n.byes > goodbyes:
		n.out.Answers = append(n.out.Answers, Answer{Ticket: n.leaving, Err: ErrUnknown})
		n.leaving = 0
	}
}

// onBye learns that the sender leaves.
func (n *Node) onBye(r *codec.Reader) error {
	list := readMembers(r)
	if err := r.End(); err != nil {
		return err
	}
	if n.meet(list) {
		n.writeMembers(n.advanceHorizon, nil)
	}
	return nil
}
