package premise

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Bounds on passes. apart is by how much instants that were taken by the wall clock may miss those of
// the run's clock; extra is how long a pass may take beyond the load and its election timeouts.
const (
	apart = 20 * time.Millisecond
	extra = time.Minute
)

// passes: passes have names of their own and follow each other; what is verified is what was
// generated last; every worker of a pass is one of the plan's, and what it says of itself agrees with
// the lists; a tree that was generated, or verified, is as large as planned; and the worker reported
// that it began and finished.
func (r *reading) passes() {
	launches := slices.ContainsFunc(r.p.Workloads, func(w plan.Named[reckon.Workload]) bool {
		_, ok := w.Value.(reckon.Launcher)
		return ok
	})
	if !launches {
		if len(r.h.Passes)+len(r.of(history.Worked)) > 0 {
			r.broken(Passes, "%d passes are on record, of a run without workers", len(r.h.Passes))
		}
		return
	}
	byID, number := map[string]*history.Pass{}, int32(0)
	var before *history.Pass
	for i := range r.h.Passes {
		x := &r.h.Passes[i]
		if byID[x.ID] != nil || x.ID == "" {
			r.broken(Passes, "two passes have the id %q", x.ID)
		}
		byID[x.ID] = x
		number = r.numbered(x, number)
		r.timed(x, before)
		r.listed(x)
		before = x
	}
	r.worked(byID)
}

// numbered: each generate has the next number, each verify the last one's.
func (r *reading) numbered(x *history.Pass, number int32) int32 {
	if x.Command == "generate" {
		number++
	}
	if x.Command != "generate" && x.Command != "verify" || x.Number != number || number == 0 {
		r.broken(Passes, "pass %s is %s %d; pass %d was generated last", x.ID, x.Command, x.Number, number)
	}
	return x.Number
}

// timed: a pass returns after it was called, and before the next one is; those of the load are
// called in it, the others after the cluster has settled.
func (r *reading) timed(x, before *history.Pass) {
	took := x.Return - x.Call
	longest := r.p.Options.Duration + extra + retriesFor*r.p.Options.FailureTimeout + r.late()
	if took < 0 || took > longest || x.Stood < 0 || x.Stood > took+apart || x.Retries < 0 {
		r.broken(Passes, "pass %s took %v, stood still for %v, with %d retries; it may take %v", x.ID, took, x.Stood, x.Retries, longest)
	}
	if before != nil && x.Call < before.Return-apart {
		r.broken(Passes, "pass %s was called at %s, before pass %s returned at %s", x.ID, r.since(x.Call), before.ID, r.since(before.Return))
	}
	from, to := r.load0, r.loadEnd
	switch x.Stage {
	case history.Load.String():
	case history.Final.String():
		from, to = r.at["settle"], r.done
		if at, ok := r.at["final"]; ok {
			to = at
		}
	default:
		r.broken(Passes, "pass %s is of stage %q; passes are of the load and final", x.ID, x.Stage)
	}
	if x.Call < from-time.Second || x.Call > to+apart || x.Return > r.done {
		r.broken(Passes, "pass %s is of the %s, from %s to %s, and was called at %s", x.ID, x.Stage, r.since(from), r.since(to), r.since(x.Call))
	}
	if why := x.Error != "" || len(x.Failing) > 0 || len(x.Successful) < len(x.Starting); (x.Outcome == history.OK) == why {
		r.broken(Passes, "pass %s is %s, with the error %q, and %d of its %d workers succeeded", x.ID, x.Outcome, x.Error, len(x.Successful), len(x.Starting))
	}
}

// listed compares the lists of a pass with what its workers' parts say, and those with the plan.
func (r *reading) listed(x *history.Pass) {
	by := map[string]*history.PassNode{}
	for i := range x.Nodes {
		n := &x.Nodes[i]
		if by[n.Node] != nil || !r.client(n.Node) || n.Host != n.Node && n.Host != "" {
			r.broken(Passes, "pass %s has a part of %q on %q; workers are on the plan's client hosts, one on each", x.ID, n.Node, n.Host)
		}
		by[n.Node] = n
		r.part(x, n)
	}
	if c := x.Counts; c != nil && (c.Starting < 0 || c.Completed < 0) {
		r.broken(Passes, "pass %s says that %d started and %d completed", x.ID, c.Starting, c.Completed)
	}
	for _, name := range slices.Concat(x.Starting, x.Completed, x.Successful, x.Failing) {
		if by[name] == nil {
			r.broken(Passes, "pass %s lists %s, and has no part of it", x.ID, name)
		}
	}
	for name, n := range by {
		ok, done := slices.Contains(x.Successful, name), slices.Contains(x.Completed, name)
		switch {
		case x.Outcome == history.OK && (n.State != "success" || slices.Contains(x.Failing, name)):
			r.broken(Passes, "pass %s is ok, and its worker %s is %q", x.ID, name, n.State)
		case x.Outcome == history.OK && !slices.Contains(x.Starting, name):
			r.broken(Passes, "pass %s has a part of %s, which it does not list as started", x.ID, name)
		case (n.State == "success") != ok && x.Outcome != history.Unknown && done:
			r.broken(Passes, "pass %s has worker %s as %q, and lists it as successful: %v", x.ID, name, n.State, ok)
		case done != (n.Completed != 0):
			r.broken(Passes, "pass %s lists %s as completed: %v; its part was completed at %s", x.ID, name, done, r.since(n.Completed))
		}
	}
}

// part compares one worker's part with the pass and the planned tree.
func (r *reading) part(x *history.Pass, n *history.PassNode) {
	switch n.State {
	case "success", "failed", "lost", "not completed":
	default:
		r.broken(Passes, "pass %s has worker %s as %q", x.ID, n.Node, n.State)
	}
	early := n.Started != 0 && n.Started < x.Call-apart || n.Completed != 0 && n.Completed < max(n.Started, x.Call)-apart
	late := max(n.Started, n.Completed) > x.Return+apart && x.Outcome == history.OK
	if early || late || n.State == "success" && n.Completed == 0 {
		r.broken(Passes, "worker %s began pass %s at %s and completed it at %s; it lasted from %s to %s", n.Node, x.ID, r.since(n.Started), r.since(n.Completed), r.since(x.Call), r.since(x.Return))
	}
	if n.Files < 0 || n.Dirs < 0 || n.Bytes < 0 || n.Missing < 0 || n.Corrupted < 0 || n.Extra < 0 || n.More < 0 {
		r.broken(Passes, "worker %s counted less than nothing in pass %s", n.Node, x.ID)
	}
	if named := int64(len(n.Damage)) + n.More; named != n.Missing+n.Corrupted+n.Extra {
		r.broken(Passes, "worker %s counted %d damages in pass %s, and names %d", n.Node, n.Missing+n.Corrupted+n.Extra, x.ID, named)
	}
	for _, w := range r.p.Workloads {
		t, ok := w.Value.(reckon.TreeSizer)
		if !ok {
			continue
		}
		files, dirs, bytes := t.Tree()
		if n.State != "success" {
			if n.Files > files || n.Dirs > dirs || n.Bytes > bytes {
				r.broken(Passes, "worker %s has %d files in pass %s; a planned tree has %d", n.Node, n.Files, x.ID, files)
			}
			continue
		}
		if n.Files != files || n.Dirs != dirs || n.Bytes != bytes {
			r.broken(Passes, "worker %s has %d files, %d directories and %d bytes in pass %s; a planned tree has %d, %d and %d", n.Node, n.Files, n.Dirs, n.Bytes, x.ID, files, dirs, bytes)
		}
	}
}

// worked compares the passes with what workers reported by themselves.
func (r *reading) worked(byID map[string]*history.Pass) {
	type part struct{ node, pass string }
	began, finished := map[part]int{}, map[part]int{}
	for _, e := range r.of(history.Worked) {
		x, k := byID[e.Pass], part{e.Subject, e.Pass}
		switch {
		case x == nil:
			r.broken(Passes, "worker %s reports a part in pass %q, which is not on record", e.Subject, e.Pass)
			continue
		case e.At < x.Call-apart:
			r.broken(Passes, "worker %s reports at %s that it %s pass %s, which was called at %s", e.Subject, r.since(e.At), e.Step, e.Pass, r.since(x.Call))
		}
		switch e.Step {
		case history.Started:
			began[k]++
		case history.Finished, history.Lost, history.GaveUp:
			if finished[k]++; began[k] == 0 {
				r.broken(Passes, "worker %s reports that it %s pass %s, which it had not begun", e.Subject, e.Step, e.Pass)
			}
		default:
			r.broken(Passes, "worker %s reports %q of pass %s", e.Subject, e.Step, e.Pass)
		}
	}
	for id, x := range byID {
		for _, n := range x.Nodes {
			if k := (part{n.Node, id}); n.State == "success" && (began[k] != 1 || finished[k] != 1) {
				r.broken(Passes, "worker %s succeeded in pass %s, and reported %d times that it began and %d times that it ended", n.Node, id, began[k], finished[k])
			}
		}
	}
}
