package scenario

import (
	"errors"
	"flag"
	"slices"
	"testing"

	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// churn strikes so often that leaders change all the time.
var churn = []Kind{Isolate, Kill, Freeze, OneWay, Split}

// Each planted defect is found by trials of consecutive seeds, and named by an invariant or check that it breaks. seeds is
// how many it took when this was written; twice as many may be needed after a change that draws other scenarios.
var defects = []struct {
	trial Trial
	seeds uint64
	names []string
}{
	{Trial{Defect: raftkv.VoteBeforeSync}, 1, []string{invariant.VoteDurable}},
	{Trial{Defect: raftkv.AckBeforeSync}, 1, []string{invariant.EntryDurable, invariant.CommitDurable}},
	{Trial{Defect: raftkv.SkipTerm}, 1, []string{invariant.VoteDurable, invariant.EntryDurable}},
	{Trial{Defect: raftkv.KeepConflicts}, 1, []string{invariant.EntryDurable, invariant.LogMatching, invariant.StateMachineSafety}},
	{Trial{Defect: raftkv.LocalReads}, 5, []string{"linearizable"}},
	{Trial{Defect: raftkv.SkipReplay}, 1, []string{invariant.StateMachineSafety}},
	{Trial{Defect: raftkv.AcceptDuplicates}, 5, []string{"durable"}},
	{Trial{Defect: raftkv.SkipDirSync}, 1, []string{invariant.EntryDurable, invariant.CommitDurable, invariant.VoteDurable}},
	{Trial{Defect: raftkv.SkipOpenSync, Strikes: 40, Kinds: []Kind{Kill, SlowDisk}}, 45, []string{invariant.EntryDurable, invariant.CommitDurable}},
	{Trial{Defect: raftkv.CountEarlierTerms, Nodes: 3, Strikes: 60, Kinds: churn}, 164, []string{invariant.LeaderCompleteness}},
	{Trial{Kinds: append(Honest(), Twin, Twin, Twin)}, 4, []string{invariant.CommitDurable, invariant.ElectionSafety, invariant.LeaderCompleteness, invariant.StateMachineSafety}},
}

// Those that take many seeds are looked for in the last ten of these alone, but with this flag.
var fromZero = flag.Bool("planted.all", false, "look for planted defects from seed 0 on")

func TestPlantedDefectsAreFound(t *testing.T) {
	for _, tt := range defects {
		name := string(tt.trial.Defect)
		if name == "" {
			name = string(Twin)
		}
		t.Run(name, func(t *testing.T) {
			first := uint64(0)
			if tt.seeds > 20 && !*fromZero {
				first = tt.seeds - 10
			}
			for seed := first; seed < 2*tt.seeds+10; seed++ {
				tt.trial.Seed = seed
				_, err := tt.trial.Run()
				var f *world.Failure
				if !errors.As(err, &f) || f.Name == world.Panicked {
					continue // raft noticed that something is wrong before an invariant could say what
				}
				if !slices.Contains(tt.names, f.Name) {
					t.Errorf("breaks %q, want one of %q: %v", f.Name, tt.names, err)
				}
				t.Logf("seed %d of %d: %v", seed-first+1, tt.seeds-first, err)
				return
			}
			t.Errorf("not found by %d seeds", 2*tt.seeds+10)
		})
	}
}
