package premise

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A task is what the plan determines of an operation.
type task struct {
	due        time.Duration // since the epoch
	kind       history.Kind
	key, value string
	delete     bool
}

func (t task) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s %s=%s", t.kind, t.key, t.value), "=")
}

func compareTasks(a, b task) int {
	return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
}

// given returns the task of a recorded operation: of a read only what was asked.
func given(o *history.Op, due time.Duration) task {
	t := task{due: due, kind: o.Kind, key: o.Key, delete: o.Delete}
	if o.Kind == history.Write {
		t.value = history.Abridge(o.Value)
	}
	return t
}

// clients: every operation of the load is one that the plan has for its client, at its due time,
// and every one that the plan has is on record.
func (r *reading) clients() {
	by := map[string][]task{}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		switch {
		case o.Stage == history.Final && r.member(o.Client), o.Stage != history.Final && r.client(o.Client):
		default:
			r.broken(Clients, "%s has an operation of the %s, and the plan gives it none", o.Client, o.Stage)
		}
		if o.Stage == history.Load {
			by[o.Client] = append(by[o.Client], given(o, o.Due))
		}
	}
	for i, c := range r.p.Setting.Clients {
		got := by[c]
		slices.SortFunc(got, compareTasks)
		planned := r.planned(i)
		if r.p.Options.ClientCmd != "" {
			planned = r.apart(planned)
		}
		r.stream(c, got, planned)
	}
	r.offered(by)
}

// stream compares what a client did with its planned stream, both in order.
func (r *reading) stream(client string, got []task, planned iter.Seq[task]) {
	n := 0
	for want := range planned {
		switch {
		case n >= len(got):
			r.broken(Clients, "%s did not offer %s, due at %s; its record ends after %d operations", client, want, r.since(want.due), n)
			return
		case got[n] != want:
			r.broken(Clients, "%s offered %s, due at %s, where its plan has %s, due at %s", client, got[n], r.since(got[n].due), want, r.since(want.due))
			return
		}
		n++
	}
	if n < len(got) {
		r.broken(Clients, "%s offered %s, due at %s, after the end of its plan", client, got[n], r.since(got[n].due))
	}
}

// planned yields the client's tasks in order: the streams of all workloads, merged.
func (r *reading) planned(client int) iter.Seq[task] {
	return func(yield func(task) bool) {
		var next []func() (reckon.Op, bool)
		for _, w := range r.p.Workloads {
			rng := seed.Stream(r.p.Options.Seed, fmt.Sprintf("workload %s client %d", w.Name, client))
			pull, stop := iter.Pull(w.Value.Ops(r.p.Setting, client, rng))
			defer stop()
			next = append(next, pull)
		}
		var heads []task
		var of []func() (reckon.Op, bool)
		for _, pull := range next {
			if t, ok := r.pull(pull); ok {
				heads, of = append(heads, t), append(of, pull)
			}
		}
		for len(heads) > 0 {
			i := 0
			for j := range heads {
				if compareTasks(heads[j], heads[i]) < 0 {
					i = j
				}
			}
			if !yield(heads[i]) {
				return
			}
			t, ok := r.pull(of[i])
			if heads[i] = t; !ok {
				heads, of = slices.Delete(heads, i, i+1), slices.Delete(of, i, i+1)
			}
		}
	}
}

// pull returns the next task of a stream, false where it is not due before the load ends.
func (r *reading) pull(next func() (reckon.Op, bool)) (task, bool) {
	op, ok := next()
	if !ok || op.Due >= r.p.Options.Duration {
		return task{}, false
	}
	return given(&op, r.load0+op.Due), true
}

// apart makes due times those that a client program gets, whose operations are told apart by them:
// whole microseconds of the load, and no two alike.
func (r *reading) apart(tasks iter.Seq[task]) iter.Seq[task] {
	return func(yield func(task) bool) {
		last := -time.Microsecond
		for t := range tasks {
			due := max((t.due - r.load0).Round(time.Microsecond), last+time.Microsecond)
			last, t.due = due, r.load0+due
			if !yield(t) {
				return
			}
		}
	}
}

// offered compares what each driver says with what is on record: how many it offered, and how late
// it dispatched the latest of them, to the precision of the driver's histogram.
func (r *reading) offered(by map[string][]task) {
	r.once(Clients, "the report of the load driver", subjects(r.of(history.Driver)), r.p.Setting.Clients)
	lag := map[string]time.Duration{}
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Stage == history.Load {
			lag[o.Client] = max(lag[o.Client], o.Call-o.Due)
		}
	}
	for _, e := range r.of(history.Driver) {
		if e.Offered() != len(by[e.Subject]) {
			r.broken(Clients, "%s offered %d operations, %d are on record", e.Subject, e.Offered(), len(by[e.Subject]))
		}
		r.ascending(Clients, e, "lag_p50_us", "lag_p99_us", "lag_max_us")
		is, says := float64(lag[e.Subject].Nanoseconds())/1e3, e.Data["lag_max_us"]
		if len(by[e.Subject]) > 0 && is < 60e6 && (says < is*0.99-1 || says > is*1.01+1) {
			r.doubt(Clients, "%s says that it was at most %.0f µs late, and by its operations it was %.0f µs", e.Subject, says, is)
		}
	}
}

// ascending: the named numbers of the event, quantiles of one thing, do not fall.
func (r *reading) ascending(n Name, e history.Event, names ...string) {
	last := 0.
	for _, name := range names {
		v, ok := e.Data[name]
		if !ok || v < last {
			r.doubt(n, "event %q of %q has %s %v, which cannot be below %v", e.Kind, e.Subject, name, v, last)
		}
		last = v
	}
}

// preload: each client wrote its share of the keys; a key again, with the next attempt's value, only
// after its last write was not acknowledged; and in the end all of them were.
func (r *reading) preload() {
	type attempt struct{ client, key, value string }
	outcome := map[attempt]history.Outcome{}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		if o.Stage != history.Preload {
			continue
		}
		a := attempt{o.Client, o.Key, history.Abridge(o.Value)}
		if _, twice := outcome[a]; twice || o.Kind != history.Write {
			r.broken(Preload, "%s: %s, which the plan does not have, or not twice", o.Client, given(o, 0))
		}
		outcome[a] = o.Outcome
	}
	planned := 0
	for i, c := range r.p.Setting.Clients {
		for _, w := range r.p.Workloads {
			b, ok := w.Value.(reckon.Preloader)
			if !ok {
				continue
			}
			open, began := map[string]bool{}, false
			for n := range reckon.PreloadAttempts {
				for op := range b.Preload(r.p.Setting, i, n) {
					if began && !open[op.Key] {
						continue
					}
					was, tried := outcome[attempt{c, op.Key, history.Abridge(op.Value)}]
					if tried {
						planned++
					} else {
						r.broken(Preload, "%s did not write key %s before the load", c, op.Key)
					}
					open[op.Key] = tried && was != history.OK
				}
				began = true
			}
			for key := range open {
				if open[key] {
					r.broken(Preload, "the first value of key %s was not acknowledged", key)
				}
			}
		}
	}
	if planned != len(outcome) {
		r.broken(Preload, "%d writes before the load are on record, %d of them planned", len(outcome), planned)
	}
}

// finalTries bounds how often a final read is asked again.
const finalTries = 3

// final: once the cluster has settled, every key is read through every member, from its own host,
// until it is answered or has been asked three times.
func (r *reading) final() {
	type ask struct{ member, key string }
	asked := map[ask][]*history.Op{}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		if o.Stage != history.Final {
			continue
		}
		if o.Kind != history.Read || o.Member != "" && o.Member != o.Client {
			r.broken(Final, "%s is a %s through %q; final reads ask the member on their own host", o.Client, o.Kind, o.Member)
		}
		asked[ask{o.Client, o.Key}] = append(asked[ask{o.Client, o.Key}], o)
	}
	planned := map[ask]bool{}
	for _, w := range r.p.Workloads {
		f, ok := w.Value.(reckon.FinalReader)
		if !ok || !r.settled {
			continue
		}
		for op := range f.Final(r.p.Setting) {
			for _, m := range r.p.Setting.Nodes {
				planned[ask{m, op.Key}] = true
			}
		}
	}
	for a := range planned {
		tries := asked[a]
		slices.SortFunc(tries, func(x, y *history.Op) int { return cmp.Compare(x.Call, y.Call) })
		answered := slices.IndexFunc(tries, func(o *history.Op) bool { return o.Outcome == history.OK })
		switch n := len(tries); {
		case n == 0:
			r.broken(Final, "key %s was not read through %s at the end", a.key, a.member)
		case answered >= 0 && answered < n-1, n > finalTries:
			r.broken(Final, "key %s was read %d times through %s at the end", a.key, n, a.member)
		case answered < 0 && n < finalTries:
			r.broken(Final, "key %s was not answered by %s at the end, and asked %d times only", a.key, a.member, n)
		}
	}
	for a := range asked {
		if !planned[a] {
			r.broken(Final, "key %s was read through %s at the end, which the plan does not have", a.key, a.member)
		}
	}
}
