package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Passes checks that the passes of Kibishii's workers kept the protocol:
//
//   - a pass ends;
//   - it succeeds only if every worker that started succeeded, and no other worker is counted;
//   - no command is lost, and no worker runs one twice (by the workers' own reports, events of kind
//     history.Worked);
//   - no worker is counted twice;
//   - a worker whose lease ran out in the middle of a pass is not counted as a success;
//   - a tree that was acknowledged as generated verifies, with as many files, until it is generated
//     anew.
//
// It is Unknown if there is nothing to check: no pass, none that verified, a tree that could not be
// read, or, if the run was cut short or its harness failed, a pass that did not end. In a run that
// came to its final reads it is Unknown unless the last verify, after settling, succeeded on every
// tree that was acknowledged.
func Passes(h *history.History) Result { return passes(h).named("kibishii") }

func passes(h *history.History) Result {
	p := passReading{whole: map[string]tree{}, runs: map[string]int{}, lost: map[string]bool{}, named: map[string]bool{}}
	for _, e := range h.Events {
		p.note(e)
	}
	for i := range h.Passes {
		p.read(&h.Passes[i])
	}
	p.atLast(h)
	switch {
	case len(p.broken) > 0:
		return Result{Verdict: Invalid, Detail: reasons(p.broken)}
	case len(h.Passes) == 0:
		return Result{Detail: "no pass was recorded"}
	case len(p.open) > 0:
		return Result{Detail: reasons(p.open)}
	case p.verified == 0:
		return Result{Detail: "no tree that had been acknowledged was verified"}
	}
	return Result{Verdict: Valid, Detail: p.account()}
}

// A passReading goes through the passes in order.
type passReading struct {
	whole map[string]tree // by node: what it has acknowledged, and is not being overwritten
	runs  map[string]int  // by node and pass: how often the worker says that it started
	lost  map[string]bool // by node and pass: the worker says that its lease ran out
	// named holds damage by node and path, once it was reported: extra files stay from pass to
	// pass.
	named  map[string]bool
	cut    string // what else may have kept a pass from ending
	broken []string
	open   []string      // what is not known
	last   *history.Pass // the last verify after settling

	generated, verified int // passes
	failed              int
	files, bytes        int64 // verified
}

// A tree is what a node has acknowledged.
type tree struct {
	number int32 // of the pass
	files  int64
}

// of names a node's part in a pass.
func of(node, pass string) string { return node + " " + pass }

func (p *passReading) note(e history.Event) {
	switch e.Kind {
	case history.Interrupted:
		p.cut = "the run was cut short"
	case history.Ended:
		p.cut = cmp.Or(p.cut, e.Subject+" had ended by itself")
	case history.Harness, history.Missed:
		p.cut = cmp.Or(p.cut, "the harness failed ("+e.Detail+")")
	case history.Worked:
		switch e.Step {
		case history.Started:
			p.runs[of(e.Subject, e.Pass)]++
		case history.Lost:
			p.lost[of(e.Subject, e.Pass)] = true
		}
	}
}

func (p *passReading) breaks(format string, args ...any) {
	p.broken = append(p.broken, fmt.Sprintf(format, args...))
}

func (p *passReading) read(x *history.Pass) {
	name := fmt.Sprintf("%s %d (%s)", x.Command, x.Number, x.ID)
	if x.Outcome == history.Unknown {
		if p.cut != "" {
			p.open = append(p.open, name+" was not seen to end, and "+p.cut)
		} else {
			p.breaks("%s did not end: %s", name, x.Error)
		}
	}
	p.lists(name, x)
	for i := range x.Nodes {
		p.node(name, x, &x.Nodes[i])
	}
	if x.Command == "verify" && x.Stage == history.Final.String() {
		p.last = x
	}
	switch {
	case x.Outcome != history.OK:
		p.failed++
	case x.Command == "generate":
		p.generated++
	default:
		p.verified++
	}
}

// lists holds the operation's lists against each other and the workers' own account.
func (p *passReading) lists(name string, x *history.Pass) {
	if x.Outcome != history.Unknown && len(x.Starting) == 0 {
		p.breaks("%s was lost: no worker started", name)
	}
	for _, l := range []struct {
		what  string
		nodes []string
	}{{"starting", x.Starting}, {"completed", x.Completed}, {"successful", x.Successful}, {"failed", x.Failing}} {
		for i, n := range l.nodes {
			if slices.Contains(l.nodes[:i], n) {
				p.breaks("%s counts %s twice as %s", name, n, l.what)
			}
			if !slices.Contains(x.Starting, n) {
				p.breaks("%s counts %s as %s, which was not there when it started", name, n, l.what)
			}
		}
	}
	if c := x.Counts; c != nil {
		if c.Starting != len(x.Starting) {
			p.breaks("%s says that %d started, and lists %d", name, c.Starting, len(x.Starting))
		}
		// Of one that failed a result may have come after it was counted for the last time.
		if c.Completed > len(x.Completed) || x.Outcome == history.OK && c.Completed < len(x.Completed) {
			p.breaks("%s says that %d completed, and %d have given a result", name, c.Completed, len(x.Completed))
		}
	}
	for _, n := range x.Starting {
		good := slices.Contains(x.Successful, n)
		switch {
		case p.runs[of(n, x.ID)] > 1:
			p.breaks("%s was run %d times by %s", name, p.runs[of(n, x.ID)], n)
		case good && p.runs[of(n, x.ID)] == 0:
			p.breaks("%s counts %s as successful, which says that it never started", name, n)
		}
		if good && p.lost[of(n, x.ID)] {
			p.breaks("%s counts %s as successful, whose lease had run out", name, n)
		}
		if good && slices.Contains(x.Failing, n) {
			p.breaks("%s counts %s as successful and as failed", name, n)
		}
		if x.Outcome == history.OK && !good {
			p.breaks("%s is called a success, but %s was none", name, n)
		}
	}
}

// node follows what becomes of one node's tree.
func (p *passReading) node(name string, x *history.Pass, n *history.PassNode) {
	if n.State == "success" && n.Error != "" {
		p.breaks("%s counts %s as successful, which failed: %s", name, n.Node, n.Error)
	}
	if x.Command == "generate" {
		delete(p.whole, n.Node) // it is being written over, whatever comes of it
		if n.State == "success" {
			p.whole[n.Node] = tree{x.Number, n.Files}
		}
		return
	}
	damaged := n.Missing+n.Corrupted+n.Extra > 0 || len(n.Damage) > 0
	made, whole := p.whole[n.Node]
	whole = whole && made.number == x.Number
	switch {
	case damaged && whole:
		if p.fresh(n) {
			p.breaks("%s: the tree of %s was acknowledged, and is damaged: %s", name, n.Node, damage(n))
		}
	case damaged && n.State == "success":
		p.breaks("%s counts %s as successful, whose tree is damaged: %s", name, n.Node, damage(n))
	case whole && n.State == "success" && n.Files != made.files:
		p.breaks("%s found %s in the tree of %s, in which %d were generated", name, count(int(n.Files), "file"), n.Node, made.files)
	case whole && n.State == "failed":
		p.open = append(p.open, fmt.Sprintf("%s could not tell whether the tree of %s is whole: %s", name, n.Node, n.Error))
	case n.State == "success":
		p.files += n.Files
		p.bytes += n.Bytes
	}
}

// atLast asks whether, in a run that came to its final reads, every tree that was acknowledged
// verified once nothing was wrong any more.
func (p *passReading) atLast(h *history.History) {
	_, ended := h.PhaseStart("final") // the last verify comes before
	switch {
	case p.last == nil && !ended:
		return
	case p.last == nil:
		p.open = append(p.open, "no tree was verified after the load")
		return
	case p.last.Outcome == history.Failed:
		p.open = append(p.open, fmt.Sprintf("verify %d (%s), the last, after the load, failed: %s", p.last.Number, p.last.ID, cmp.Or(p.last.Error, "not every worker succeeded")))
		return
	}
	for _, n := range slices.Sorted(maps.Keys(p.whole)) {
		if !slices.Contains(p.last.Successful, n) {
			p.open = append(p.open, "the tree of "+n+" was acknowledged, and not verified after the load")
		}
	}
}

// fresh reports whether the node's tree is damaged in a way that was not named before.
func (p *passReading) fresh(n *history.PassNode) bool {
	some := n.More > 0 || len(n.Damage) == 0
	for _, d := range n.Damage {
		if k := of(n.Node, d.Path); !p.named[k] {
			p.named[k], some = true, true
		}
	}
	return some
}

// damageShown is how many damaged paths a verdict names; the report has the rest.
const damageShown = 20

func damage(n *history.PassNode) string {
	var what []string
	for _, d := range n.Damage[:min(len(n.Damage), damageShown)] {
		what = append(what, d.Path+" ("+d.What+")")
	}
	if more := max(n.Missing+n.Corrupted+n.Extra, int64(len(n.Damage))+n.More) - int64(len(what)); more > 0 {
		what = append(what, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(what, ", ")
}

// brokenShown is how many violations a verdict names.
const brokenShown = 10

func reasons(all []string) string {
	if more := len(all) - brokenShown; more > 0 {
		return strings.Join(all[:brokenShown], "; ") + fmt.Sprintf("; and %d more", more)
	}
	return strings.Join(all, "; ")
}

func manyPasses(n int) string {
	if n == 1 {
		return "1 pass"
	}
	return fmt.Sprintf("%d passes", n)
}

func (p *passReading) account() string {
	s := fmt.Sprintf("%s generated and %d verified, %d files of %.1f MB in all, nothing missing, corrupted or extra", manyPasses(p.generated), p.verified, p.files, float64(p.bytes)/1e6)
	if p.failed > 0 {
		s += fmt.Sprintf("; %s failed and reported it", manyPasses(p.failed))
	}
	return s
}
