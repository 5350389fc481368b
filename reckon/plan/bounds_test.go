package plan

import (
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The bound on lag follows the quickest write: 91 ms of lag spoil writes of 4 ms, and do not matter
// where one takes 200 ms.
func TestLagBoundFollowsTheLinks(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                string
		nodes               int
		near, far, election time.Duration // one way: to the nearest member, to all others
		quickest, want      time.Duration
	}{
		{"a fast network", 3, 1 * ms, 1 * ms, time.Second, 4 * ms, 50 * ms},
		{"the default", 3, 20 * ms, 20 * ms, time.Second, 80 * ms, 80 * ms},
		{"regions", 3, 0, 49 * ms, time.Second, 98 * ms, 98 * ms},
		{"far regions, by the election timeout", 5, 0, 80 * ms, time.Second, 160 * ms, 100 * ms},
		{"one server", 1, 35 * ms, 0, time.Second, 70 * ms, 70 * ms},
		{"a short election timeout", 3, 20 * ms, 20 * ms, 300 * ms, 80 * ms, 30 * ms},
	} {
		p := &Plan{Links: link.Matrix{}, Setting: reckon.Setting{Clients: []string{"c1"}}}
		p.Options.FailureTimeout = c.election
		p.Setting.Nodes = []string{"n1", "n2", "n3", "n4", "n5"}[:c.nodes]
		for _, a := range p.Setting.Nodes {
			for _, b := range append(p.Setting.Nodes, "c1") {
				s := link.Shape{Delay: c.far}
				if a == "n1" && b == "c1" {
					s.Delay = c.near
				}
				if a != b {
					p.Links[link.Path{From: a, To: b}], p.Links[link.Path{From: b, To: a}] = s, s
				}
			}
		}
		if got := p.quickestWrite(); got != c.quickest {
			t.Errorf("%s: the quickest write takes %v, want %v", c.name, got, c.quickest)
		}
		if got := p.lagBound(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
