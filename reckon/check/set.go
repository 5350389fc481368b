package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Set judges a growing set whose elements are keys, each written once and never deleted: whether
// every element that was acknowledged is there in the end, at every member, and none appears that
// was never added or whose addition definitely failed.
//
// A read that does not see an element that was acknowledged before it was called is stale. With
// fresh, that is Invalid as well; without, it is counted, with the time from the acknowledgement to
// the last stale read (the element's stable latency, as in Jepsen's set-full).
func Set(h *history.History, fresh bool) Result {
	r := Result{Name: "set"}
	p := newPast(h)
	var t setTally
	for _, key := range p.keys {
		p.element(key, &t)
	}
	if t.evidence != nil {
		r.Evidence = t.evidence
	}
	switch {
	case len(t.wrong) > 0:
		r.Verdict = Invalid
		r.Detail = fmt.Sprintf("%s: %s", count(len(t.wrong), "element")+" wrong", some(t.wrong))
		return r
	case t.judged == 0:
		r.Detail = unseen("no acknowledged element was read in the end").Detail
		return r
	case fresh && t.stale > 0:
		r.Verdict, r.Evidence = Invalid, t.staleEvidence
		r.Detail = fmt.Sprintf("%s did not see an element that had been acknowledged", count(t.stale, "read"))
		return r
	}
	r.Verdict = Valid
	r.Detail = fmt.Sprintf("%s acknowledged, none lost; %d of %s after the acknowledgement did not see it",
		count(t.judged, "element"), t.stale, count(t.reads, "read"))
	if len(t.latency) > 0 {
		slices.Sort(t.latency)
		r.Detail += fmt.Sprintf(", the last of them %s after it (median of %s; at most %s)",
			milliseconds(t.latency[len(t.latency)/2]), count(len(t.latency), "element"), milliseconds(t.latency[len(t.latency)-1]))
	}
	return r
}

type setTally struct {
	judged, stale, reads    int
	wrong                   []string
	evidence, staleEvidence []history.Op
	latency                 []time.Duration // of elements that were read stale: from acknowledged to the last such read
}

// element judges one key.
func (p *past) element(key string, t *setTally) {
	wrong := func(what string, ops ...history.Op) {
		t.wrong = append(t.wrong, key+" "+what)
		if t.evidence == nil {
			t.evidence = ops
		}
	}
	writes := p.writes[key]
	acked := slices.IndexFunc(writes, func(i int) bool { return p.h.Ops[i].Outcome == history.OK })
	possible := slices.ContainsFunc(writes, func(i int) bool { return p.h.Ops[i].Outcome != history.Failed })
	for _, i := range p.reads[key] {
		if o := &p.h.Ops[i]; o.Value != "" && !possible {
			wrong("appeared though nobody added it", *o)
			return
		}
	}
	if acked < 0 {
		return
	}
	add := &p.h.Ops[writes[acked]]
	finals := p.finals(key)
	for _, o := range finals {
		if o.Value == "" {
			wrong("is lost at "+o.Client, *add, *o)
			return
		}
	}
	if len(finals) > 0 {
		t.judged++
	}
	var last time.Duration
	for _, i := range p.reads[key] {
		o := &p.h.Ops[i]
		if o.Stage == history.Final || o.Call <= add.Return {
			continue
		}
		t.reads++
		if o.Value == "" {
			t.stale++
			last = o.Call - add.Return
			if t.staleEvidence == nil {
				t.staleEvidence = []history.Op{*add, *o}
			}
		}
	}
	if last > 0 {
		t.latency = append(t.latency, last)
	}
}
