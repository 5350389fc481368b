package nemesis_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/pflag"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// toldCluster is a cluster as a strike is told that it is; its first cut fails.
type toldCluster struct {
	reckon.Cluster
	shown *clusterstate.Snapshot
	cuts  *int
}

func (c toldCluster) Nodes() []reckon.Node {
	return []reckon.Node{toldNode{c: c, name: "n1"}, toldNode{c: c, name: "n2"}}
}

func (c toldCluster) Leader(context.Context) (reckon.Node, error) {
	if c.shown.Leader() == "" {
		return nil, reckon.ErrNoLeader
	}
	return toldNode{c: c, name: c.shown.Leader()}, nil
}

func (c toldCluster) Cut(context.Context, []link.Path, reckon.CutMode) (func(context.Context) error, error) {
	if *c.cuts++; *c.cuts == 1 {
		return nil, errors.New("busy")
	}
	return func(context.Context) error { return nil }, nil
}

type toldNode struct {
	reckon.Node
	c    toldCluster
	name string
}

func (n toldNode) Name() string { return n.name }

func (n toldNode) State() reckon.State { return n.c.shown.State(n.name) }

// A fault that is tried again strikes whom it was to strike, though another of the same instant has
// killed that one meanwhile. One whose leader was dead before looks who leads now.
func TestAFaultThatIsTriedAgain(t *testing.T) {
	w, err := reckon.Faults.Lookup("isolate")
	if err != nil {
		t.Fatal(err)
	}
	setting := reckon.Setting{Duration: time.Minute, Nodes: []string{"n1", "n2"}, Clients: []string{"c1"}}
	for _, c := range []struct {
		name          string
		first, second *clusterstate.Snapshot
		want          string
	}{
		{"its leader has died since", clusterstate.NewSnapshot("n1", nil), clusterstate.NewSnapshot("", map[string]reckon.State{"n1": reckon.Dead}), "cut n1 from every node and client"},
		{"its leader was dead", clusterstate.NewSnapshot("n1", map[string]reckon.State{"n1": reckon.Dead}), clusterstate.NewSnapshot("n2", map[string]reckon.State{"n1": reckon.Dead}), "cut n2 from every node and client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cuts := 0
			strike := w.New(pflag.NewFlagSet("", pflag.ContinueOnError)).Strikes(setting, seed.Stream(1, "isolate"))[0]
			e := inject(t, strike, c.first, c.second, func(shown *clusterstate.Snapshot) reckon.Cluster { return toldCluster{shown: shown, cuts: &cuts} })
			if e.Kind != history.Struck || e.Detail != c.want {
				t.Errorf("%s: %s, want %s", e.Kind, e.Detail, c.want)
			}
		})
	}
}

// inject lets a nemesis inject the strike into clusters that the function makes of what it is
// shown: the first snapshot, and the second where it is tried again. It returns what was recorded
// of it.
func inject(t *testing.T, s reckon.Strike, first, second *clusterstate.Snapshot, on func(*clusterstate.Snapshot) reckon.Cluster) (recorded history.Event) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		next := first
		n := nemesis.New(nemesis.Config{
			Clock: elapsed(began), ElectionTimeout: time.Second, Bound: time.Minute,
			Wait: func(_ context.Context, until time.Duration) error { time.Sleep(until - time.Since(began)); return nil },
			Event: func(e history.Event) {
				if e.Kind != history.Healed {
					recorded = e
				}
			},
			Look: func() *clusterstate.Snapshot {
				now := next
				next = second
				return now
			},
			Cluster: func(_ int, shown *clusterstate.Snapshot) reckon.Cluster { return on(shown) },
			Undo:    func(context.Context, int) string { return "" },
		})
		n.Run(t.Context(), s.To+time.Second, []plan.Strike{{Strike: s}})
		if err := n.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return recorded
}

// elapsed is a clock that counts from that time; under synctest it is virtual.
type elapsed time.Time

func (e elapsed) Now() time.Duration { return time.Since(time.Time(e)) }
