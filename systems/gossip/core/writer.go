package core

import (
	"fmt"

	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// writer is the queue of records on their way to the disk. What a record changes is applied when it
// is durable, in order.
type writer struct {
	lastID     uint64
	queue      []queued
	bytes      int
	pending    map[string]*state.Entry // the newest entry of each key that is under way
	ownPending []hlc.Stamp             // the stamps of own writes that are under way, in order
}

// queued is a record under way.
type queued struct {
	id     uint64
	bytes  int
	own    bool              // an entry that this member stamped
	apply  []func()          // what to do when it is durable
	failed []func(err error) // what to do when it never will be
}

func (w *writer) init() { w.pending = map[string]*state.Entry{} }

// write queues a record; apply is called when it is durable, and may be nil.
func (n *Node) write(record []byte, apply func()) {
	q := queued{}
	if apply != nil {
		q.apply = append(q.apply, apply)
	}
	n.enqueue(record, q)
}

func (n *Node) enqueue(record []byte, q queued) {
	n.lastID++
	q.id, q.bytes = n.lastID, len(record)
	n.bytes += len(record)
	n.queue = append(n.queue, q)
	n.out.Writes = append(n.out.Writes, Write{ID: q.id, Record: record})
}

// after calls do when everything that is under way now is durable, or failed, which may be nil,
// when it will not be.
func (n *Node) after(do func(), failed func(error)) {
	if len(n.queue) == 0 {
		do()
		return
	}
	last := &n.queue[len(n.queue)-1]
	last.apply = append(last.apply, do)
	if failed != nil {
		last.failed = append(last.failed, failed)
	}
}

// latest is the key's entry as it will be once everything under way is durable.
func (n *Node) latest(key string) *state.Entry {
	if e := n.pending[key]; e != nil {
		return e
	}
	return n.data.Get(key)
}

// store queues an entry that wins. apply is called once it is in the map, with what it replaced.
func (n *Node) store(e *state.Entry, own bool, apply func(prev *state.Entry), failed func(error)) {
	n.seq++
	e.Mod, e.Create = n.seq, n.seq
	if prev := n.latest(e.Key); prev != nil && !prev.Deleted && !e.Deleted {
		e.Create = prev.Create
	}
	n.pending[e.Key] = e
	if own {
		n.ownPending = append(n.ownPending, e.Time)
	}
	q := queued{own: own}
	q.apply = append(q.apply, func() {
		prev := n.apply(e)
		if apply != nil {
			apply(prev)
		}
	})
	if failed != nil {
		q.failed = append(q.failed, failed)
	}
	n.enqueue(recordEntry(e), q)
}

// apply merges a durable entry.
func (n *Node) apply(e *state.Entry) (prev *state.Entry) {
	if n.pending[e.Key] == e {
		delete(n.pending, e.Key)
	}
	old := n.data.Get(e.Key)
	if old != nil {
		if n.cfg.Defect == ArrivalOrder && !e.Wins(old) {
			n.data.Drop(old)
		}
		n.remember(old)
	}
	prev, won := n.data.Merge(e)
	n.applied = e.Mod
	if !won {
		return prev
	}
	if e.Deleted {
		n.grave = max(n.grave, e.Time)
	}
	n.out.Changes = append(n.out.Changes, Change{Entry: e, Prev: prev})
	return prev
}

// Written confirms that the record with the id is durable, and all before it.
func (n *Node) Written(t Time, id uint64) Effects {
	n.now = t
	for len(n.queue) > 0 && n.queue[0].id <= id {
		q := n.queue[0]
		n.queue = n.queue[1:]
		n.bytes -= q.bytes
		if q.own {
			n.ownPending = n.ownPending[1:]
		}
		for _, do := range q.apply {
			do()
		}
	}
	n.flushPushes()
	return n.take()
}

// Failed says that no record under way was written, and none of them will be: the disk is full.
func (n *Node) Failed(t Time, err error) Effects {
	n.now = t
	queue := n.queue
	n.queue, n.bytes, n.ownPending = nil, 0, nil
	clear(n.pending)
	clear(n.sessions) // what they brought may be among what is lost
	clear(n.responses)
	for _, q := range queue {
		for _, do := range q.failed {
			do(fmt.Errorf("%w: %w", ErrDisk, err))
		}
	}
	return n.take()
}

// verdict is what became of an entry from another member.
type verdict uint8

const (
	held    verdict = iota // it is here, or on its way to the disk, or something newer is
	taken                  // it is new, and on its way to the disk
	dropped                // it is not here, and has to be sent again
)

// accept takes an entry from another member.
func (n *Node) accept(e *state.Entry) verdict {
	old := n.latest(e.Key)
	if n.cfg.Defect == ArrivalOrder {
		if old != nil && old.Compare(e) == 0 {
			return held
		}
	} else if !e.Wins(old) {
		return held
	}
	if e.Time <= n.horizon && n.joined && n.cfg.Defect != FixedGrace {
		n.Counters.Refused++
		return held // as it was, and was deleted since
	}
	if err := n.clock.Observe(e.Time, n.now.Wall); err != nil {
		n.Counters.Ahead++
		return dropped
	}
	if n.bytes > n.cfg.MaxPending || n.full() {
		n.Counters.Dropped++
		return dropped
	}
	n.store(e, false, nil, nil)
	return taken
}

func (n *Node) full() bool { return n.cfg.MaxBytes > 0 && n.data.Bytes() > n.cfg.MaxBytes }

// Op is one key's write: a value, or a deletion.
type Op struct {
	Key, Value string
	Deleted    bool
}

// Write gives keys values, or deletes them. The ticket is answered when all of it is durable here
// and at as many others as the level says ("": the member's own default). A deletion is stamped
// also where the key is not here: another member may have it already, and this one only later.
func (n *Node) Write(t Time, ticket uint64, level Ack, ops []Op) Effects {
	n.now = t
	if err := n.admit(ops); err != nil {
		n.out.Answers = append(n.out.Answers, Answer{Ticket: ticket, Err: err})
	} else {
		n.propose(ticket, level, ops)
	}
	return n.take()
}

func (n *Node) propose(ticket uint64, level Ack, ops []Op) {
	if level == "" {
		level = n.cfg.Ack
	}
	r := &request{ticket: ticket, level: level}
	for _, op := range ops {
		old := n.latest(op.Key)
		there := old != nil && !old.Deleted
		e := &state.Entry{Key: op.Key, Value: op.Value, Deleted: op.Deleted, Origin: n.id, Time: n.stamp()}
		switch {
		case op.Deleted:
		case there:
			e.Version = old.Version + 1
		default:
			e.Version = 1
		}
		r.open++
		n.store(e, true, func(prev *state.Entry) { n.stored(r, e, prev) }, func(err error) { n.fail(r, err) })
	}
	switch {
	case r.open == 0:
		n.after(func() { n.answer(r, nil) }, func(err error) { n.answer(r, err) })
	case n.cfg.Defect == AckFirst && level == AckLocal:
		n.answer(r, nil)
	}
}

// stamp is the next stamp of this member's own.
func (n *Node) stamp() hlc.Stamp {
	s := n.clock.Next(n.now.Wall)
	if n.cfg.Defect == OneStampASecond {
		return hlc.Of(n.now.Wall / 1000 * 1000)
	}
	return s
}

// admit reports why ops cannot be taken now.
func (n *Node) admit(ops []Op) error {
	if err := n.Ready(); err != nil {
		return err
	}
	if n.bytes > n.cfg.MaxPending {
		return ErrBusy
	}
	if n.clock.Last() > hlc.Of(n.now.Wall+uint64(n.cfg.MaxOffset.Milliseconds())) {
		// Others would not accept what is stamped now. It resolves as the wall clock catches up.
		// The entry would not be lost, but nobody else would have it until then, at any level of
		// acknowledgement.
		n.Counters.Ahead++
	}
	if n.full() {
		for _, op := range ops {
			if !op.Deleted {
				return ErrFull
			}
		}
	}
	return nil
}

// request is a client's write under way.
type request struct {
	ticket uint64
	level  Ack
	open   int // entries that are not durable here
	prev   []state.Entry
	seq    int64
	done   bool
	ids    []*state.Entry
}

// stored notes that one of the request's entries is durable here.
func (n *Node) stored(r *request, e, prev *state.Entry) {
	r.open--
	r.seq = max(r.seq, e.Mod)
	r.ids = append(r.ids, e)
	if prev != nil && !prev.Deleted {
		r.prev = append(r.prev, *prev)
	}
	last := r.open == 0
	switch need := n.copies(r.level); {
	case need == 0:
		n.spread(e)
		if last {
			n.answer(r, nil)
		}
	case last:
		n.confirm(r, need)
	}
}

func (n *Node) fail(r *request, err error) { n.answer(r, err) }

// answer ends the request, once.
func (n *Node) answer(r *request, err error) {
	if r.done {
		return
	}
	r.done = true
	n.out.Answers = append(n.out.Answers, Answer{Ticket: r.ticket, Err: err, Seq: max(r.seq, 0), Prev: r.prev})
}

// copies is how many other members must confirm a write at the level.
func (n *Node) copies(level Ack) int {
	total := len(n.live())
	switch level {
	case AckOne:
		return min(1, total-1)
	case AckMajority:
		return total / 2
	case AckAll:
		return total - 1
	}
	return 0
}
