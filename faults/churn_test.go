package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A fault heals itself if, and only if, it strikes the store, and its strikes end before the load
// does. churn is the one that is made of such faults and is not drawn by another churn.
func TestFaultsHealThemselves(t *testing.T) {
	var drawn []string
	for _, w := range reckon.Faults.Words() {
		f := w.New(pflag.NewFlagSet(w.Name, pflag.ContinueOnError))
		h, ok := f.(reckon.SelfHealing)
		says := ok && h.HealsItself()
		if says {
			drawn = append(drawn, w.Name)
		}
		if does := heals(w.Name, f); says != does && w.Name != "churn" {
			t.Errorf("%s says %t, and does %t", w.Name, says, does)
		}
	}
	if len(drawn) < 15 || slices.Contains(drawn, "churn") {
		t.Errorf("churn draws among %v", drawn)
	}
}

// heals reports whether the fault strikes the store in a run without workers, and never until the
// end.
func heals(word string, f reckon.Fault) bool {
	for _, nodes := range []int{3, 5} {
		s := setting(nodes, time.Minute)
		s.HasWorkers = false
		if f.(reckon.Validator).Validate(s) != nil {
			continue
		}
		strikes := f.Strikes(s, seed.Stream(1, word))
		return len(strikes) > 0 && !slices.ContainsFunc(strikes, func(k reckon.Strike) bool { return k.To >= s.Duration })
	}
	return false
}
