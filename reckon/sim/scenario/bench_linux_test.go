package scenario

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// Three members with pre-vote and CheckQuorum on a network that loses 1 %, a fault every 8 s, all invariants on: how
// many seconds are simulated in one of processor time.
func BenchmarkEtcd(b *testing.B) {
	for _, rate := range []float64{10, 100, 1000} {
		b.Run(fmt.Sprintf("rate=%v", rate), func(b *testing.B) {
			b.ReportAllocs()
			var simulated time.Duration
			var events uint64
			began := cpu()
			for seed := uint64(0); b.Loop(); seed++ {
				w, s := benchWorld(b, seed, rate)
				if err := s.Play(w); err != nil {
					b.Fatal(err)
				}
				simulated += w.Loop.Now()
				events += w.Loop.Steps()
				w.Close()
			}
			used := cpu() - began
			b.ReportMetric(simulated.Seconds()/used.Seconds(), "x-real-time")
			b.ReportMetric(float64(events)/used.Seconds(), "events/s")
		})
	}
}

// cpu returns the processor time that this process has used: what a run costs on a machine that does other things, too.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchWorld(b *testing.B, seed uint64, rate float64) (*world.World, Scenario) {
	o := raftkv.Etcd(3, time.Second, true)
	c := world.Config{
		Seed: seed, Timing: disk.NVMe, Boot: 20 * time.Millisecond, Nodes: []string{"n1", "n2", "n3"}, Clients: []string{"c1", "c2"},
		OpTimeout: 5 * time.Second, ElectionTimeout: o.ElectionTimeout, Links: link.Matrix{},
		System: func(checker *invariant.Checker) node.System { o.Checker = checker; return raftkv.System(o) },
	}
	for p := range baseline(append(append([]string{}, c.Nodes...), c.Clients...), 0) {
		c.Links[p] = link.Shape{Delay: 2 * time.Millisecond, Loss: 0.01}
	}
	w, err := world.New(c)
	if err != nil {
		b.Fatal(err)
	}
	length := 10 * time.Minute
	if rate > 100 {
		length = time.Minute
	}
	s := Scenario{Duration: length, Rate: rate, Writes: 0.5, Keys: 100}
	kinds := []Kind{Kill, PowerCut, Isolate, Split}
	s.Strikes = Draw(w.Loop.Rand("strikes"), kinds, 3, int(length/(8*time.Second)), length-10*time.Second, o.ElectionTimeout)
	return w, s
}

// A boot: reading a log of a thousand entries, and starting raft on it.
func BenchmarkBoot(b *testing.B) {
	w, s := benchWorld(b, 1, 100)
	defer w.Close()
	s.Strikes, s.Duration = nil, 10*time.Second
	if err := s.Play(w); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Nodes[0].Reboot()
		_ = w.Run(loop.Stop{Step: w.Loop.Steps() + 1})
	}
}
