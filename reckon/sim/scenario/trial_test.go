package scenario

import (
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
)

const ms = time.Millisecond

func TestCalm(t *testing.T) {
	w, s, err := Trial{Seed: 1, Nodes: 3, Kinds: []Kind{Jump}}.World()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s.Strikes = nil
	if err := s.Play(w); err != nil {
		t.Fatal(err)
	}
	for _, r := range Check(w) {
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
	for seed := range uint64(40) {
		if w, err := (Trial{Seed: seed}).Run(); err != nil {
			t.Errorf("%v\n%v", err, w)
		}
	}
}
