package core

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// world is a simulation of a cluster: hosts with disks and clocks, a network, clients, all drawn
// from one seed.
type world struct {
	rng    *rand.Rand
	now    time.Duration
	events events
	order  int
	hosts  []*host
	spec   spec
	cut    map[[2]int]bool
	calm   bool // no loss, no repetition, no long delay
	ops    []*op
	byVal  map[string]*op
	seen   map[string][]state.Entry // by key: every entry that was ever durable where it was stamped
	sent   int
}

// spec is what may happen in a world.
type spec struct {
	nodes     int
	config    Config
	length    time.Duration // of the troubled part
	keys      int
	rate      time.Duration // between two operations
	deletes   float64
	loss, dup float64
	link      time.Duration // delay of every message; 0: a random one
	crashes   bool
	cuts      bool
	jumps     bool
	rollbacks bool
	fullDisk  bool // a write fails now and then
	slowDisk  bool // of the first host a write takes up to 1.5 s; it is the one that crashes
	sleepers  bool // a member is cut off for most of the time, with deletions meanwhile
}

type host struct {
	i       int
	name    string
	node    *Node
	life    int // rises at each crash, so that what was under way then is void
	disk    [][]byte
	writes  []Write // not confirmed yet
	syncing bool
	offset  int64 // of the wall clock, in milliseconds
	gone    bool  // for ever
	copies  []diskCopy
	join    string
}

type diskCopy struct {
	at   time.Duration
	disk [][]byte
}

// op is a client's write.
type op struct {
	key, value string // value "" deletes
	host       int
	ticket     uint64
	call       time.Duration
	back       time.Duration
	acked      bool
	done       bool
	err        error
	entry      *state.Entry
}

type event struct {
	at    time.Duration
	order int
	do    func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func newWorld(seed uint64, s spec) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 77)), spec: s, cut: map[[2]int]bool{}, byVal: map[string]*op{}, seen: map[string][]state.Entry{}}
	var list []Member
	for i := range s.nodes {
		list = append(list, Member{Name: fmt.Sprint("n", i+1), Addr: fmt.Sprint("n", i+1)})
	}
	w.spec.config.Initial = list
	w.spec.config.Cluster = "sim"
	for i := range s.nodes {
		h := &host{i: i, name: list[i].Name, offset: w.rng.Int64N(200) - 100}
		w.hosts = append(w.hosts, h)
		w.start(h)
	}
	return w
}

func (w *world) at(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, event{w.now + d, w.order, do})
}

// run lets the world go on for so long.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for len(w.events) > 0 && w.events[0].at <= end {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
}

func (w *world) time(h *host) Time {
	return Time{Wall: uint64(int64(1_700_000_000_000) + w.now.Milliseconds() + h.offset), Mono: w.now}
}

// start boots the host from its disk.
func (w *world) start(h *host) {
	c := w.spec.config
	c.Self = Member{Name: h.name, Addr: h.name, Client: "http://" + h.name}
	if h.join != "" {
		c.Initial, c.Join = nil, []string{h.join}
	}
	n, err := New(c, rand.New(rand.NewPCG(w.rng.Uint64(), 1)))
	if err != nil {
		panic(err)
	}
	for _, r := range h.disk {
		if err := n.Load(r); err != nil {
			panic(err)
		}
	}
	h.node, h.writes, h.syncing = n, nil, false
	w.do(h, n.Start(w.time(h)))
}

// crash loses what is in memory, and of what was on its way to the disk all but a prefix.
func (w *world) crash(h *host) {
	h.life++
	kept := w.rng.IntN(len(h.writes) + 1)
	for _, wr := range h.writes[:kept] {
		h.disk = append(h.disk, wr.Record)
		if r := codec.NewReader(wr.Record); r.Byte() == kindEntry {
			r.Uint()
			r.Uint()
			if e := state.Read(r); r.End() == nil {
				w.seen[e.Key] = append(w.seen[e.Key], *e)
			}
		}
	}
	h.node, h.writes = nil, nil
}

// do carries out effects.
func (w *world) do(h *host, e Effects) {
	h.writes = append(h.writes, e.Writes...)
	for _, s := range e.Sends {
		w.send(h, s)
	}
	for _, t := range e.Timers {
		w.alive(h, t.After, func() { w.do(h, h.node.Timer(w.time(h), t.ID)) })
	}
	for _, c := range e.Changes {
		w.changed(h, c)
	}
	for _, a := range e.Answers {
		w.answered(h, a)
	}
	if len(h.writes) > 0 && !h.syncing {
		h.syncing = true
		most := 4000
		if w.spec.slowDisk && h.i == 0 && !w.calm {
			most = 1_500_000
		}
		w.alive(h, time.Duration(50+w.rng.IntN(most))*time.Microsecond, func() { w.sync(h) })
	}
}

// alive calls do after a while, unless the host crashed meanwhile.
func (w *world) alive(h *host, d time.Duration, do func()) {
	life := h.life
	w.at(d, func() {
		if h.life == life && h.node != nil {
			do()
		}
	})
}

func (w *world) sync(h *host) {
	h.syncing = false
	if w.spec.fullDisk && !w.calm && w.rng.IntN(10) == 0 {
		h.writes = nil
		w.do(h, h.node.Failed(w.time(h), errors.New("no space left on device")))
		return
	}
	for _, wr := range h.writes {
		h.disk = append(h.disk, wr.Record)
	}
	last := h.writes[len(h.writes)-1].ID
	h.writes = nil
	if w.rng.IntN(50) == 0 && len(h.node.queue) > 0 && h.node.queue[len(h.node.queue)-1].id == last {
		w.do(h, h.node.Written(w.time(h), last))
		if len(h.writes) == 0 { // compaction: the snapshot takes the place of the log
			h.disk = slices.Collect(func(yield func([]byte) bool) { h.node.Snapshot()(yield) })
		}
		return
	}
	w.do(h, h.node.Written(w.time(h), last))
}

func (w *world) send(from *host, s Send) {
	w.sent++
	for _, to := range w.hosts {
		if to.name != s.To {
			continue
		}
		copies := 1
		if !w.calm && w.rng.Float64() < w.spec.loss {
			copies = 0
		}
		if !w.calm && w.rng.Float64() < w.spec.dup {
			copies++
		}
		for range copies {
			d := time.Duration(200+w.rng.IntN(20_000)) * time.Microsecond
			if w.spec.link > 0 {
				d = w.spec.link
			}
			if !w.calm && w.spec.link == 0 && w.rng.IntN(50) == 0 {
				d += time.Duration(w.rng.IntN(8000)) * time.Millisecond
			}
			w.at(d, func() { w.deliver(from, to, s.Bytes) })
		}
	}
}

func (w *world) deliver(from, to *host, b []byte) {
	if to.node == nil || w.cut[[2]int{from.i, to.i}] {
		return
	}
	e, err := to.node.Message(w.time(to), b)
	if err != nil {
		panic(fmt.Sprintf("%s sent %s what it cannot read: %v", from.name, to.name, err))
	}
	w.do(to, e)
}

func (w *world) changed(h *host, c Change) {
	if o := w.byVal[c.Entry.Value]; o != nil && !c.Entry.Deleted && o.host == h.i && o.entry == nil {
		o.entry = c.Entry
	}
	w.seen[c.Entry.Key] = append(w.seen[c.Entry.Key], *c.Entry)
	if c.Entry.Origin == h.node.id {
		if c.Entry.Deleted {
			for _, o := range slices.Backward(w.ops) {
				if o.host == h.i && o.key == c.Entry.Key && o.value == "" && !o.done && o.entry == nil {
					o.entry = c.Entry
				}
			}
		}
	}
}

func (w *world) answered(h *host, a Answer) {
	for _, o := range slices.Backward(w.ops) {
		if o.host == h.i && o.ticket == a.Ticket && !o.done {
			o.done, o.err, o.acked, o.back = true, a.Err, a.Err == nil, w.now
			return
		}
	}
}

// write has a client write through the host.
func (w *world) write(h *host, key, value string) *op {
	o := &op{key: key, value: value, host: h.i, ticket: uint64(len(w.ops) + 1), call: w.now}
	w.ops = append(w.ops, o)
	if value != "" {
		w.byVal[value] = o
	}
	w.do(h, h.node.Write(w.time(h), o.ticket, "", []Op{{Key: key, Value: value, Deleted: value == ""}}))
	return o
}

// client writes at random for as long as the world is troubled.
func (w *world) client(until time.Duration) {
	if w.now >= until {
		return
	}
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	if h.node != nil {
		key, value := fmt.Sprint("k", w.rng.IntN(w.spec.keys)), fmt.Sprint("v", len(w.ops))
		if w.rng.Float64() < w.spec.deletes {
			value = ""
		}
		w.write(h, key, value)
	}
	w.at(time.Duration(w.rng.Int64N(int64(2*w.spec.rate))), func() { w.client(until) })
}

// trouble strikes at random.
func (w *world) trouble(until time.Duration) {
	if w.now >= until {
		return
	}
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	switch w.rng.IntN(5) {
	case 0:
		if w.spec.slowDisk {
			h = w.hosts[0]
		}
		if w.spec.crashes && h.node != nil && (!w.spec.slowDisk || h.node.started && len(h.writes) > 0) {
			w.crash(h)
			w.at(time.Duration(w.rng.IntN(3000))*time.Millisecond, func() { w.restart(h, false) })
		}
	case 1:
		if w.spec.cuts {
			w.partition()
		}
	case 2:
		if w.spec.jumps {
			h.offset += w.rng.Int64N(3000) - 1500
		}
	case 3:
		if w.spec.rollbacks {
			w.backup(h)
		}
	case 4:
		if w.spec.rollbacks && w.rng.IntN(2) == 0 && w.settledButFor(h) {
			if h.node != nil {
				w.crash(h)
			}
			w.at(time.Duration(w.rng.IntN(1000))*time.Millisecond, func() { w.restart(h, true) })
		}
	}
	w.at(time.Duration(w.rng.IntN(1000))*time.Millisecond, func() { w.trouble(until) })
}

// settledButFor reports whether all others are up and serve: a second disk is not lost before the
// first is made good.
func (w *world) settledButFor(h *host) bool {
	for _, o := range w.hosts {
		if o != h && !o.gone && (o.node == nil || o.node.Ready() != nil) {
			return false
		}
	}
	return true
}

func (w *world) backup(h *host) {
	h.copies = append(h.copies, diskCopy{w.now, slices.Clone(h.disk)})
}

func (w *world) restart(h *host, rollback bool) {
	if h.node != nil || h.gone {
		return
	}
	if rollback && len(h.copies) > 0 {
		c := h.copies[w.rng.IntN(len(h.copies))]
		h.disk = slices.Clone(c.disk)
		for _, o := range w.ops {
			if o.host == h.i && (o.back > c.at || !o.done) {
				o.acked = false // it may be lost with the disk, so nothing is promised of it
			}
		}
		h.copies = slices.DeleteFunc(h.copies, func(d diskCopy) bool { return d.at > c.at })
	}
	w.start(h)
}

// partition splits the hosts in two, at times one way only, or heals.
func (w *world) partition() {
	clear(w.cut)
	if w.rng.IntN(3) == 0 {
		return
	}
	oneWay := w.rng.IntN(4) == 0
	side := map[int]bool{}
	for _, h := range w.hosts {
		side[h.i] = w.rng.IntN(2) == 0
	}
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if side[a.i] != side[b.i] && (!oneWay || side[a.i]) {
				w.cut[[2]int{a.i, b.i}] = true
			}
		}
	}
}

// heal ends all trouble.
func (w *world) heal() {
	clear(w.cut)
	w.calm = true
	for _, h := range w.hosts {
		w.restart(h, false)
	}
}
