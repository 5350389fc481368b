package main

import (
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// servedSlack is how far what the run said while it lasted may be from what its operations show:
// reports of several clients may overtake each other.
const servedSlack = 0.1

// servedAsRecorded holds when members served again, by the summary of a real run, against its
// operations: each was then answered for the first time since the heal. A member that was held and
// has answered since is among them.
func servedAsRecorded(t *testing.T, path string, s results.Summary) {
	t.Helper()
	dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := dir.History()
	if err != nil {
		t.Fatal(err)
	}
	load0, _ := h.PhaseStart("load")
	firstAfter := func(member string, heal time.Duration) (float64, bool) {
		first := time.Duration(-1)
		for _, o := range h.Ops {
			asked := o.Stage == history.Load || o.Stage == history.Probing
			if asked && o.Via == member && o.Outcome == history.OK && o.Return >= heal && (first < 0 || o.Return < first) {
				first = o.Return
			}
		}
		return (first - load0).Seconds(), first >= 0
	}
	for _, k := range s.Strikes {
		for _, m := range k.Served {
			heal := load0 + time.Duration((m.At-m.After)*1e9) - time.Millisecond
			if at, any := firstAfter(m.Member, heal); !any || at < m.At-servedSlack || at > m.At+servedSlack {
				t.Errorf("%s: %s is said to have served again at %.3f s, and was first answered at %.3f s", k.Name, m.Member, m.At, at)
			}
		}
	}
	for _, e := range h.Events {
		i, ok := e.Strike()
		if _, any := firstAfter(e.Subject, e.At+time.Second); !ok || !any || e.Kind != history.Released || i >= len(s.Strikes) {
			continue
		}
		if !slices.ContainsFunc(s.Strikes[i].Served, func(m results.ServedAgain) bool { return m.Member == e.Subject }) {
			t.Errorf("%s: %s was released and answered again, and is not said to have", s.Strikes[i].Name, e.Subject)
		}
	}
}
