package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
)

// crewFaults are the words that TestFaultsOnWorkers strikes with.
var crewFaults = []string{"corrupt-data", "kill-worker"}

// TestFaultsOnWorkers damages the tree of a worker in every way there is, and kills one in the
// middle of a pass. Of the kinds of damage a test run has the one that only identity shows; make
// test-faults has all.
func TestFaultsOnWorkers(t *testing.T) {
	t.Parallel()
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	for _, kind := range []string{"flip", "truncate", "delete", "swap", "add"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(everyFault) == "" && kind != "swap" {
				t.Skip("make test-faults strikes with it")
			}
			damaged(t, crewRun(t, "corrupt-data", "--corrupt", kind))
		})
	}
	t.Run("kill-worker", func(t *testing.T) {
		t.Parallel()
		// Files enough that a pass takes its time.
		s := crewRun(t, "kill-worker", "--kibishii-files", "50", "--kibishii-length", "65536", "--kibishii-lease", "2s")
		if s.Verdict != results.StatusValid {
			t.Fatalf("%s: %s %v %v", s.Verdict, s.Reason, s.Harness, s.Checks)
		}
		if len(s.Strikes) != 1 || !s.Strikes[0].Verified {
			t.Fatalf("strikes: %+v", s.Strikes)
		}
		t.Log(s.Strikes[0].Seen)
		seen := strings.Join(s.Strikes[0].Seen, "\n")
		if !strings.Contains(seen, "is gone") || !strings.Contains(seen, "registered again") {
			t.Errorf("seen: %s", seen)
		}
		if strings.Contains(seen, "in the middle of") && s.Kibishii.Generate.Failed+s.Kibishii.Verify.Failed == 0 {
			t.Errorf("a worker died in the middle of a pass, and no pass failed: %+v", s.Kibishii)
		}
	})
}

// crewRun is the summary of a short run with two workers and nothing else: a load would hold it to
// keeping time.
func crewRun(t *testing.T, fault ...string) results.Summary {
	command := slices.Concat([]string{"etcd", "simple", "kibishii"}, fault, []string{
		"--number-clients", "2", "--duration", "9s", "--link-latency", "2ms", "--result-location",
	})
	return recorded(t, command)
}

// damaged wants the run to be invalid for the damage alone, and to name exactly the paths that the
// strike damaged.
func damaged(t *testing.T, s results.Summary) {
	if s.Verdict != results.StatusInvalid || len(s.Strikes) != 1 || !s.Strikes[0].Verified || s.Kibishii == nil {
		t.Fatalf("%s: %s %v %+v %v", s.Verdict, s.Reason, s.Harness, s.Strikes, s.Checks)
	}
	did := s.Strikes[0].Detail
	t.Log(did)
	var detail string
	for _, c := range s.Checks {
		if c.Name == "kibishii" {
			detail = c.Detail
		} else if c.Verdict != check.Valid {
			t.Errorf("%s is %s too: %s", c.Name, c.Verdict, c.Detail)
		}
	}
	t.Log(detail)
	want := 1
	if strings.HasPrefix(did, "swapped") {
		want = 2
	}
	if len(s.Kibishii.Damaged) != want || s.Kibishii.DamagedMore != 0 {
		t.Errorf("%s: damaged are %+v", did, s.Kibishii.Damaged)
	}
	for _, d := range s.Kibishii.Damaged {
		if !strings.Contains(did, d.Path+" of "+d.Node) {
			t.Errorf("%s: it names %s of %s", did, d.Path, d.Node)
		}
		if strings.Count(detail, d.Path+" (") != 1 || !strings.Contains(detail, d.Node) {
			t.Errorf("the verdict does not name %s of %s once: %s", d.Path, d.Node, detail)
		}
	}
}
