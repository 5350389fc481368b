package client

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
)

const ms = time.Millisecond

// store is a program that answers by key: "refuse", "fail" and "silent" as they say, everything else well.
type store struct {
	env *node.Env
	got *[]string
}

type stores struct{ got []string }

func (s *stores) Start(env *node.Env) (node.Program, error) { return &store{env, &s.got}, nil }

func (s *store) Receive(from int, payload any) {
	r, ok := payload.(*Request)
	if !ok {
		return
	}
	*s.got = append(*s.got, s.env.Name()+" "+r.Kind.String()+" "+r.Key)
	a := &Response{ID: r.ID, Value: "v", Version: 3, Revision: 7}
	switch r.Key {
	case "silent":
		return
	case "refuse":
		a = &Response{ID: r.ID, Error: "raft proposal dropped", Definite: true}
	case "fail":
		a = &Response{ID: r.ID, Error: "etcdserver: request timed out"}
	}
	s.env.Send(network.Packet{To: from, Size: a.Size(), Hash: a.Hash(), Stream: true, Payload: a})
}

// bench is a client of two members, 1 ms apart.
type bench struct {
	*testing.T
	*stores
	loop   *loop.Loop
	net    *network.Network
	nodes  []*node.Node
	client *Client
	ops    []history.Op
}

func newBench(t *testing.T) *bench {
	l := loop.New(1)
	b := &bench{T: t, stores: &stores{}, loop: l, net: network.New(l, []string{"n1", "n2", "c1"})}
	m := link.Matrix{}
	for _, p := range [][2]string{{"n1", "c1"}, {"n2", "c1"}} {
		m[link.Path{From: p[0], To: p[1]}] = link.Shape{Delay: ms}
		m[link.Path{From: p[1], To: p[0]}] = link.Shape{Delay: ms}
	}
	if err := b.net.Apply(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		n := node.New(l, b.net, i, disk.New(l, i, "d", disk.NVMe), b.stores)
		n.Start(0)
		b.nodes = append(b.nodes, n)
	}
	b.client = New(l, b.net, 2, []int{0, 1}, 5*time.Second)
	b.run(10 * ms)
	return b
}

func (b *bench) run(d time.Duration) { _ = b.loop.Run(loop.Stop{Time: b.loop.Now() + d}) }

func (b *bench) do(kind history.Kind, key string) {
	b.client.Do(history.Op{Kind: kind, Key: key, Value: map[history.Kind]string{history.Write: "w"}[kind]}, func(o history.Op) { b.ops = append(b.ops, o) })
}

// one runs an operation that must be the only one, and returns it.
func (b *bench) one(kind history.Kind, key string) history.Op {
	b.Helper()
	b.ops = nil
	b.do(kind, key)
	b.run(6 * time.Second)
	if len(b.ops) != 1 || b.client.InFlight() != 0 {
		b.Fatalf("%d outcomes, %d under way", len(b.ops), b.client.InFlight())
	}
	return b.ops[0]
}

func TestMembersTakeTurns(t *testing.T) {
	b := newBench(t)
	var members []string
	for range 4 {
		o := b.one(history.Read, "k")
		if o.Outcome != history.OK || o.Value != "v" || o.Version != 3 || o.Revision != 7 || o.Return-o.Call != 2*ms {
			t.Fatalf("%v", o)
		}
		members = append(members, o.Member)
	}
	if !slices.Equal(members, []string{"n1", "n2", "n1", "n2"}) && !slices.Equal(members, []string{"n2", "n1", "n2", "n1"}) {
		t.Errorf("asked %v", members)
	}
}

// What an answer, or none, makes of an operation: only what cannot have had an effect is failed.
func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		kind history.Kind
		key  string
		want history.Outcome
		err  string
	}{
		{history.Write, "k", history.OK, ""},
		{history.Write, "refuse", history.Failed, "raft proposal dropped"},
		{history.Write, "fail", history.Unknown, "request timed out"},
		{history.Write, "silent", history.Unknown, "context deadline exceeded"},
		{history.Read, "silent", history.Failed, "context deadline exceeded"},
		{history.Read, "refuse", history.Failed, "raft proposal dropped"},
	} {
		o := newBench(t).one(tt.kind, tt.key)
		if o.Outcome != tt.want || !strings.Contains(o.Error, tt.err) || (tt.err == "") != (o.Error == "") {
			t.Errorf("%v %s: %v (%s), want %v (%s)", tt.kind, tt.key, o.Outcome, o.Error, tt.want, tt.err)
		}
		if tt.kind == history.Write && o.Value != "w" {
			t.Errorf("a write of w is recorded as one of %q", o.Value)
		}
	}
}

// A read that a member could not serve is repeated at the next; a write is sent once.
func TestReadsAreRepeatedAndWritesAreNot(t *testing.T) {
	b := newBench(t)
	b.do(history.Read, "silent")
	b.do(history.Write, "silent")
	b.run(ms / 2)
	asked := slices.Clone(b.got)
	b.run(5 * ms)
	b.nodes[0].Kill()
	b.nodes[1].Kill()
	b.run(10 * ms)
	if len(asked) != 0 || len(b.got) != 2 {
		t.Fatalf("asked %v, then %v", asked, b.got)
	}
	if len(b.ops) != 1 || b.ops[0].Outcome != history.Unknown || !strings.Contains(b.ops[0].Error, "connection closed") {
		t.Fatalf("killed: %v", b.ops)
	}
	b.nodes[1].Start(0)
	b.run(200 * ms) // the read waits for a connection, and goes to the one that is back
	if n := len(b.got); n != 3 || b.got[2] != "n2 read silent" {
		t.Errorf("asked %v", b.got)
	}
}

func TestWhatWasNeverSentIsFailed(t *testing.T) {
	b := newBench(t)
	b.nodes[0].Kill()
	b.nodes[1].Kill()
	b.run(100 * ms)
	o := b.one(history.Write, "k")
	if o.Outcome != history.Failed || !strings.HasPrefix(o.Error, "never sent: ") {
		t.Errorf("%v (%s)", o.Outcome, o.Error)
	}
	b.nodes[0].Start(0)
	b.run(time.Second)
	if o := b.one(history.Write, "k"); o.Outcome != history.OK {
		t.Errorf("after the restart: %v (%s)", o.Outcome, o.Error)
	}
}

// A member that is silent behind a cut is left out after a while, so that others answer.
func TestASilentMemberIsLeftOut(t *testing.T) {
	b := newBench(t)
	cut := link.Matrix{{From: "n1", To: "c1"}: {Cut: true}, {From: "c1", To: "n1"}: {Cut: true}}
	if err := b.net.Apply(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b.one(history.Read, "k")
	}
	for range 6 {
		if o := b.one(history.Read, "k"); o.Outcome != history.OK || o.Member != "n2" {
			t.Errorf("%v (%s) by %s", o.Outcome, o.Error, o.Member)
		}
	}
}

func TestAskGoesThroughOneMember(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.client.Ask(1, history.Op{Kind: history.Read, Key: "k"}, func(o history.Op) { b.ops = append(b.ops, o) })
	}
	b.run(time.Second)
	if len(b.ops) != 3 || slices.ContainsFunc(b.ops, func(o history.Op) bool { return o.Member != "n2" }) {
		t.Errorf("%v", b.ops)
	}
}
