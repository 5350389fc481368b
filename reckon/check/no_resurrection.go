package check

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/history"
)

// NoResurrection judges keys that were deleted and never written again: whether they stay away. A
// deletion (a write of the empty value) counts where it was acknowledged, and every write of a
// value was over before it was called. The key must be absent in every final read; and where a
// member has answered that it is absent, that member must not answer a value of it thereafter. A
// read that has not heard of the deletion yet is stale, not a resurrection.
func NoResurrection(h *history.History) Result {
	r := Result{Name: "no-resurrection"}
	p := newPast(h)
	var back []string
	judged := 0
	for _, key := range p.keys {
		d := p.deletion(key)
		if d == nil {
			continue
		}
		evidence, asked := p.reappears(key, d)
		if asked {
			judged++
		}
		if evidence != nil {
			back = append(back, key)
			if r.Evidence == nil {
				r.Evidence = evidence
			}
		}
	}
	switch {
	case len(back) > 0:
		r.Verdict = Invalid
		r.Detail = fmt.Sprintf("%s came back: %s", count(len(back), "deleted key"), some(back))
	case judged == 0:
		r.Detail = unseen("no key was deleted for good and read thereafter").Detail
	default:
		r.Verdict = Valid
		r.Detail = fmt.Sprintf("%s stayed away", count(judged, "deleted key"))
	}
	return r
}

// deletion returns the acknowledged deletion after which the key was certainly not written, nil
// where there is none.
func (p *past) deletion(key string) (last *history.Op) {
	for _, i := range p.writes[key] {
		if o := &p.h.Ops[i]; o.Value == "" && o.Outcome == history.OK {
			last = o
		}
	}
	if last == nil {
		return nil
	}
	for _, i := range p.writes[key] {
		o := &p.h.Ops[i]
		if o.Value != "" && o.Outcome != history.Failed && !precedes(o, last) {
			return nil
		}
	}
	return last
}

// reappears returns the operations that show it, and whether the key was read at all after the
// deletion.
func (p *past) reappears(key string, d *history.Op) (evidence []history.Op, asked bool) {
	gone := map[string]*history.Op{} // by member: the first read that found it absent
	for _, i := range p.reads[key] {
		o := &p.h.Ops[i]
		if o.Call <= d.Return {
			continue
		}
		asked = true
		member := o.Member
		if o.Stage == history.Final {
			member = o.Client
		}
		switch first := gone[member]; {
		case o.Value == "":
			if first == nil {
				gone[member] = o
			}
		case o.Stage == history.Final:
			return []history.Op{*d, *o}, true
		case member != "" && first != nil && first.Return < o.Call:
			return []history.Op{*d, *first, *o}, true
		}
	}
	return nil, asked
}
