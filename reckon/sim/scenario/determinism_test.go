package scenario

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// digest plays a trial and returns the digest of all its events.
func digest(t *testing.T, seed uint64) uint64 {
	w, err := Trial{Seed: seed, Duration: 600 * ms, Strikes: 10}.Run()
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	return w.Loop.Digest()
}

// Two runs of a seed have the same digest, on any number of processors, and with another run beside them.
func TestRunsOfASeedAreTheSame(t *testing.T) {
	const seeds = 100
	digests := map[uint64]uint64{}
	for seed := range uint64(seeds) {
		procs := runtime.GOMAXPROCS(1)
		alone := digest(t, seed)
		runtime.GOMAXPROCS(max(procs, 2))
		var beside [2]uint64
		var wg sync.WaitGroup
		for i := range beside {
			wg.Go(func() { beside[i] = digest(t, seed+uint64(i)) })
		}
		wg.Wait()
		runtime.GOMAXPROCS(procs)
		if beside[0] != alone {
			t.Errorf("seed %d: %016x alone and %016x beside another run", seed, alone, beside[0])
		}
		if other, same := digests[alone]; same {
			t.Errorf("seeds %d and %d have the same digest", other, seed)
		}
		digests[alone] = seed
	}
}

// The digest is not blind: one drawn number more anywhere makes another.
func TestDigestsDiffer(t *testing.T) {
	run := func(change func(*world.World, *Scenario)) uint64 {
		w, s, err := Trial{Seed: 7, Duration: time.Second}.World()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		change(w, &s)
		if err := s.Play(w); err != nil {
			t.Fatal(err)
		}
		return w.Loop.Digest()
	}
	base := run(func(*world.World, *Scenario) {})
	for name, change := range map[string]func(*world.World, *Scenario){
		"another jitter":     func(w *world.World, _ *Scenario) { _, _ = w.Jitter.Read(make([]byte, 9)) },
		"an operation fewer": func(_ *world.World, s *Scenario) { s.Duration -= 10 * ms },
		"a strike fewer":     func(_ *world.World, s *Scenario) { s.Strikes = s.Strikes[1:] },
		"a slower disk":      func(w *world.World, _ *Scenario) { w.Nodes[0].Disk.Slow(1.01) },
	} {
		if run(change) == base {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}
