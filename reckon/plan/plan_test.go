package plan

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/spf13/pflag"
)

// shelf is a workload of so many keys.
type shelf struct {
	reckon.Workload
	keys int
}

func (shelf) Preload(reckon.Setting, int, int) iter.Seq[reckon.Op] { return nil }

func (s shelf) Final(reckon.Setting) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for range s.keys {
			if !yield(reckon.Op{Stage: history.Final}) {
				return
			}
		}
	}
}

// What a plan accepts can be done within its bounds: a hundred thousand keys take longer than a
// hundred.
func TestBoundsGrowWithTheKeys(t *testing.T) {
	for _, c := range []struct {
		keys           []int // of each workload
		timeout        time.Duration
		preload, final time.Duration // beyond those of no keys
	}{
		{nil, 5 * time.Second, 0, 0},
		{[]int{100}, 5 * time.Second, time.Second, 2 * time.Second},
		{[]int{100_000}, 5 * time.Second, 782 * time.Second, 1563 * time.Second}, // by 0.1 s each, 640 a second, they take 79 and 157 s
		{[]int{64_000, 64_000}, 5 * time.Second, 1000 * time.Second, 2000 * time.Second},
		{[]int{128}, 20 * time.Second, 4 * time.Second, 8 * time.Second},
		{[]int{128}, 100 * time.Millisecond, time.Second, 2 * time.Second},
	} {
		parts := Parts{System: idle{}, Topology: star{3, 2}, Options: options(t, map[string]string{"op-timeout": c.timeout.String()})}
		for _, n := range c.keys {
			parts.Workloads = append(parts.Workloads, Named[reckon.Workload]{Name: "shelf", Value: shelf{keys: n}})
		}
		p, err := Of(parts)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Bounds.Preload, p.Bounds.Ready+c.preload; got != want {
			t.Errorf("%v keys: %v to preload, want %v", c.keys, got, want)
		}
		if got, want := p.Bounds.Final, p.Bounds.Settle+CollectBound+c.final; got != want {
			t.Errorf("%v keys: %v at the end, want %v", c.keys, got, want)
		}
	}
}

// far is a topology in which one client is nearest to n1, and a second away from n2.
type far struct{}

func (far) Layout() (reckon.Layout, error) {
	return reckon.Layout{
		Nodes: []string{"n1", "n2"}, Clients: []string{"c1"}, Nearest: map[string]string{"c1": "n1"},
		Links: link.Matrix{{From: "c1", To: "n2"}: {Delay: time.Second}},
	}, nil
}

// A client that uses only the member nearest to it may be far from the others.
func TestPinnedClientsMayBeFar(t *testing.T) {
	for endpoints, allowed := range map[string]bool{"balanced": false, "pinned": true} {
		_, err := Of(Parts{System: idle{}, Topology: far{}, Options: options(t, map[string]string{"op-timeout": "1s", "endpoints": endpoints})})
		if (err == nil) != allowed {
			t.Errorf("%s: %v", endpoints, err)
		}
	}
}

// idle is a system without any power; the plan of it is never run.
type idle struct{ reckon.System }

// star is a topology of so many nodes and clients, with perfect links.
type star struct{ nodes, clients int }

func (s star) Layout() (reckon.Layout, error) {
	l := reckon.Layout{Nearest: map[string]string{}}
	for i := range s.nodes {
		l.Nodes = append(l.Nodes, fmt.Sprintf("n%d", i+1))
	}
	for i := range s.clients {
		c := fmt.Sprintf("c%d", i+1)
		l.Clients, l.Nearest[c] = append(l.Clients, c), l.Nodes[i%s.nodes]
	}
	return l, nil
}

// options are the defaults of every run's flags.
func options(t *testing.T, flags map[string]string) (o Options) {
	t.Helper()
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.bind(fs)
	for name, value := range flags {
		if err := fs.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return o
}
