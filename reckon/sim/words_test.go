package sim_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/sim"

	_ "github.com/reckon-bench/reckon/faults"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

func planOf(t *testing.T, words string, flags plan.Flags) *plan.Plan {
	t.Helper()
	w := strings.Fields(words)
	p, err := plan.New(plan.Words{System: w[0], Topology: w[1], Workload: w[2], Fault: w[3]}, flags)
	if err != nil {
		t.Fatalf("plan %s: %v", words, err)
	}
	return p
}

func carry(t *testing.T, p *plan.Plan) (*sim.Simulation, error) {
	t.Helper()
	s, err := sim.New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, s.Carry()
}

// Every fault word that is made for nodes and links strikes simulated etcd unchanged, is seen to strike and to heal, and
// etcd's promises hold.
func TestEveryFaultWordStrikes(t *testing.T) {
	for _, w := range reckon.Faults.Words() {
		t.Run(w.Name, func(t *testing.T) {
			flags := plan.Flags{"duration": {"30s"}, "rate": {"50"}, "seed": {"1"}, "number-nodes": {"5"}}
			switch w.Name {
			case "chained":
				flags["number-nodes"] = []string{"3"}
			case "kill-worker", "corrupt-data":
				t.Skip("strikes the workers of a workload, which cannot be simulated")
			case "timeline":
				t.Skip("has the faults of a file")
			}
			p := planOf(t, "etcd simple uniform "+w.Name, flags)
			s, err := carry(t, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range s.Verdicts(context.Background()) {
				if r.Verdict != check.Valid {
					t.Error(r)
				}
			}
			counts := map[history.EventKind]int{}
			for _, e := range s.History.Events {
				counts[e.Kind]++
				if e.Kind == history.Missed || e.Kind == history.Harness {
					t.Errorf("%s: %s", e.Kind, e.Detail)
				}
			}
			if n := len(p.Strikes); counts[history.Struck] != n || counts[history.Healed] != n || counts[history.Verified] < 2*n {
				t.Errorf("%d strikes were planned, %d struck, %d healed, %d verifications", n, counts[history.Struck], counts[history.Healed], counts[history.Verified])
			}
			t.Log(s)
		})
	}
}

// Killing the leader takes about an election timeout to recover from, as it does in life.
func TestTheLeaderIsMissed(t *testing.T) {
	s, err := carry(t, planOf(t, "etcd simple uniform leader", plan.Flags{"duration": {"30s"}, "seed": {"3"}}))
	if err != nil {
		t.Fatal(err)
	}
	var struck, recovered time.Duration
	for _, e := range s.History.Events {
		if e.Kind == history.Struck {
			struck = e.At
		}
	}
	for _, o := range s.History.Ops {
		if o.Outcome == history.OK && o.Kind == history.Write && o.Return > struck && o.Call > struck && (recovered == 0 || o.Return < recovered) {
			recovered = o.Return
		}
	}
	if gap := recovered - struck; gap < 500*time.Millisecond || gap > 5*time.Second {
		t.Errorf("the first write after the strike was acknowledged after %v", gap)
	}
}

// A run of a plan repeats to the bit, and another seed is another run.
func TestPlansRepeat(t *testing.T) {
	digest := func(seed string) uint64 {
		s, err := carry(t, planOf(t, "etcd wan uniform churn", plan.Flags{"duration": {"20s"}, "seed": {seed}}))
		if err != nil {
			t.Fatal(err)
		}
		return s.Loop.Digest()
	}
	if a, b := digest("1"), digest("1"); a != b {
		t.Errorf("seed 1 has the digests %016x and %016x", a, b)
	}
	if digest("1") == digest("2") {
		t.Error("seeds 1 and 2 have the same digest")
	}
}

// memory forgets what it acknowledged when it is killed, and a liar lies: the checks of real runs say so here too.
func TestMemoryIsFoundOut(t *testing.T) {
	for words, want := range map[string]string{"memory simple uniform leader": "durable", "memory-liar simple uniform none": "durable"} {
		s, err := carry(t, planOf(t, words, plan.Flags{"duration": {"20s"}, "seed": {"1"}}))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range s.Verdicts(context.Background()) {
			found = found || r.Name == want && r.Verdict == check.Invalid
		}
		if !found {
			t.Errorf("%s: %s is not found to be broken: %v", words, want, s.Verdicts(context.Background()))
		}
	}
}

func TestWhatCannotBeSimulatedIsRefusedByName(t *testing.T) {
	for _, tt := range []struct {
		words, want string
		flags       plan.Flags
	}{
		{"etcd simple uniform leader", "--pcap", plan.Flags{"pcap": {"true"}}},
		{"etcd simple uniform leader", "--etcd-flag quota-backend-bytes", plan.Flags{"etcd-flag": {"quota-backend-bytes=1000000"}}},
		{"etcd simple kibishii none", "workload kibishii", nil},
	} {
		_, err := sim.New(planOf(t, tt.words, tt.flags))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that names %s", tt.words, err, tt.want)
		}
	}
}
