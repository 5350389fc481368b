package reckon_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spf13/pflag"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// toldCluster is a cluster as a strike is told that it is; its first cut fails.
type toldCluster struct {
	reckon.Cluster
	reckon.Look
	cuts *int
}

func (c toldCluster) Nodes() []reckon.Node {
	return []reckon.Node{toldNode{c: c, name: "n1"}, toldNode{c: c, name: "n2"}}
}

func (c toldCluster) Leader(context.Context) (reckon.Node, error) {
	if c.Look.Leader == "" {
		return nil, errors.New("no leader found")
	}
	return toldNode{c: c, name: c.Look.Leader}, nil
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

func (n toldNode) State() reckon.State { return n.c.States[n.name] }

// A fault that is tried again strikes whom it was to strike, though another of the same instant has killed that one meanwhile. One whose
// leader was dead before looks who leads now.
func TestAFaultThatIsTriedAgain(t *testing.T) {
	w, err := reckon.Faults.Lookup("isolate")
	if err != nil {
		t.Fatal(err)
	}
	setting := reckon.Setting{Duration: time.Minute, Nodes: []string{"n1", "n2"}, Clients: []string{"c1"}}
	for _, c := range []struct {
		name          string
		first, second reckon.Look
		want          string
	}{
		{"its leader has died since", reckon.Look{Leader: "n1"}, reckon.Look{States: map[string]reckon.State{"n1": reckon.Dead}}, "cut n1 from every node and client"},
		{"its leader was dead", reckon.Look{Leader: "n1", States: map[string]reckon.State{"n1": reckon.Dead}}, reckon.Look{Leader: "n2", States: map[string]reckon.State{"n1": reckon.Dead}}, "cut n2 from every node and client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cuts := 0
			strike := w.New(pflag.NewFlagSet("", pflag.ContinueOnError)).Strikes(setting, seed.Stream(1, "isolate"))[0]
			e := reckon.Inject(t, strike, c.first, c.second, func(told reckon.Look) reckon.Cluster { return toldCluster{Look: told, cuts: &cuts} })
			if e.Kind != history.Struck || e.Detail != c.want {
				t.Errorf("%s: %s, want %s", e.Kind, e.Detail, c.want)
			}
		})
	}
}
