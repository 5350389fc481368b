package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A record is a history indexed for judging. Operations are named by their
// place in the history.
type record struct {
	h      *history.History
	keys   []keyOps         // by name
	writer map[string]int32 // value -> the write of it, whatever its outcome
	twice  [2]int32         // two writes of one value, where repeated
	repeat bool
	// scratch, by operation: the cluster that a write heads; each key's judge touches only its own
	cluster []int32

	reads, acked, unknown int // answered reads; acknowledged writes; writes of unknown outcome
}

// keyOps is one key with its operations, in the order of the history.
type keyOps struct {
	name string
	ops  []int32
}

func newRecord(h *history.History) *record {
	r := &record{h: h, writer: make(map[string]int32), cluster: make([]int32, len(h.Ops))}
	at := make(map[string]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		k, ok := at[o.Key]
		if !ok {
			k = len(r.keys)
			at[o.Key] = k
			r.keys = append(r.keys, keyOps{name: o.Key})
		}
		r.keys[k].ops = append(r.keys[k].ops, int32(i))
		r.tally(o)
		if o.Kind != history.Write {
			continue
		}
		if first, ok := r.writer[o.Value]; ok && !r.repeat {
			r.repeat, r.twice = true, [2]int32{first, int32(i)}
		}
		r.writer[o.Value] = int32(i)
	}
	slices.SortFunc(r.keys, func(a, b keyOps) int { return cmp.Compare(a.name, b.name) })
	return r
}

func (r *record) tally(o *history.Op) {
	switch {
	case o.Kind == history.Read && o.Outcome == history.OK:
		r.reads++
	case o.Kind == history.Write && o.Outcome == history.OK:
		r.acked++
	case o.Kind == history.Write && o.Outcome == history.Unknown:
		r.unknown++
	}
}

// premises returns what every judgement here rests on, as an Unknown result that names
// the first one broken, or nil. A history that breaks one was recorded
// wrongly, and says nothing about the store:
//
//   - no operation returns before it was called;
//   - a process does one thing at a time, and nothing after an operation of unknown
//     outcome: its client may still be at work on that;
//   - no value is written twice in the history, so that a read names its write;
//   - at least one read was answered: without one, nothing can be contradicted.
func (r *record) premises() *Result {
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Return < o.Call {
			return broken("an operation returned before it was called", *o)
		}
	}
	if res := r.sequential(); res != nil {
		return res
	}
	if res := r.unique(); res != nil {
		return res
	}
	if r.reads == 0 {
		return &Result{Detail: "no read was answered, so there is nothing to check"}
	}
	return nil
}

func (r *record) unique() *Result {
	if !r.repeat {
		return nil
	}
	return broken("one value was written twice", r.h.Ops[r.twice[0]], r.h.Ops[r.twice[1]])
}

func (r *record) sequential() *Result {
	type step struct {
		client, process int
		op              int32
	}
	clients := make(map[string]int)
	steps := make([]step, len(r.h.Ops))
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		c, ok := clients[o.Client]
		if !ok {
			c = len(clients)
			clients[o.Client] = c
		}
		steps[i] = step{c, o.Process, int32(i)}
	}
	ops := r.h.Ops
	slices.SortFunc(steps, func(a, b step) int {
		x, y := &ops[a.op], &ops[b.op]
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.process, b.process),
			cmp.Compare(x.Call, y.Call), cmp.Compare(x.Return, y.Return), cmp.Compare(a.op, b.op))
	})
	for i := 1; i < len(steps); i++ {
		a, b := steps[i-1], steps[i]
		if a.client != b.client || a.process != b.process {
			continue
		}
		x, y := &ops[a.op], &ops[b.op]
		if y.Call < x.Return {
			return broken("a process's operations overlap", *x, *y)
		}
		if x.Outcome == history.Unknown {
			return broken("a process went on after an operation of unknown outcome", *x, *y)
		}
	}
	return nil
}

func broken(what string, ops ...history.Op) *Result {
	d := "premise broken: " + what
	for i, o := range ops {
		d += [...]string{": ", " and "}[min(i, 1)] + o.String()
	}
	return &Result{Detail: d}
}

// absent reports whether a read found that there is no such key.
func absent(o *history.Op) bool { return o.Version == 0 && o.Value == "" }

func count(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func affected(n, keys int) string { return fmt.Sprintf(" (%d of %d keys are affected)", n, keys) }
