package premise

import (
	"cmp"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// overdue is how long after its time-out an operation may return: as long as its driver waits for
// it, and as a busy machine is late.
func (r *reading) overdue() time.Duration { return r.p.Options.OpTimeout + r.late() }

// external is by how much the clock of a client program may seem to run ahead of the schedule; it
// counts by the wall clock. reckon's own clients and the schedule share one clock.
func (r *reading) external() time.Duration {
	if r.p.Options.ClientCmd != "" {
		return time.Second
	}
	return 0
}

// reports: the store reports its revisions, and reckon's own clients hand them on.
func (r *reading) reports() bool {
	return r.p.Setting.Revisions == reckon.GlobalRevisions && r.p.Options.ClientCmd == ""
}

// times: an operation is called when it is due, not before, and returns after that, within its
// time-out; all of it happens in the phase that it belongs to.
func (r *reading) times() {
	end := func(name string) time.Duration {
		if at, ok := r.at[name]; ok {
			return at
		}
		return r.done
	}
	within := map[history.Stage][2]time.Duration{
		history.Preload: {r.at["preload"], r.load0},
		history.Load:    {r.load0, r.loadEnd + r.overdue()},
		history.Final:   {end("final"), end("collect")},
		history.Probing: {r.load0, r.asked() + r.overdue()},
	}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		in := within[o.Stage]
		switch {
		case o.Return < o.Call:
			r.broken(Times, "%s returned before it was called: %s", o.Client, o)
		case o.Call < o.Due-r.external():
			r.broken(Times, "%s called an operation before it was due, at %s: %s", o.Client, r.since(o.Due), o)
		case o.Return-o.Call > r.overdue() || o.Stage != history.Load && o.Call-o.Due > r.overdue():
			r.broken(Times, "an operation whose time-out is %v took %v: %s", r.p.Options.OpTimeout, o.Return-o.Due, o)
		case o.Due < in[0] || o.Return > in[1]:
			r.broken(Times, "%s is an operation of the %s, from %s to %s, and was under way outside it", o, o.Stage, r.since(in[0]), r.since(in[1]))
		case o.Outcome == history.OK && o.Error != "" || o.Outcome != history.OK && o.Error == "":
			r.broken(Times, "%s is %s, with the error %q", o, o.Outcome, o.Error)
		case o.Delete && (o.Kind != history.Write || o.Value != ""):
			r.broken(Times, "%s deletes its key, and has a value, or is no write", o)
		case o.Kind == history.Read && o.Outcome == history.Unknown:
			r.broken(Times, "%s: a read that was not answered has failed", o)
		case o.Unobserved && (o.Kind != history.Read || o.Outcome != history.OK || r.p.Options.ClientCmd == ""):
			r.broken(Times, "%s is marked as a read whose answer the client program does not report", o)
		case o.Member != "" && !r.used(o, o.Member):
			r.broken(Places, "%s was answered by %s, which is no member that %s uses", o, o.Member, o.Client)
		case o.Via != "" && !r.used(o, o.Via):
			r.broken(Places, "%s was sent through %s, which is no member that %s uses", o, o.Via, o.Client)
		case o.Outcome == history.OK && o.Member != "" && o.Via != o.Member:
			r.broken(Places, "%s was sent through %q and answered by %q", o, o.Via, o.Member)
		case o.Outcome == history.OK && r.reports() && (o.Revision <= reckon.FirstRevision || o.Kind == history.Read && o.Version == 0) && (o.Kind == history.Write || o.Value != ""):
			r.broken(Times, "%s was answered without a revision or version, which the store reports", o)
		case o.Revision < 0 || o.Version < 0 || o.Kind == history.Write && o.Version != 0:
			r.broken(Times, "%s has revision %d and version %d", o, o.Revision, o.Version)
		case o.Outcome != history.OK && (o.Kind == history.Read && o.Value != "" || o.Revision != 0 || o.Version != 0):
			r.broken(Times, "%s was not answered, and has an answer", o)
		}
	}
}

// used reports whether the operation's client may send it through the member: a final read through
// the member of its own host, a probe through any, others through those that the client uses.
func (r *reading) used(o *history.Op, member string) bool {
	switch o.Stage {
	case history.Final:
		return member == o.Client && r.member(member)
	case history.Probing:
		return r.member(member)
	}
	return slices.Contains(r.p.Setting.Used(o.Client), member)
}

// processes: the operations of one process do not overlap, and it ends with its first unknown. The
// clients of a run do not share process ids, so that a process belongs to one of them.
func (r *reading) processes() {
	type process struct {
		client string
		number int
	}
	by := map[process][]*history.Op{}
	clients := len(r.p.Setting.Clients)
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		p := process{o.Client, o.Process}
		by[p] = append(by[p], o)
		if at := slices.Index(r.p.Setting.Clients, o.Client); o.Process < 0 || (o.Stage == history.Load || o.Stage == history.Preload) && at >= 0 && o.Process%clients != at ||
			(o.Process >= history.ProbeProcess) != (o.Stage == history.Probing) {
			r.broken(Process, "process %d is none of %s", o.Process, o.Client)
		}
	}
	for p, ops := range by {
		slices.SortFunc(ops, func(a, b *history.Op) int {
			return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Return, b.Return))
		})
		for i := 1; i < len(ops); i++ {
			switch last, o := ops[i-1], ops[i]; {
			case last.Outcome == history.Unknown:
				r.broken(Process, "%s/%d goes on after an operation of unknown outcome: %s", p.client, p.number, o)
			case o.Call < last.Return:
				r.broken(Process, "%s/%d does two things at once: %s and %s", p.client, p.number, last, o)
			}
		}
	}
}
