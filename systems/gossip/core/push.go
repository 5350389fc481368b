package core

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// pusher spreads new entries at once: those that became durable together go to the same members, in
// one message. Whoever gets an entry that is new to it pushes it on once, to members that did not
// get it by the same push.
type pusher struct {
	lastPush uint64
	fresh    []*state.Entry          // own entries to push, without confirmation
	relays   []relay                 // entries of others to pass on
	waiting  map[uint64]*waitingPush // pushes that writes wait for
	bunch    []*confirming           // writes to push with the next
}

// relay is what one push brought that was new, and who has got it by that push.
type relay struct {
	entries []*state.Entry
	got     []uint64
}

// confirming is a write that waits for copies.
type confirming struct {
	request *request
	need    int
}

// waitingPush is a push that is repeated to whoever has not confirmed it.
type waitingPush struct {
	writes   []*confirming
	entries  []*state.Entry
	acked    map[uint64]bool
	began    time.Duration
	last     time.Duration
	deadline time.Duration
}

const (
	// pushBytes bounds the entries of one message.
	pushBytes = 1 << 20
	// freshMost bounds the entries that wait to be pushed; what is more is left to anti-entropy.
	freshMost = 16384
	// waitingMost bounds the pushes that are waited for.
	waitingMost = 4096
)

func (p *pusher) init() { p.waiting = map[uint64]*waitingPush{} }

// spread has an own entry pushed at the next occasion.
func (n *Node) spread(e *state.Entry) {
	if len(n.fresh) < freshMost {
		n.fresh = append(n.fresh, e)
	}
}

// confirm has the request's entries pushed until so many members have confirmed them.
func (n *Node) confirm(r *request, need int) {
	if len(n.waiting) >= waitingMost {
		n.answer(r, ErrUnknown)
		return
	}
	n.bunch = append(n.bunch, &confirming{r, need})
}

// flushPushes sends what became durable.
func (n *Node) flushPushes() {
	if len(n.bunch) > 0 {
		w := &waitingPush{writes: n.bunch, acked: map[uint64]bool{}, began: n.now.Mono, deadline: n.now.Mono + n.cfg.AckTimeout}
		n.bunch = nil
		for _, c := range w.writes {
			w.entries = append(w.entries, c.request.ids...)
		}
		n.lastPush++
		n.waiting[n.lastPush] = w
		n.sendWaiting(n.lastPush, w)
	}
	if len(n.fresh) > 0 {
		n.pushTo(0, n.draw(nil), n.fresh)
	}
	for _, r := range n.relays {
		n.pushTo(0, n.draw(r.got), r.entries)
	}
	n.fresh, n.relays = nil, nil
}

// draw picks as many members as a push goes to, at random among those that have not got it.
func (n *Node) draw(got []uint64) (fit []*Member) {
	for _, m := range n.others() {
		if !slices.Contains(got, m.ID) {
			fit = append(fit, m)
		}
	}
	n.rng.Shuffle(len(fit), func(i, j int) { fit[i], fit[j] = fit[j], fit[i] })
	return fit[:min(len(fit), n.cfg.Fanout)]
}

// pushTo sends entries, in as many messages as their size takes.
func (n *Node) pushTo(id uint64, to []*Member, entries []*state.Entry) {
	if len(to) == 0 {
		return
	}
	var targets []uint64
	for _, m := range to {
		targets = append(targets, m.ID)
	}
	for len(entries) > 0 {
		size, k := 0, 0
		for k < len(entries) && (k == 0 || size+entries[k].Size() <= pushBytes) {
			size += entries[k].Size()
			k++
		}
		b := n.header(msgPush)
		b = codec.AppendUint(b, id)
		b = codec.AppendIDs(b, targets)
		b = appendEntries(b, entries[:k])
		entries = entries[k:]
		for _, m := range to {
			n.Counters.Pushed += uint64(k)
			n.send(m.Addr, b)
		}
	}
}

func (n *Node) sendWaiting(id uint64, w *waitingPush) {
	w.last = n.now.Mono
	var to []*Member
	for _, m := range n.others() {
		if !w.acked[m.ID] {
			to = append(to, m)
		}
	}
	n.pushTo(id, to, w.entries)
}

// retryPushes repeats what was not confirmed, and gives up what has waited for too long.
func (n *Node) retryPushes() {
	for _, id := range n.sortedWaiting() {
		w := n.waiting[id]
		if n.now.Mono >= w.deadline && n.cfg.Defect != NoTimeout {
			delete(n.waiting, id)
			for _, c := range w.writes {
				n.answer(c.request, ErrUnknown)
			}
			continue
		}
		if n.now.Mono-w.last >= n.cfg.AckTimeout/4 {
			n.sendWaiting(id, w)
		}
	}
}

func (n *Node) sortedWaiting() (ids []uint64) {
	for id := range n.waiting {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// onPush takes entries in, passes new ones on, and confirms them once they are durable.
func (n *Node) onPush(from *Member, r *codec.Reader) error {
	id, targets, entries := r.Uint(), r.IDs(), readEntries(r)
	if err := r.End(); err != nil {
		return err
	}
	if n.joining.active {
		return nil // it reconciles before it takes part
	}
	whole := true
	var fresh []*state.Entry
	for _, e := range entries {
		switch n.accept(e) {
		case taken:
			fresh = append(fresh, e)
		case dropped:
			whole = false
		}
	}
	confirm := func() {
		if whole && id != 0 {
			n.send(from.Addr, codec.AppendUint(n.header(msgStored), id))
		}
	}
	if n.cfg.Defect == VolatileAcks {
		confirm()
	}
	n.after(func() {
		fresh = slices.DeleteFunc(fresh, func(e *state.Entry) bool { return n.data.Get(e.Key) != e })
		if len(fresh) > 0 && n.cfg.Defect != NoTimer && len(n.relays) < freshMost {
			n.relays = append(n.relays, relay{fresh, append(targets, from.ID)})
		}
		if n.cfg.Defect != VolatileAcks {
			confirm()
		}
	}, nil)
	return nil
}

// onStored counts a confirmation.
func (n *Node) onStored(from *Member, r *codec.Reader) error {
	id := r.Uint()
	if err := r.End(); err != nil {
		return err
	}
	w := n.waiting[id]
	if w == nil || w.acked[from.ID] {
		return nil
	}
	w.acked[from.ID] = true
	open := w.writes[:0]
	for _, c := range w.writes {
		if len(w.acked) >= c.need {
			n.answer(c.request, nil)
		} else {
			open = append(open, c)
		}
	}
	if w.writes = open; len(open) == 0 {
		delete(n.waiting, id)
	}
	return nil
}

func appendEntries(b []byte, entries []*state.Entry) []byte {
	b = codec.AppendUint(b, uint64(len(entries)))
	for _, e := range entries {
		b = e.Append(b)
	}
	return b
}

func readEntries(r *codec.Reader) (entries []*state.Entry) {
	for range r.Count(19) {
		entries = append(entries, state.Read(r))
	}
	return entries
}
