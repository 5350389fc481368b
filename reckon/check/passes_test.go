package check

import (
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/history"
)

// pass returns one of two workers that went well.
func pass(id, command string, number int32) history.Pass {
	both := []string{"a", "b"}
	p := history.Pass{
		ID: id, Command: command, Number: number, Outcome: history.OK,
		Starting: both, Completed: both, Successful: both,
	}
	for _, n := range both {
		p.Nodes = append(p.Nodes, history.PassNode{Node: n, State: "success", Files: 10, Bytes: 1 << 20})
	}
	return p
}

// worked returns what both workers of the passes say of themselves.
func worked(ps ...history.Pass) (es []history.Event) {
	for _, p := range ps {
		for _, n := range p.Starting {
			es = append(es, history.NewWorked(n, history.Started, p.ID), history.NewWorked(n, history.Finished, p.ID))
		}
	}
	return es
}

// damaged has the first node of the verify find damage.
func damaged(p history.Pass) history.Pass {
	p.Outcome = history.Failed
	p.Successful, p.Failing = []string{"b"}, []string{"a"}
	p.Nodes[0].State, p.Nodes[0].Corrupted = "failed", 1
	p.Nodes[0].Damage = []history.Damage{{Path: "dir0/file1", What: "corrupt: block 7: sha1"}}
	return p
}

// lostIn has node a vanish in the middle of the pass.
func lostIn(p history.Pass) history.Pass {
	p.Outcome = history.Failed
	p.Completed, p.Successful, p.Failing = []string{"a", "b"}, []string{"b"}, []string{"a"}
	p.Nodes[0] = history.PassNode{Node: "a", State: "lost"}
	return p
}

// atLast returns the pass after settling.
func atLast(p history.Pass) history.Pass {
	p.Stage = history.Final.String()
	return p
}

func TestPasses(t *testing.T) {
	g1, v1 := pass("1", "generate", 1), pass("2", "verify", 1)
	cut := history.Event{Kind: history.Interrupted}
	final := history.Event{Kind: history.Phase, Subject: "final"}
	for name, c := range map[string]struct {
		events []history.Event // beside what the workers say
		change func(ps []history.Pass) []history.Pass
		want   Verdict
		detail string
	}{
		"all well":              {want: Valid, detail: "1 pass generated and 1 verified, 20 files of 2.1 MB"},
		"nothing":               {change: func([]history.Pass) []history.Pass { return nil }, want: Unknown, detail: "no pass"},
		"nothing verified":      {change: func(ps []history.Pass) []history.Pass { return ps[:1] }, want: Unknown, detail: "no tree"},
		"acknowledged, damaged": {change: func(ps []history.Pass) []history.Pass { return []history.Pass{ps[0], damaged(ps[1])} }, want: Invalid, detail: "the tree of a was acknowledged, and is damaged: dir0/file1 (corrupt: block 7: sha1)"},
		"damage called success": {change: func(ps []history.Pass) []history.Pass { ps[1].Nodes[0].Extra = 1; return ps[1:] }, want: Invalid, detail: "counts a as successful, whose tree is damaged"},
		"damaged before the ack": {change: func(ps []history.Pass) []history.Pass {
			return []history.Pass{lostIn(ps[0]), damaged(ps[1]), pass("3", "generate", 2), pass("4", "verify", 2)}
		}, want: Valid, detail: "2 passes failed and reported it"},
		"does not end": {change: func(ps []history.Pass) []history.Pass { ps[1].Outcome = history.Unknown; return ps }, want: Invalid, detail: "verify 1 (2) did not end"},
		"cut short":    {events: []history.Event{cut}, change: func(ps []history.Pass) []history.Pass { ps[1].Outcome = history.Unknown; return ps }, want: Unknown, detail: "verify 1 (2) was not seen to end, and the run was cut short"},
		"the harness failed": {events: []history.Event{{Kind: history.Harness, Detail: "the links ended by themselves"}}, change: func(ps []history.Pass) []history.Pass { ps[1].Outcome = history.Unknown; return ps }, want: Unknown,
			detail: "verify 1 (2) was not seen to end, and the harness failed (the links ended by themselves)"},
		"a strike was not undone": {events: []history.Event{{Kind: history.Missed, Detail: "heal: stuck"}}, change: func(ps []history.Pass) []history.Pass { ps[1].Outcome = history.Unknown; return ps }, want: Unknown,
			detail: "verify 1 (2) was not seen to end, and the harness failed (heal: stuck)"},
		"a member crashed": {events: []history.Event{{Kind: history.Ended, Subject: "n2"}}, change: func(ps []history.Pass) []history.Pass { ps[1].Outcome = history.Unknown; return ps }, want: Unknown,
			detail: "verify 1 (2) was not seen to end, and n2 had ended by itself"},
		"failure called success": {change: func(ps []history.Pass) []history.Pass { ps[0].Nodes[0].Error = "no space left"; return ps }, want: Invalid, detail: "generate 1 (1) counts a as successful, which failed: no space left"},
		"a stranger's success":   {change: func(ps []history.Pass) []history.Pass { ps[0].Successful = []string{"a", "b", "c"}; return ps }, want: Invalid, detail: "counts c as successful, which was not there"},
		"damage without a count": {change: func(ps []history.Pass) []history.Pass {
			v := damaged(ps[1])
			v.Nodes[0].Corrupted, v.Nodes[0].Damage[0] = 0, history.Damage{Path: "dir0", What: "unreadable: EIO"}
			return []history.Pass{ps[0], v}
		}, want: Invalid, detail: "the tree of a was acknowledged, and is damaged: dir0 (unreadable: EIO)"},
		"unreadable": {change: func(ps []history.Pass) []history.Pass {
			v := damaged(ps[1])
			v.Nodes[0] = history.PassNode{Node: "a", State: "failed", Error: "open tree: EIO"}
			return []history.Pass{ps[0], v, pass("3", "generate", 2), pass("4", "verify", 2)}
		}, want: Unknown, detail: "verify 1 (2) could not tell whether the tree of a is whole: open tree: EIO"},
		"files are gone":    {change: func(ps []history.Pass) []history.Pass { ps[1].Nodes[0].Files = 8; return ps }, want: Invalid, detail: "verify 1 (2) found 8 files in the tree of a, in which 10 were generated"},
		"verified at last":  {events: []history.Event{final}, change: func(ps []history.Pass) []history.Pass { return append(ps, atLast(pass("3", "verify", 1))) }, want: Valid, detail: "2 verified"},
		"not asked at last": {events: []history.Event{final}, want: Unknown, detail: "no tree was verified after the load"},
		"failed at last": {events: []history.Event{final}, change: func(ps []history.Pass) []history.Pass { return append(ps, atLast(lostIn(pass("3", "verify", 1)))) }, want: Unknown,
			detail: "verify 1 (3), the last, after the load, failed: not every worker succeeded"},
		"away at last": {events: []history.Event{final}, change: func(ps []history.Pass) []history.Pass {
			v := atLast(pass("3", "verify", 1))
			v.Starting, v.Completed, v.Successful, v.Nodes = v.Starting[:1], v.Completed[:1], v.Successful[:1], v.Nodes[:1]
			return append(ps, v)
		}, want: Unknown, detail: "the tree of b was acknowledged, and not verified after the load"},
		"nobody started": {change: func(ps []history.Pass) []history.Pass {
			return append(ps, history.Pass{ID: "3", Command: "generate", Outcome: history.Failed})
		}, want: Invalid, detail: "was lost: no worker started"},
		"success without a node": {change: func(ps []history.Pass) []history.Pass { ps[0].Successful = ps[0].Successful[:1]; return ps }, want: Invalid, detail: "called a success, but b was none"},
		"counted twice":          {change: func(ps []history.Pass) []history.Pass { ps[0].Completed = []string{"a", "b", "a"}; return ps }, want: Invalid, detail: "counts a twice as completed"},
		"too many started": {change: func(ps []history.Pass) []history.Pass {
			ps[0].Counts = &history.PassCounts{Starting: 3, Completed: 2}
			return ps
		}, want: Invalid, detail: "says that 3 started, and lists 2"},
		"too many completed": {change: func(ps []history.Pass) []history.Pass {
			ps[0].Counts = &history.PassCounts{Starting: 2, Completed: 3}
			return ps
		}, want: Invalid, detail: "says that 3 completed, and 2 have given a result"},
		"a stranger": {change: func(ps []history.Pass) []history.Pass { ps[0].Completed = []string{"a", "b", "c"}; return ps }, want: Invalid, detail: "counts c as completed, which was not there"},
		"both":       {change: func(ps []history.Pass) []history.Pass { ps[0].Failing = []string{"a"}; return ps }, want: Invalid, detail: "counts a as successful and as failed"},
		"run twice":  {events: []history.Event{history.NewWorked("b", history.Started, "1")}, want: Invalid, detail: "generate 1 (1) was run 2 times by b"},
		"lease lost": {events: []history.Event{history.NewWorked("b", history.Lost, "2")}, want: Invalid, detail: "counts b as successful, whose lease had run out"},
	} {
		t.Run(name, func(t *testing.T) {
			ps := []history.Pass{clonePass(g1), clonePass(v1)}
			if c.change != nil {
				ps = c.change(ps)
			}
			got := Passes(&history.History{Passes: ps, Events: append(worked(ps...), c.events...)})
			if got.Verdict != c.want || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("%s, want %s with %q", got, c.want, c.detail)
			}
		})
	}
	silent := Passes(&history.History{Passes: []history.Pass{g1, v1}})
	if silent.Verdict != Invalid || !strings.Contains(silent.Detail, "says that it never started") {
		t.Errorf("a success of which no worker knows: %s", silent)
	}
}

func clonePass(p history.Pass) history.Pass {
	p.Nodes = append([]history.PassNode(nil), p.Nodes...)
	return p
}
