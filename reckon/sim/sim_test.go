package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
)

const ms = time.Millisecond

func TestCalm(t *testing.T) {
	w, s, err := Trial{Seed: 1, Nodes: 3, Kinds: []Kind{Jump}}.World()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s.Strikes = nil
	if err := w.Play(s); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.Check() {
		if r.Verdict != check.Valid {
			t.Error(r)
		}
	}
	for _, o := range w.History.Ops {
		if o.Error != "" {
			t.Errorf("nothing is wrong, but %v", o)
		}
	}
}

// Honest etcd survives whatever is drawn.
func TestHonestTrials(t *testing.T) {
	for seed := range uint64(100) {
		if w, err := (Trial{Seed: seed}).Run(); err != nil {
			t.Errorf("%v\n%v", err, w)
		}
	}
}

func TestDefectsQuick(t *testing.T) {
	for _, d := range []raftkv.Defect{raftkv.VoteBeforeSync, raftkv.AckBeforeSync, raftkv.CountEarlierTerms, raftkv.KeepConflicts, raftkv.LocalReads,
		raftkv.SkipReplay, raftkv.SkipTerm, raftkv.AcceptDuplicates, raftkv.SkipDirSync, raftkv.SkipOpenSync} {
		found := map[string]int{}
		first := -1
		for seed := range uint64(60) {
			_, err := Trial{Seed: seed, Defect: d}.Run()
			var f *Failure
			if errors.As(err, &f) {
				found[f.Name]++
				if first < 0 {
					first = int(seed)
					if f.Name != Panicked {
						t.Log(err)
					} else {
						t.Log(f.Detail[:100])
					}
				}
			}
		}
		t.Log(d, first, found)
	}
	found := map[string]int{}
	for seed := range uint64(60) {
		_, err := Trial{Seed: seed, Kinds: append(Honest(), Twin, Twin, Twin)}.Run()
		var f *Failure
		if errors.As(err, &f) {
			found[f.Name]++
		}
	}
	t.Log("twin", found)
}
