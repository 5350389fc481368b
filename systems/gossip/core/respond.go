package core

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// response is an exchange that another member began.
type response struct {
	last   time.Duration
	view   recon.View
	all    *state.Snapshot // for the method full, where the other asks for that
	ids    recon.View
	round  uint64
	broken bool
	moved  map[uint64]string
	equal  bool
}

type responseKey struct{ peer, id uint64 }

// onHello answers a greeting. News of members goes to disk first: what follows relies on it.
func (n *Node) onHello(from *Member, addr string, r *codec.Reader) error {
	id, join := r.Uint64(), r.Bool()
	g := readGreeting(r)
	expected := r.Uint()
	if err := r.End(); err != nil {
		return err
	}
	switch {
	case !n.started:
		return nil
	case n.joining.active:
		if n.joining.durable {
			n.refuse(addr, refusedJoining)
		}
		return nil
	}
	if join {
		n.seat(g.members, from.ID)
	}
	if n.meet(g.members) || join {
		n.writeMembers(nil, nil)
		n.after(func() { n.greet(from, id, join, g, expected) }, nil)
		return nil
	}
	n.greet(from, id, join, g, expected)
	return nil
}

// seat gives a member that joins its index.
func (n *Node) seat(list []Member, id uint64) {
	for i := range list {
		if m := &list[i]; m.ID == id {
			if old := n.members[id]; old != nil {
				m.Index, m.Rev = old.Index, max(m.Rev, old.Rev)
			} else {
				m.Index = n.freeIndex()
				m.Rev++
			}
			n.supersede(m.Name, id)
		}
	}
}

// supersede forgets other members of the name: names are unique, so the one with the id has taken
// their place.
func (n *Node) supersede(name string, id uint64) (any bool) {
	for _, m := range n.others() {
		if m.Name == name && m.ID != id {
			n.markForgotten(m)
			m.Renewed, any = true, true
		}
	}
	return any
}

func (n *Node) greet(from *Member, id uint64, join bool, g greeting, expected uint64) {
	m := n.members[from.ID]
	if m == nil || m.Forgotten || n.left || n.joining.active {
		return
	}
	if n.lostDisk(g.seen[n.id]) {
		n.rejoin(false)
		return
	}
	n.heardOf(from.ID)
	n.seeAll(g)
	_ = n.clock.Observe(g.clock, n.now.Wall) // where it is too far ahead its entries are refused, one by one
	if !join {
		n.adopt(g.horizon)
	}
	equal := n.data.Root() == g.root && !join
	b := codec.AppendUint64(n.header(msgBack), id)
	b = n.appendGreeting(b)
	b = appendView(b, n.mine(), n.live())
	b = codec.AppendBool(b, equal)
	n.makeRoom()
	resp := &response{last: n.now.Mono, moved: map[uint64]string{}, equal: equal}
	var answer []byte
	if !equal {
		resp.view, resp.all = n.index0.View(), n.data.Snapshot()
		var err error
		if answer, err = resp.view.Answer(n.index0.Opening(int(min(expected, 1<<30)))); err != nil {
			return
		}
	}
	n.responses[responseKey{from.ID, id}] = resp
	n.send(m.Addr, append(codec.AppendUint(b, uint64(len(answer))), answer...))
}

// makeRoom drops the exchange that has waited longest where there are too many.
func (n *Node) makeRoom() {
	if len(n.responses) < responseMost {
		return
	}
	var oldest responseKey
	for key, r := range n.responses {
		if o := n.responses[oldest]; o == nil || r.last < o.last || r.last == o.last && key.id < oldest.id {
			oldest = key
		}
	}
	delete(n.responses, oldest)
}

// seenBoots is how many starts of a member are remembered.
const seenBoots = 6

// see notes how far a member's disk reached in one of its starts. What was seen of earlier starts is
// kept: a member whose disk is an older copy starts anew as well, and finds out by them.
//
// What the horizon says of a member rests on its disk as it was when it told its row. So every
// message that can raise a horizon brings what is known of all disks, and whoever knows a horizon
// knows, of every member, at least as much as the horizon rests on: so a member whose disk is older
// than that finds out from anybody, before it takes the horizon over.
func (n *Node) see(id uint64, b boot) {
	if id == n.id || b.ID == 0 {
		return
	}
	all := n.lastSeen[id]
	i := slices.IndexFunc(all, func(o boot) bool { return o.ID == b.ID })
	switch {
	case i < 0:
		all = append(all, b)
		slices.SortFunc(all, func(a, b boot) int { return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.ID, b.ID)) })
		all = all[max(0, len(all)-seenBoots):]
	case b.Seq > all[i].Seq:
		all[i].Seq = b.Seq
	default:
		return
	}
	n.lastSeen[id] = all
	n.unsaved[id] = true
}

func (n *Node) seeAll(g greeting) {
	for id, boots := range g.seen {
		for _, b := range boots {
			n.see(id, b)
		}
	}
}

// saveSeen has what was seen on disk, before a horizon that rests on it.
func (n *Node) saveSeen() {
	for _, id := range slices.Sorted(maps.Keys(n.unsaved)) {
		for _, b := range n.lastSeen[id] {
			n.write(recordSeen(id, b), nil)
		}
	}
	clear(n.unsaved)
}

// appendSeen is what is known of all live members' disks, this one's included.
func (n *Node) appendSeen(b []byte) []byte {
	live := n.live()
	b = codec.AppendUint(b, uint64(len(live)))
	for _, id := range live {
		at := n.lastSeen[id]
		if id == n.id {
			at = []boot{n.here()}
		}
		b = codec.AppendUint(codec.AppendUint64(b, id), uint64(len(at)))
		for _, o := range at {
			b = appendBoot(b, o)
		}
	}
	return b
}

func readSeen(r *codec.Reader) map[uint64][]boot {
	seen := map[uint64][]boot{}
	for range r.Count(9) {
		id := r.Uint64()
		for range r.Count(10) {
			seen[id] = append(seen[id], readBoot(r))
		}
	}
	return seen
}

// lostDisk reports whether another member has seen more of this one than its disk holds.
func (n *Node) lostDisk(seen []boot) bool {
	if n.cfg.Defect == TrustOldDisk || n.cfg.Defect == ForgetLog {
		return false
	}
	return slices.ContainsFunc(seen, func(b boot) bool { return b.ID != 0 && !n.reached(b) })
}

// reached reports whether this member's disk reached so far in that start.
func (n *Node) reached(seen boot) bool {
	for i, b := range n.boots {
		if b.ID != seen.ID {
			continue
		}
		if i+1 < len(n.boots) {
			return n.boots[i+1].Seq >= seen.Seq
		}
		return n.durableSeq() >= seen.Seq
	}
	return len(n.boots) > 0 && seen.N < n.boots[0].N // from before the starts that it remembers
}

// onQuery answers a question of the search.
func (n *Node) onQuery(from *Member, r *codec.Reader) error {
	id, number, full := r.Uint64(), r.Uint(), r.Bool()
	query := r.Rest()
	resp := n.responses[responseKey{from.ID, id}]
	if err := r.Err(); err != nil || resp == nil || resp.view == nil {
		return err
	}
	resp.last = n.now.Mono
	view := resp.view
	if full {
		if resp.ids == nil {
			resp.ids = recon.Sorted(resp.all.IDs())
		}
		view = resp.ids
	}
	answer, err := view.Answer(query)
	if err != nil {
		return err
	}
	n.send(from.Addr, append(codec.AppendUint(codec.AppendUint64(n.header(msgAnswer), id), number), answer...))
	return nil
}

func (n *Node) onAnswer(from *Member, r *codec.Reader) error {
	s, number := n.sessions[r.Uint64()], r.Uint()
	answer := r.Rest()
	if err := r.Err(); err != nil {
		return err
	}
	if s == nil || s.peer != from.ID || s.finder == nil || s.round > 0 || number != s.asked {
		return nil
	}
	return n.search(s, answer)
}

// onSwap takes in what the other gives, and gives it what it wants. It answers once all of it is
// durable.
func (n *Node) onSwap(from *Member, r *codec.Reader) error {
	id, round := r.Uint64(), r.Uint()
	want, entries, last := r.IDs(), readEntries(r), r.Bool()
	var theirs view
	if last {
		theirs = readView(r)
	}
	if err := r.End(); err != nil {
		return err
	}
	resp := n.responses[responseKey{from.ID, id}]
	if resp == nil || resp.view == nil || round != resp.round+1 {
		return nil
	}
	resp.last, resp.round = n.now.Mono, round
	for _, e := range entries {
		if n.accept(e) == dropped {
			resp.broken = true
		}
	}
	served, found := n.serve(from.ID, resp, want)
	b := codec.AppendUint64(n.header(msgSwapped), id)
	b = codec.AppendUint(codec.AppendUint(b, round), uint64(served))
	b = appendEntries(b, found)
	finish := func() {
		if resp.broken {
			return // without an answer the other gives up, too
		}
		n.send(from.Addr, b)
		if last {
			n.merged(from.ID, theirs)
		}
	}
	if n.cfg.Defect == VolatileAcks {
		finish()
		return nil
	}
	n.after(finish, nil)
	return nil
}

// serve finds the entries with the ids, as many as fit; served is how many ids that answers.
func (n *Node) serve(peer uint64, resp *response, want []uint64) (served int, found []*state.Entry) {
	size := 0
	for _, id := range want {
		e := n.data.ByID(id)
		if e == nil {
			if key, ok := resp.moved[id]; ok {
				e = n.data.Get(key)
			}
		}
		if e != nil && !n.done[peer][id] {
			if size += e.Size(); size > swapBytes && len(found) > 0 {
				return served, found
			}
			found = append(found, e)
		}
		served++
	}
	return served, found
}

// onDone notes that the roots were equal, and who the other was then.
func (n *Node) onDone(from *Member, r *codec.Reader) error {
	id := r.Uint64()
	theirs := readView(r)
	if err := r.End(); err != nil {
		return err
	}
	key := responseKey{from.ID, id}
	if resp := n.responses[key]; resp != nil && resp.equal {
		delete(n.responses, key)
		n.merged(from.ID, theirs)
	}
	return nil
}
