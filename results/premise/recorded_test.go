package premise_test

import (
	"os"
	"path/filepath"
	"testing"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/premise"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

// read reads a recorded run from a copy of its directory.
func read(tb testing.TB, path string) (*plan.Plan, *history.History) {
	tb.Helper()
	dir, err := results.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	p, _, err := dir.Plan()
	if err != nil {
		tb.Fatal(err)
	}
	h, _, err := dir.History()
	if err != nil {
		tb.Fatal(err)
	}
	return p, h
}

// recorded are the directories of real runs: those of the repository, and those that
// RECKON_RECORDED, a pattern, names.
func recorded(tb testing.TB) []string {
	tb.Helper()
	all, err := filepath.Glob("../judge/testdata/recorded/*")
	if err != nil || len(all) < 2 {
		tb.Fatalf("recorded runs: %q, %v", all, err)
	}
	more, err := filepath.Glob(filepath.Join(os.Getenv("RECKON_RECORDED"), results.PlanName))
	if err != nil {
		tb.Fatal(err)
	}
	for _, plan := range more {
		all = append(all, filepath.Dir(plan))
	}
	return all
}

// Honest recordings violate no premise.
func TestHonestRecords(t *testing.T) {
	for _, path := range recorded(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, h := read(t, path)
			for _, d := range premise.Violated(p, h) {
				t.Error(d)
			}
		})
	}
}
