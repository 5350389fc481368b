package preview

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// script is a fault that is a list of strikes.
type script []reckon.Strike

func (s script) Strikes(reckon.Setting, *rand.Rand) []reckon.Strike { return s }

// strikeAt is a strike that calls do.
func strikeAt(from, to int, do func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error)) reckon.Strike {
	return reckon.Strike{From: time.Duration(from) * time.Second, To: time.Duration(to) * time.Second, Name: "strike", Inject: do}
}

func killsLeader(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
	n, err := c.Leader(ctx)
	if err != nil {
		return reckon.Injection{}, err
	}
	release, err := n.Hold(ctx, reckon.Dead)
	return reckon.Injection{Detail: "killed " + n.Name(), Heal: release}, err
}

func overlays(detail string, m link.Matrix) func(context.Context, reckon.Cluster) (reckon.Injection, error) {
	return func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		heal, err := c.Degrade(ctx, m)
		return reckon.Injection{Detail: detail, Heal: heal}, err
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

func previewed(t *testing.T, nodes, clients int, faults ...script) string {
	t.Helper()
	parts := plan.Parts{System: idle{}, Topology: star{nodes, clients}, Options: plan.Defaults()}
	parts.Options.Duration = 30 * time.Second
	for i, f := range faults {
		parts.Faults = append(parts.Faults, plan.Named[reckon.Fault]{Name: fmt.Sprintf("f%d", i+1), Value: f})
	}
	p, err := plan.Of(parts)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range Of(p) {
		fmt.Fprintf(&b, "%s\n%s", s.Title(), s)
	}
	return b.String()
}

func TestPreview(t *testing.T) {
	cut := link.Matrix{link.Path{From: "n1", To: "n2"}: {Cut: true}}
	both := link.Cut([]string{"n1"}, []string{"n2"})
	lossy := link.Matrix{link.Path{From: "n1", To: "n2"}: {Loss: 0.3, Delay: 180 * time.Millisecond}}
	for name, c := range map[string]struct{ got, want string }{
		"nothing": {previewed(t, 3, 1), ""},
		"a kill and, at the same instant, another of who led": {
			previewed(t, 3, 1, script{strikeAt(10, 20, killsLeader)}, script{strikeAt(10, 15, killsLeader)}), `
10s to 15s: killed n1; killed n1
from\to  n1  n2  n3
n1       ·   †   †   dead
n2       †   ·   ✓   leads
n3       †   ✓   ·
15s to 20s: killed n1
from\to  n1  n2  n3
n1       ·   †   †   dead
n2       †   ·   ✓   leads
n3       †   ✓   ·
`},
		"one way, flapping": {
			previewed(t, 2, 1, script{strikeAt(1, 2, overlays("cut", cut)), strikeAt(3, 4, overlays("cut", cut)), strikeAt(5, 6, overlays("cut", cut))}), `
1s to 2s, and 2 more times: cut
from\to  n1  n2
n1       ·   ✗   leads
n2       ✓   ·
`},
		"overlapping": {
			previewed(t, 2, 1, script{strikeAt(1, 5, overlays("cut", both))}, script{strikeAt(3, 9, overlays("loss", lossy))}), `
1s to 3s: cut
from\to  n1  n2
n1       ·   ✗   leads
n2       ✗   ·
3s to 5s: cut; loss
from\to  n1  n2
n1       ·   ✗   leads
n2       ✗   ·
5s to 9s: loss
from\to  n1  n2
n1       ·   + 180ms, loss 30%  leads
n2       ✓   ·
`},
		"clients alike share a row": {
			previewed(t, 2, 4, script{strikeAt(1, 2, overlays("isolated", link.Cut([]string{"n2"}, []string{"n1", "c1", "c2", "c3", "c4"})))}), `
1s to 2s: isolated
from\to      n1  n2  c1..c4 (4)
n1           ·   ✗   ✓           leads
n2           ✗   ·   ✗
c1..c4 (4)   ✓   ✗   ✓
`},
		"cannot": {
			previewed(t, 1, 1, script{strikeAt(1, 2, func(context.Context, reckon.Cluster) (reckon.Injection, error) {
				return reckon.Injection{}, errors.New("no follower")
			})}), `
1s to 2s: f1: no follower
from\to  n1
n1       ·   leads
`},
	} {
		if want := strings.TrimPrefix(c.want, "\n"); squeeze(c.got) != squeeze(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, c.got, want)
		}
	}
}

// squeeze makes runs of blanks one.
func squeeze(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}
