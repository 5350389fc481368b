package scenario

import (
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// A Trial is a scenario drawn at random from a seed: the size of the cluster, the links, how etcd is configured, and what
// strikes it. Zero fields are drawn or have a default.
type Trial struct {
	Seed     uint64
	Nodes    int // 3 or 5 are drawn
	Defect   raftkv.Defect
	Kinds    []Kind        // of strikes; Honest where there are none
	Strikes  int           // from 4 to 24 are drawn
	Duration time.Duration // of the load; 6 s
	Rate     float64       // operations a second; 100
	Trace    func(host int, line string)
}

// World draws the trial's world and scenario.
func (t Trial) World() (*world.World, Scenario, error) {
	rng := seed.Stream(t.Seed, "trial")
	if t.Nodes == 0 {
		t.Nodes = 3 + 2*rng.IntN(2)
	}
	if t.Strikes == 0 {
		t.Strikes = 4 + rng.IntN(21)
	}
	if t.Duration == 0 {
		t.Duration = 6 * time.Second
	}
	if t.Rate == 0 {
		t.Rate = 100
	}
	if t.Kinds == nil {
		t.Kinds = Honest()
	}
	o := raftkv.Etcd(t.Nodes, time.Duration(100+rng.IntN(400))*time.Millisecond, rng.IntN(2) == 0)
	o.SnapshotCount = uint64(10 + rng.IntN(200))
	o.CatchUp = uint64(rng.IntN(int(o.SnapshotCount)))
	o.Log.SegmentSize = 1 << (10 + rng.IntN(6))
	o.Defect, o.Trace = t.Defect, t.Trace
	c := world.Config{
		Seed: t.Seed, Timing: disk.NVMe, Boot: time.Duration(1+rng.IntN(50)) * time.Millisecond, Shuffle: true,
		Clients: []string{"c1", "c2"}, Spares: []string{"twin"}, OpTimeout: time.Second, ElectionTimeout: o.ElectionTimeout,
	}
	for i := range t.Nodes {
		c.Nodes = append(c.Nodes, fmt.Sprintf("n%d", i+1))
	}
	twins := t.twins(&o, rng.IntN(t.Nodes))
	c.Links = baseline(append(append([]string{}, c.Nodes...), "twin", "c1", "c2"), time.Duration(rng.IntN(10_000))*time.Microsecond)
	c.System = func(checker *invariant.Checker) node.System {
		o.Checker = checker
		return raftkv.System(o)
	}
	s := Scenario{Duration: t.Duration, Rate: t.Rate, Writes: 0.3 + 0.4*rng.Float64(), Keys: 1 + rng.IntN(20)}
	s.Strikes = Draw(seed.Stream(t.Seed, "strikes"), t.Kinds, t.Nodes, t.Strikes, s.Duration-s.Duration/6, o.ElectionTimeout)
	for i := range s.Strikes {
		if s.Strikes[i].Kind == Twin {
			s.Strikes[i].Nodes = []int{twins}
		}
	}
	w, err := world.New(c)
	return w, s, err
}

// twins gives the spare host the identity of a node, so that it can be its twin.
func (t Trial) twins(o *raftkv.Options, of int) int {
	o.IDs = append(o.IDs, o.IDs[of])
	return of
}

// baseline is half the delay on every path, and as much jitter.
func baseline(hosts []string, delay time.Duration) link.Matrix {
	m := link.Matrix{}
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				m[link.Path{From: a, To: b}] = link.Shape{Delay: delay/2 + 50*time.Microsecond, Jitter: delay / 2}
			}
		}
	}
	return m
}

// Run plays the trial. The error is what it found, a Failure; the world is closed.
func (t Trial) Run() (*world.World, error) {
	w, s, err := t.World()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w, s.Play(w)
}
