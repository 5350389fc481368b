package world_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// The lines between "faces" marks are those that docs/simulator.md shows, so that it shows what works.

const segment = "wal/0000000000000000.wal"

var path = link.Path{From: "n1", To: "n2"}

// etcd is a world with three running members that have taken some writes.
func etcd(t *testing.T) *world.World {
	o := raftkv.Etcd(3, 200*time.Millisecond, true)
	o.IDs = append(o.IDs, 1) // the spare host can be n1's twin
	w, err := world.New(world.Config{
		Seed: 1, Nodes: []string{"n1", "n2", "n3"}, Spares: []string{"twin"}, Clients: []string{"c1"}, Timing: disk.NVMe,
		OpTimeout: time.Second, ElectionTimeout: o.ElectionTimeout,
		System: func(c *invariant.Checker) node.System { o.Checker = c; return raftkv.System(o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for _, n := range w.Nodes {
		n.Start(0)
	}
	if !w.Until(10*time.Second, func() bool { return w.Serves() && w.Leader() != nil }) {
		t.Fatal("not ready")
	}
	write(t, w, history.OK)
	return w
}

// write does a few writes, the last of which must end so.
func write(t *testing.T, w *world.World, want history.Outcome) {
	t.Helper()
	var got history.Op
	for range 3 {
		w.Begin(0, -1, history.Op{Kind: history.Write, Key: "k", Value: "v"}, func(o history.Op) { got = o })
		if !w.Until(w.Loop.Now()+10*time.Second, w.Idle) {
			t.Fatalf("still under way: %v", w.Loop.Failure())
		}
	}
	if got.Outcome != want {
		t.Errorf("a write ended %v, want %v", got, want)
	}
}

func TestDiskFaces(t *testing.T) {
	w := etcd(t)
	n := w.Nodes[0]
	n.Kill()
	// faces: disk
	mend, err := n.Disk.BadSector(segment, 0) // the first sector of a file cannot be read
	mend()
	mend = n.Disk.FailRandomly(0.01) // one request in a hundred fails
	mend()
	mend = n.Disk.IgnoreSyncs() // syncs succeed and put nothing on the medium
	mend()
	mend = n.Disk.Fill() // full now; Limit(bytes) is full later
	mend()
	mend = n.Disk.Slow(100) // every request takes a hundred times as long
	mend()
	attach := n.Disk.Detach() // every request fails
	attach()
	n.Disk.TearNextWrite()                // only its first sectors ever reach the medium
	rot := n.Disk.Rot(segment, 20, 3)     // a bit flips, and nobody is told
	bytes, names := n.Disk.Unsynced()     // what a power cut could take away
	content, ok := n.Disk.Medium(segment) // what it could not
	n.Disk.PowerCut(disk.Any)             // any subset of the unsynced sectors survives
	// faces end
	if err != nil || rot != nil || !ok || len(content) == 0 || bytes < 0 || names < 0 {
		t.Errorf("%v, %v, %v, %d bytes on the medium", err, rot, ok, len(content))
	}
	n.Start(0)
	w.Until(w.Loop.Now()+time.Second, func() bool { return false })
	var f *world.Failure
	if err := w.Loop.Failure(); !errors.As(err, &f) || f.Name != world.EndedByItself || !strings.Contains(f.Detail, "checksum") {
		t.Errorf("a member starts on a rotten log: %v", err)
	}
}

func TestNetworkFaces(t *testing.T) {
	w := etcd(t)
	ctx := context.Background()
	// faces: network
	heal, err := w.Links.Degrade(ctx, link.Matrix{path: {Loss: 0.5, Duplicate: 0.1}}) // any link.Shape, as on real links
	release, err2 := w.Network.Hold(path)                                             // keep what n1 sends to n2
	// faces end
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	write(t, w, history.OK) // n3 is a majority with either
	if len(w.Network.Kept(path)) < 2 {
		t.Fatalf("%d packets kept", len(w.Network.Kept(path)))
	}
	// faces: network
	kept := w.Network.Kept(path)             // look at it
	w.Network.DeliverNow(path, len(kept)-1)  // the last first
	w.Network.Reorder(path)                  // the rest in the opposite order
	release()                                // send it on its way
	err = w.Network.IgnoreNext(path, 2)      // drop the next two
	w.Network.Inject(kept[0])                // once more what was delivered already
	w.Network.Tap(func(p network.Packet) {}) // see everything that is sent
	// faces end
	if err := errors.Join(err, heal(ctx)); err != nil {
		t.Error(err)
	}
	write(t, w, history.OK)
}

// Orders to stand for election that nobody gave are followed, and harm nobody.
func TestFalseMessages(t *testing.T) {
	w := etcd(t)
	var f *world.Failure
	for range 50 {
		for i, n := range w.Nodes {
			m := world.Member(n)
			if m == nil || m.Status().Leads {
				continue
			}
			// faces: network
			order := raftkv.False(&raftpb.Message{
				Type: raftpb.MsgTimeoutNow.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(m.Status().Term),
			})
			w.Network.Inject(network.Packet{From: 1, To: i, Payload: order}) // n2 never said so
			// faces end
		}
		w.Until(w.Loop.Now()+300*time.Millisecond, func() bool { return false })
	}
	if err := w.Loop.Failure(); errors.As(err, &f) {
		t.Errorf("orders to stand for election harm nobody, but %v", err)
	}
	if l := w.Leader(); l == nil || world.Member(l).Status().Term < 5 {
		t.Error("nobody followed the false orders")
	}
}

func TestNodeAndClockFaces(t *testing.T) {
	w := etcd(t)
	n, other := w.Nodes[0], w.Nodes[1]
	// faces: node
	n.Kill()             // as SIGKILL: the disk's cache stays
	n.Start(time.Second) // after a second
	n.Reboot()           // both at once
	n.PowerCut(disk.Prefix)
	n.Start(0)
	thaw := n.Freeze() // as SIGSTOP: what arrives waits
	thaw()
	thaw = n.FreezeAfter(3) // in the middle of what it does, three events from now
	thaw()
	holds, ok := n.Memory() // entries of the log in memory, bytes, requests, watchers
	// faces end
	if ok {
		t.Errorf("a program that has not started yet holds %+v", holds)
	}
	n.Kill()
	other.Kill()
	// faces: node
	node.SwapDisks(n, other) // both are stopped
	node.SwapDisks(n, other)
	// faces end
	n.Start(0)
	other.Start(0)
	if !w.Until(w.Loop.Now()+10*time.Second, w.Serves) {
		t.Fatal("not back")
	}
	// faces: clock
	n.Skew(time.Hour)    // an hour fast
	n.Jump(-time.Minute) // and now a minute less
	n.Drift(1.1)         // 1.1 seconds in a second
	// faces end
	write(t, w, history.OK)
	if off := n.Clock.Now() - w.Loop.Now(); off < 58*time.Minute || off > 60*time.Minute {
		t.Errorf("the clock is off by %v", off)
	}
}

// A twin is a host of another's identity, on a copy of its disk.
func TestTwin(t *testing.T) {
	w := etcd(t)
	n := w.Nodes[0]
	// faces: node
	twin := w.Spares[0]
	twin.Disk = n.Disk.Clone(twin.ID, twin.Name) // a backup
	twin.Start(0)                                // beside the original
	// faces end
	for range 30 {
		w.Begin(0, -1, history.Op{Kind: history.Write, Key: "k", Value: "v"}, nil)
		w.Until(w.Loop.Now()+100*time.Millisecond, func() bool { return false })
		if w.Loop.Failure() != nil {
			return
		}
		w.Nodes[0].Reboot()
	}
	if world.Member(twin) == nil {
		t.Error("the twin does not run")
	}
}

func TestSchedulerFaces(t *testing.T) {
	w := etcd(t)
	// faces: scheduler
	w.Loop.Shuffle("order")   // what is due at once runs in an order drawn from the seed
	release := w.Loop.Hold(0) // keep one host's work back
	release()
	err := w.Run(loop.Stop{Step: w.Loop.Steps() + 100})                                      // a hundred events on
	err2 := w.Run(loop.Stop{Time: w.Loop.Now() + time.Second})                               // a second on
	err3 := w.Run(loop.Stop{Event: func(e loop.Event) bool { return e.Kind == loop.Timer }}) // up to the next timer
	digest := w.Loop.Digest()                                                                // of all that happened
	// faces end
	if err := errors.Join(err, err2, err3); err != nil || digest == 0 {
		t.Error(err, digest)
	}
}

// Every line of Go that docs/simulator.md shows is one of this file.
func TestTheDocumentShowsWhatWorks(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("faces_test.go")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	marked, shown := 0, 0
	within := false
	for line := range strings.Lines(string(source)) {
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case strings.HasPrefix(line, "// faces end"):
			within = false
		case strings.HasPrefix(line, "// faces: "):
			within = true
		case within:
			have[line] = true
			marked++
		}
	}
	_, rest, _ := strings.Cut(string(doc), "```go\n")
	for rest != "" {
		block, after, _ := strings.Cut(rest, "```\n")
		for line := range strings.Lines(block) {
			if line = strings.Join(strings.Fields(line), " "); line == "" {
				continue
			}
			shown++
			if !have[line] {
				t.Errorf("the document shows %q, which no test does", line)
			}
		}
		_, rest, _ = strings.Cut(after, "```go\n")
	}
	if marked < 40 || shown < 30 {
		t.Errorf("%d lines are marked, and %d shown", marked, shown)
	}
}
