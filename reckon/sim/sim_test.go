package sim

import (
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
)

const ms = time.Millisecond

// mesh is a baseline with the same delay on every path.
func mesh(delay time.Duration, hosts ...string) link.Matrix {
	m := link.Matrix{}
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				m[link.Path{From: a, To: b}] = link.Shape{Delay: delay}
			}
		}
	}
	return m
}

func etcd(seed uint64, o raftkv.Options) Config {
	nodes := []string{"n1", "n2", "n3", "n4", "n5"}[:len(o.IDs)]
	return Config{
		Seed: seed, Nodes: nodes, Clients: []string{"c1", "c2"}, Timing: disk.NVMe, Boot: 20 * ms,
		Links:     mesh(2*ms, append(nodes, "c1", "c2")...),
		OpTimeout: time.Second, ElectionTimeout: o.ElectionTimeout,
		System: func(c *invariant.Checker) node.System { o.Checker = c; return raftkv.System(o) },
	}
}

func TestCalm(t *testing.T) {
	w, err := NewWorld(etcd(1, raftkv.Etcd(3, 200*ms, true)))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Play(Scenario{Duration: 6 * time.Second, Rate: 100, Writes: 0.5, Keys: 10}); err != nil {
		t.Error(err)
	}
	t.Log(w)
	for _, r := range w.Check() {
		t.Log(r)
	}
}

func TestRandom(t *testing.T) {
	for seed := range uint64(200) {
		o := raftkv.Etcd(3, 200*ms, seed%2 == 0)
		o.SnapshotCount, o.CatchUp = 30, 10
		o.Log.SegmentSize = 4 << 10
		w, err := NewWorld(etcd(seed, o))
		if err != nil {
			t.Fatal(err)
		}
		s := Scenario{Duration: 6 * time.Second, Rate: 100, Writes: 0.5, Keys: 10}
		s.Strikes = Draw(w.Loop.Rand("strikes"), Honest(), len(w.Nodes), 12, s.Duration-time.Second, o.ElectionTimeout)
		if err := w.Play(s); err != nil {
			t.Errorf("%v", err)
			for _, x := range s.Strikes {
				t.Log(x)
			}
			break
		}
		if seed < 5 {
			t.Log(w)
		}
		w.Close()
	}
}
