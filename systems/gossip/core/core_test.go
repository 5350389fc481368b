package core

import (
	"flag"
	"testing"
	"time"
)

var (
	worlds = flag.Int("worlds", 25, "seeds of each simulated scenario")
	first  = flag.Int("first", 0, "the first seed of each simulated scenario")
)

func usual() spec {
	return spec{nodes: 3, length: 10 * time.Second, keys: 6, rate: 40 * time.Millisecond, deletes: 0.4, loss: 0.1, dup: 0.1, config: Config{Symbols: 64}}
}

// scenarios are the worlds in which a member must keep its promises.
var scenarios = []struct {
	name string
	spec func(*spec)
}{
	{"lossy", func(*spec) {}},
	{"crashes", func(s *spec) { s.crashes = true }},
	{"cuts", func(s *spec) { s.cuts = true }},
	{"five, crashes and cuts", func(s *spec) { s.nodes, s.crashes, s.cuts = 5, true, true }},
	{"jumps", func(s *spec) { s.jumps, s.crashes, s.cuts = true, true, true }},
	{"rollbacks", func(s *spec) { s.rollbacks, s.crashes = true, true }},
	{"everything", func(s *spec) { s.nodes, s.rollbacks, s.crashes, s.cuts, s.jumps = 4, true, true, true, true }},
	{"sleeper", func(s *spec) { s.sleepers, s.keys, s.deletes = true, 10, 0.6 }},
	{"slow disks", func(s *spec) { s.crashes, s.slowDisk, s.deletes = true, true, 0.5 }},
	{"full disks", func(s *spec) { s.crashes, s.cuts, s.fullDisk = true, true, true }},
	{"majority", func(s *spec) { s.crashes, s.cuts, s.config.Ack = true, true, AckMajority }},
	{"range", func(s *spec) { s.crashes, s.cuts, s.config.Method = true, true, "range" }},
	{"merkle", func(s *spec) { s.config.Method = "merkle" }},
	{"full", func(s *spec) { s.crashes, s.cuts, s.config.Method = true, true, "full" }},
	{"tiny sketch", func(s *spec) { s.cuts, s.keys, s.config.Symbols = true, 60, 4 }},
}

// TestWorlds: whatever happens, the members agree once it is over, hold all that was acknowledged,
// and nothing that was deleted, and keep no tombstone.
func TestWorlds(t *testing.T) {
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := *worlds
			if c.name == "merkle" {
				n /= 10 // its tree is large
			}
			for seed := *first; seed < *first+n; seed++ {
				s := usual()
				c.spec(&s)
				if err := newWorld(uint64(seed), s).live(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// TestDefectsAreCaught: each defect of the original, and each of a design that is simpler than it
// may be, breaks a promise in some world of the scenario that is named, and the judge says so.
func TestDefectsAreCaught(t *testing.T) {
	scenario := map[Defect]string{
		ArrivalOrder: "lossy", ForgetLog: "crashes", NoTimer: "cuts", FailedIsDone: "cuts", NoTimeout: "lossy", NeverCollect: "lossy",
		OneStampASecond: "lossy", FixedGrace: "sleeper", VolatileAcks: "slow disks", TrustOldDisk: "rollbacks", AckFirst: "crashes",
	}
	for _, d := range Defects {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			for _, c := range scenarios {
				if c.name != scenario[d] {
					continue
				}
				for seed := range 2000 {
					s := usual()
					c.spec(&s)
					s.config.Defect = d
					if err := newWorld(uint64(seed), s).live(); err != nil {
						t.Logf("seed %d: %.200s", seed, err)
						return
					}
				}
			}
			t.Errorf("2000 worlds of %q did not catch it", scenario[d])
		})
	}
}
