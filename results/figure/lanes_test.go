package figure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

// A node that does not answer is not drawn as leading, whatever was last heard of it.
func TestNoLeaderThatDoesNotAnswer(t *testing.T) {
	lead := func(from, to float64) bar { return bar{node: "n2", condition: leading, from: from, to: to, term: 3} }
	mute := []bar{
		{node: "n2", condition: silent, from: 4, to: 6}, {node: "n2", condition: dead, from: 5, to: 7},
		{node: "n1", condition: silent, from: 0, to: 20}, {node: "n2", condition: paused, from: 9, to: 30},
	}
	got := answering(append([]bar{lead(2, 10)}, mute...))
	want := append(append([]bar{}, mute...), lead(2, 4), lead(7, 9))
	if d := cmp.Diff(want, got, cmp.AllowUnexported(bar{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A lane says that a node leads only while clients are answered through it, whatever the node says of
// itself; and where nobody asked, it says nothing.
func TestLanesAreWhatClientsWereAnswered(t *testing.T) {
	const load = 2 * time.Second
	op := func(stage history.Stage, via string, call, took float64, o history.Outcome) history.Op {
		at := load + time.Duration(call*1e9)
		return history.Op{Stage: stage, Via: via, Call: at, Return: at + time.Duration(took*1e9), Outcome: o}
	}
	const l, p, ok, failed = history.Load, history.Probing, history.OK, history.Failed
	events := []history.Event{
		history.NewLeads("n1", 2).When(load - 1e9), history.NewPhase("load").When(load), history.NewPhase("drain").When(load + 10e9),
		history.NewDown("n2", fmt.Errorf("late")).When(load + 1e9), history.NewUp("n2").When(load + 2e9), history.NewPhase("done").When(load + 11e9),
	}
	for _, c := range []struct {
		name string
		ops  []history.Op
		want []string
	}{
		{"n1 believes that it leads, and a prober is answered nothing from 3 to 7 s",
			[]history.Op{op(l, "n1", 2.9, .1, ok), op(p, "n1", 3, 2, failed), op(p, "n1", 5, 1.5, failed), op(l, "n1", 6.9, .1, ok), op(l, "n1", 10, .1, ok), op(l, "n2", 0, .1, ok)},
			[]string{"n1 leads 0.0 3.0", "n1 leads 7.0 10.0", "n1 not answering 3.0 7.0"}},
		{"nobody used it for some time", []history.Op{op(p, "n1", 2.9, .1, ok), op(l, "n1", 6.9, .1, ok)}, []string{"n1 leads 0.0 10.0"}},
		{"for less than an election timeout", []history.Op{op(p, "n1", 2.9, .1, ok), op(l, "n1", 3.1, .5, failed), op(l, "n1", 3.8, .1, ok)}, []string{"n1 leads 0.0 10.0"}},
		{"never again", []history.Op{op(l, "n1", 3.9, .1, ok), op(p, "n1", 4, 2, failed)}, []string{"n1 leads 0.0 4.0", "n1 not answering 4.0 11.0"}},
		{"a record of before members were asked", []history.Op{op(l, "n1", 4, 5, failed)}, []string{"n1 leads 0.0 10.0", "n2 not answering 1.0 2.0"}},
	} {
		info := summary.Info{Duration: 10 * time.Second, ElectionTimeout: time.Second, Nodes: []string{"n1", "n2"}}
		h := &history.History{Events: events, Ops: c.ops}
		v := newView(summary.NewReading(h, info), results.Summary{LoadEnd: 10})
		var got []string
		for _, b := range v.laneBars() {
			got = append(got, fmt.Sprintf("%s %s %.1f %.1f", b.node, b.condition, max(b.from, 0), b.to))
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, strings.Join(got, "; "), strings.Join(c.want, "; "))
		}
	}
}
