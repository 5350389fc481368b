package linktest_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/linktest"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// A liar is a fabric that does something other than it is asked.
type liar struct {
	*userspace.Fabric
	twist func(link.Path, link.Shape) link.Shape
}

func (l liar) Apply(ctx context.Context, m link.Matrix) error {
	twisted := link.Matrix{}
	for p, s := range m {
		twisted[p] = l.twist(p, s)
	}
	return l.Fabric.Apply(ctx, twisted)
}

// The suite detects faulty fabrics.
func TestLiars(t *testing.T) {
	hosttest.Need(t)
	for _, tt := range []struct {
		rule  string // the rule that catches it: the beginning of its name
		twist func(link.Path, link.Shape) link.Shape
	}{
		{"a path without a shape", func(_ link.Path, s link.Shape) link.Shape { return s }}, // no liar
		{"packets take the path's delay", func(_ link.Path, s link.Shape) link.Shape { s.Delay /= 2; return s }},
		{"a normal jitter", func(_ link.Path, s link.Shape) link.Shape { s.Distribution = link.Uniform; return s }},
		{"a uniform jitter", func(_ link.Path, s link.Shape) link.Shape { s.Jitter /= 5; return s }},
		{"a Pareto jitter", func(_ link.Path, s link.Shape) link.Shape { s.Distribution = link.Normal; return s }},
		{"a trace's delays", func(_ link.Path, s link.Shape) link.Shape { s.Distribution = link.Normal; return s }},
		{"no packet overtakes", func(_ link.Path, s link.Shape) link.Shape {
			if s.Delay > 0 && s.Jitter == 0 {
				s.Jitter = s.Delay
			}
			return s
		}},
		{"packets are lost", func(_ link.Path, s link.Shape) link.Shape { s.Loss *= 0.8; return s }},
		{"one loss drops one wire packet", func(_ link.Path, s link.Shape) link.Shape { s.Loss *= 0.3; return s }},
		{"losses come in bursts", func(_ link.Path, s link.Shape) link.Shape {
			s.Loss, s.Burst = s.Burst.Loss(), link.Burst{}
			return s
		}},
		{"packets are duplicated", func(_ link.Path, s link.Shape) link.Shape { s.Duplicate = 0; return s }},
		{"packets are corrupted", func(_ link.Path, s link.Shape) link.Shape { s.Loss, s.Corrupt = s.Corrupt, 0; return s }},
		{"packets overtake", func(_ link.Path, s link.Shape) link.Shape { s.Reorder /= 2; return s }},
		{"datagrams leave at", func(_ link.Path, s link.Shape) link.Shape { s.Rate = s.Rate * 3 / 2; return s }},
		{"TCP gets the path's rate", func(_ link.Path, s link.Shape) link.Shape { s.Rate *= 2; return s }},
		{"a queue is as long", func(_ link.Path, s link.Shape) link.Shape { s.Delay += 1e9; return s }},
		{"a cut drops what is queued", func(_ link.Path, s link.Shape) link.Shape {
			if s.Cut {
				return link.Shape{Loss: 1}
			}
			return s
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel() // most of them wait
			err := find(t, tt.rule).Check(linktest.Setup{
				Start: func(hub *host.Host, seed uint64) (linktest.Fabric, error) {
					f, err := userspace.Start(hub, seed, os.Stderr)
					return liar{f, tt.twist}, err
				},
				Seeded: true,
				Causes: true,
			})
			if honest := tt.rule == "a path without a shape"; (err == nil) != honest {
				t.Errorf("error %v", err)
			}
			t.Log(err)
		})
	}
}

func find(t *testing.T, name string) linktest.Rule {
	for _, r := range linktest.Rules() {
		if strings.HasPrefix(r.Name, name) {
			return r
		}
	}
	t.Fatalf("no rule %s", name)
	return linktest.Rule{}
}
