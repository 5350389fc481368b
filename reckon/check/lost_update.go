package check

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/history"
)

// LostUpdate judges whether an acknowledged write was undone by one that was certainly before it:
// the final value of a key must be of a write (acknowledged, or of unknown outcome) after which no
// other acknowledged write was called. Concurrent writes are another matter: one of them wins. A
// key that was written and is absent in the end needs a deletion that explains it.
func LostUpdate(h *history.History) Result {
	r := Result{Name: "lost-update"}
	p := newPast(h)
	if b := p.repeated(); b != nil {
		b.Name = r.Name
		return *b
	}
	var lost []string
	judged := 0
	for _, key := range p.keys {
		finals := p.finals(key)
		if len(finals) > 0 {
			judged++
		}
		for _, final := range finals {
			if evidence := p.undone(final); evidence != nil {
				lost = append(lost, key)
				if r.Evidence == nil {
					r.Evidence = evidence
				}
				break
			}
		}
	}
	switch {
	case len(lost) > 0:
		r.Verdict = Invalid
		r.Detail = fmt.Sprintf("acknowledged writes of %s were undone by earlier ones, or are gone: %s", count(len(lost), "key"), some(lost))
	case judged == 0:
		r.Detail = unseen("no final read was answered").Detail
	default:
		r.Verdict = Valid
		r.Detail = fmt.Sprintf("the final values of %s are of writes that no acknowledged write followed", count(judged, "key"))
	}
	return r
}

// undone returns the operations that show that the final read's answer is older than an
// acknowledged write, nil where it need not be.
func (p *past) undone(final *history.Op) []history.Op {
	if final.Value != "" {
		w := p.author(final)
		if w == nil {
			return nil // out of thin air: another check's business
		}
		if later := p.later(w); later != nil {
			return []history.Op{*w, *later, *final}
		}
		return nil
	}
	var last *history.Op // the acknowledged write that was called last
	for _, i := range p.writes[final.Key] {
		w := &p.h.Ops[i]
		if w.Value == "" && w.Outcome != history.Failed && p.later(w) == nil {
			return nil // a deletion after which nothing was certainly written
		}
		if w.Value != "" && w.Outcome == history.OK {
			last = w
		}
	}
	if last == nil {
		return nil
	}
	return []history.Op{*last, *final}
}
