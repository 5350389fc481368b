package reckon

import (
	"iter"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// shelf is a workload of so many keys.
type shelf struct {
	Workload
	keys int
}

func (shelf) Preload(Setting, int, int) iter.Seq[Op] { return nil }

func (s shelf) Final(Setting) iter.Seq[Op] {
	return func(yield func(Op) bool) {
		for range s.keys {
			if !yield(Op{Stage: history.Final}) {
				return
			}
		}
	}
}

// What a plan accepts can be done within its bounds: a hundred thousand keys take longer than a hundred.
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
		p := &Plan{Setting: Setting{Clients: []string{"c1", "c2"}}}
		p.Options.FailureTimeout, p.Options.OpTimeout = time.Second, c.timeout
		for _, n := range c.keys {
			p.workloads = append(p.workloads, named[Workload]{"shelf", shelf{keys: n}})
		}
		if err := p.schedule(); err != nil {
			t.Fatal(err)
		}
		if got, want := p.Bounds.Preload, p.Bounds.Ready+c.preload; got != want {
			t.Errorf("%v keys: %v to preload, want %v", c.keys, got, want)
		}
		if got, want := p.Bounds.Final, p.Bounds.Settle+collectBound+c.final; got != want {
			t.Errorf("%v keys: %v at the end, want %v", c.keys, got, want)
		}
	}
}

// A client that uses the member beside it alone may be far from the others.
func TestPinnedClientsMayBeFar(t *testing.T) {
	far := Layout{
		Nodes: []string{"n1", "n2"}, Clients: []string{"c1"}, Nearest: map[string]string{"c1": "n1"},
		Links: link.Matrix{{From: "c1", To: "n2"}: {Delay: time.Second}},
	}
	for endpoints, allowed := range map[string]bool{"balanced": false, "pinned": true} {
		p := &Plan{}
		p.Options.OpTimeout, p.Options.Endpoints = time.Second, endpoints
		if err := p.place(far); err != nil {
			t.Fatal(err)
		}
		if err := p.answerable(); (err == nil) != allowed {
			t.Errorf("%s: %v", endpoints, err)
		}
	}
}
