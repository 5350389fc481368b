package core

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// calmWorld has nothing go wrong but what the test does.
func calmWorld(nodes int) *world {
	s := usual()
	s.nodes, s.loss, s.dup = nodes, 0, 0
	w := newWorld(1, s)
	w.calm = true
	w.run(time.Second)
	return w
}

// add starts another host that joins the one of the name.
func (w *world) add(join string) *host {
	h := &host{i: len(w.hosts), name: fmt.Sprint("n", len(w.hosts)+1), join: join}
	w.hosts = append(w.hosts, h)
	w.start(h)
	return h
}

func (w *world) settled(t *testing.T) {
	t.Helper()
	if err := w.settle(20 * time.Second); err != nil {
		t.Fatal(err)
	}
}

func (w *world) value(h *host, key string) string {
	if e := h.node.data.Get(key); e != nil {
		return e.Value
	}
	return ""
}

// TestJoin: a member that joins has what was there, and what was deleted is gone and is collected,
// with it counted in.
func TestJoin(t *testing.T) {
	w := calmWorld(2)
	w.write(w.hosts[0], "k0", "a")
	w.write(w.hosts[1], "k1", "b")
	w.run(100 * time.Millisecond)
	w.write(w.hosts[0], "k1", "")
	h := w.add("n2")
	if !errors.Is(h.node.Ready(), ErrNotReady) {
		t.Error("a member serves before it has joined")
	}
	w.settled(t)
	o := w.write(h, "k2", "c")
	w.settled(t)
	if w.value(w.hosts[0], "k2") != "c" || !o.acked || w.value(h, "k0") != "a" || w.value(h, "k1") != "" {
		t.Error(w.show(h))
	}
	if n := len(w.hosts[0].node.live()); n != 3 {
		t.Errorf("%d members are live", n)
	}
	seen := map[uint8]bool{}
	for _, h := range w.hosts {
		_, index := h.node.Seq()
		seen[index] = true
	}
	if len(seen) != 3 {
		t.Errorf("members share the low byte of their revisions: %v", seen)
	}
}

// TestJoinWithData: a member that was alone brings what it has, though the cluster has long since
// collected what is as old.
func TestJoinWithData(t *testing.T) {
	w := calmWorld(2)
	alone := &host{i: 2, name: "n3", offset: -20_000} // what it writes is stamped before the others' horizon
	w.spec.config.Initial = nil
	w.hosts = append(w.hosts, alone)
	w.start(alone)
	w.run(time.Second)
	w.write(alone, "k0", "mine")
	w.write(w.hosts[0], "k1", "x")
	w.run(time.Second)
	w.write(w.hosts[0], "k1", "")
	w.run(5 * time.Second)
	if w.hosts[0].node.Horizon() == 0 {
		t.Fatal("the horizon did not rise")
	}
	w.do(alone, alone.node.Join(w.time(alone), 99, "n1"))
	alone.offset = 0
	w.settled(t)
	if w.value(w.hosts[1], "k0") != "mine" {
		t.Errorf("what the newcomer had is lost: %s", w.show(w.hosts[1]))
	}
}

// TestCatchesUp: a member that was restarted reconciles before it serves, but does not wait long
// for others who are away.
func TestCatchesUp(t *testing.T) {
	w := calmWorld(3)
	h := w.hosts[2]
	w.crash(h)
	w.write(w.hosts[0], "k0", "while away")
	w.run(100 * time.Millisecond)
	w.start(h)
	if err := h.node.Ready(); !errors.Is(err, ErrCatching) {
		t.Errorf("just restarted: %v", err)
	}
	for h.node.Ready() != nil {
		w.run(10 * time.Millisecond)
		if w.now > 5*time.Second {
			t.Fatal("it never serves")
		}
	}
	if w.value(h, "k0") != "while away" {
		t.Error("it serves what is old")
	}
	for _, h := range w.hosts {
		w.crash(h)
	}
	w.start(h)
	w.run(2100 * time.Millisecond)
	if err := h.node.Ready(); err != nil {
		t.Errorf("alone for longer than two requests may take: %v", err)
	}
}

// TestForget: a dead member stops the collection of tombstones until it is forgotten. When it comes
// back it serves nobody; once it joins again, what was deleted meanwhile stays deleted.
func TestForget(t *testing.T) {
	w := calmWorld(3)
	a, dead := w.hosts[0], w.hosts[2]
	w.write(a, "k0", "a")
	w.settled(t)
	w.crash(dead)
	dead.gone = true
	w.write(a, "k0", "")
	w.run(10 * time.Second)
	if a.node.data.Tombstones() != 1 {
		t.Fatal("a tombstone was collected that a member may not have")
	}
	for _, m := range a.node.Members(w.time(a)) {
		if m.Name == "n3" {
			if m.Suspected < 5*time.Second {
				t.Errorf("n3 was dead for 10 s and is suspected since %v", m.Suspected)
			}
			w.do(a, a.node.Forget(w.time(a), 98, m.ID))
		}
	}
	w.settled(t)
	dead.gone = false
	w.start(dead)
	w.run(3 * time.Second)
	if err := dead.node.Ready(); !errors.Is(err, ErrForgotten) {
		t.Fatalf("a forgotten member is back: %v", err)
	}
	w.do(dead, dead.node.Join(w.time(dead), 99, "n1"))
	w.settled(t)
	if v := w.value(dead, "k0") + w.value(a, "k0"); v != "" {
		t.Errorf("what was deleted is back: %q", v)
	}
}

// TestLeave: what a member wrote last is not lost when it leaves, and nobody waits for it any more.
func TestLeave(t *testing.T) {
	w := calmWorld(3)
	leaver := w.hosts[1]
	o := w.write(leaver, "k0", "last words")
	l := &op{host: 1, ticket: 77, key: "none"}
	w.ops = append(w.ops, l)
	w.do(leaver, leaver.node.Leave(w.time(leaver), 77))
	if refused := w.write(leaver, "k1", "too late"); !errors.Is(refused.err, ErrLeaving) {
		t.Errorf("a member that leaves took a write: %v", refused.err)
	}
	w.run(5 * time.Second)
	if !l.acked || !o.acked {
		t.Fatalf("left %v, written %v", l.acked, o.acked)
	}
	w.crash(leaver)
	leaver.gone = true
	w.write(w.hosts[0], "k5", "x")
	w.run(time.Second)
	w.write(w.hosts[0], "k5", "")
	w.settled(t)
	if w.value(w.hosts[2], "k0") != "last words" || len(w.hosts[2].node.live()) != 2 {
		t.Errorf("%s, live %x", w.show(w.hosts[2]), w.hosts[2].node.live())
	}
}

// TestAcks: the answer waits for as many durable copies as the level says, and is unknown where
// they do not come.
func TestAcks(t *testing.T) {
	for _, c := range []struct {
		level Ack
		down  int
		want  error
	}{
		{AckLocal, 4, nil}, {AckOne, 3, nil}, {AckOne, 4, ErrUnknown}, {AckMajority, 2, nil}, {AckMajority, 3, ErrUnknown}, {AckAll, 0, nil}, {AckAll, 1, ErrUnknown},
	} {
		w := calmWorld(5)
		for _, h := range w.hosts[5-c.down:] {
			w.crash(h)
		}
		o := &op{key: "k0", value: "v", host: 0, ticket: 1}
		w.ops = append(w.ops, o)
		h := w.hosts[0]
		w.do(h, h.node.Write(w.time(h), 1, c.level, []Op{{Key: "k0", Value: "v"}}))
		w.run(2 * time.Second)
		if !o.done || !errors.Is(o.err, c.want) || (c.want == nil) != (o.err == nil) {
			t.Errorf("%s with %d of 5 down: done %v, %v, want %v", c.level, c.down, o.done, o.err, c.want)
		}
		if w.value(h, "k0") != "v" {
			t.Errorf("%s: the write is not here", c.level)
		}
	}
}

// TestFullStoreRefuses: a store that is full says so, takes deletions, and takes writes again when
// there is room.
func TestFullStoreRefuses(t *testing.T) {
	s := usual()
	s.nodes, s.config.MaxBytes = 1, 2000
	w := newWorld(1, s)
	h := w.hosts[0]
	var last *op
	for i := range 20 {
		last = w.write(h, fmt.Sprint("key", i), fmt.Sprintf("value %100d", i))
		w.run(10 * time.Millisecond)
	}
	if !errors.Is(last.err, ErrFull) {
		t.Fatalf("a full store answered %v", last.err)
	}
	for i := range 5 {
		if o := w.write(h, fmt.Sprint("key", i), ""); errors.Is(o.err, ErrFull) {
			t.Errorf("deleting from a full store: %v", o.err)
		}
	}
	w.run(2 * time.Second)
	if o := w.write(h, "key0", "again"); o.err != nil {
		t.Errorf("with room again: %v", o.err)
	}
}

// TestBusyRefuses: writes that the disk cannot keep up with are refused, and nothing of them is
// left.
func TestBusyRefuses(t *testing.T) {
	s := usual()
	s.nodes, s.config.MaxPending = 1, 1000
	w := newWorld(1, s)
	refused := 0
	for i := range 100 {
		if o := w.write(w.hosts[0], fmt.Sprint("key", i), "some value"); errors.Is(o.err, ErrBusy) {
			refused++
		}
	}
	w.run(time.Second)
	if n := w.hosts[0].node.data.Len(); refused == 0 || n != 100-refused {
		t.Errorf("%d of 100 were refused, and %d are there", refused, n)
	}
}

// TestClockFarAhead: entries of a member whose clock is far ahead are refused and counted, and come
// once the clocks have caught up.
func TestClockFarAhead(t *testing.T) {
	w := calmWorld(2)
	w.hosts[1].offset = 5000
	w.write(w.hosts[1], "k0", "from the future")
	w.run(2 * time.Second)
	if w.value(w.hosts[0], "k0") != "" || w.hosts[0].node.Counters.Ahead == 0 {
		t.Errorf("a stamp 5 s ahead was taken; %d refused", w.hosts[0].node.Counters.Ahead)
	}
	w.hosts[1].offset = 0
	w.run(6 * time.Second)
	if w.value(w.hosts[0], "k0") != "from the future" {
		t.Error("the entry never came")
	}
}

// TestForeignCluster: a member of another cluster is refused and counted.
func TestForeignCluster(t *testing.T) {
	w := calmWorld(1)
	n, err := New(Config{Cluster: "other", Self: Member{Name: "x", Addr: "x"}, Join: []string{"n1"}, Symbols: 64}, w.rng)
	if err != nil {
		t.Fatal(err)
	}
	n.Start(w.time(w.hosts[0]))
	h := w.hosts[0]
	if _, err := h.node.Message(w.time(h), n.header(msgHello)); !errors.Is(err, ErrForeign) || h.node.Counters.Foreign != 1 {
		t.Errorf("%v, %d counted", err, h.node.Counters.Foreign)
	}
}

// FuzzMessage: whatever bytes arrive, a member neither crashes nor changes what it holds.
func FuzzMessage(f *testing.F) {
	w := calmWorld(2)
	for kind := byte(0); kind <= msgBye+1; kind++ {
		f.Add(append(w.hosts[1].node.header(kind), 1, 2, 3, 4, 5, 6, 7, 8))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w := calmWorld(2)
		h := w.hosts[0]
		w.write(h, "k0", "v")
		w.run(10 * time.Millisecond)
		for _, msg := range [][]byte{b, append(w.hosts[1].node.header(b2(b)), b...)} {
			e, _ := h.node.Message(w.time(h), msg)
			w.do(h, e)
		}
		w.run(50 * time.Millisecond)
		if w.value(h, "k0") != "v" && len(b) < 20 {
			t.Errorf("%x changed the state: %s", b, w.show(h))
		}
	})
}

func b2(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// FuzzLoad: a record that is none is an error.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("e"))
	f.Add(recordCeiling(7))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := New(Config{Symbols: 16}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Load(b); err == nil && len(b) == 0 {
			t.Error("nothing was taken for a record")
		}
	})
}
