package check

import (
	"fmt"

	"github.com/reckon-bench/reckon/reckon/history"
)

// NoThinAir judges whether every value that was read had been written: under that key, by a write
// that did not definitely fail, and that was called before the read returned.
func NoThinAir(h *history.History) Result {
	r := Result{Name: "no-thin-air"}
	p := newPast(h)
	elsewhere := map[string]int{}
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Kind == history.Write && o.Value != "" {
			elsewhere[o.Value] = i
		}
	}
	wrong, reads := 0, 0
	for _, key := range p.keys {
		for _, i := range p.reads[key] {
			o := &h.Ops[i]
			reads++
			if o.Value == "" {
				continue
			}
			w := p.author(o)
			what := ""
			switch {
			case w == nil:
				what = "that nobody wrote"
				if j, ok := elsewhere[o.Value]; ok {
					what, w = "that was written to another key", &h.Ops[j]
				}
			case w.Outcome == history.Failed:
				what = "whose write definitely failed"
			case w.Call > o.Return:
				what = "that was written only later"
			default:
				continue
			}
			if wrong++; wrong == 1 {
				r.Detail = fmt.Sprintf("key %s was read with a value %s", key, what)
				r.Evidence = append(r.Evidence, *o)
				if w != nil {
					r.Evidence = append(r.Evidence, *w)
				}
			}
		}
	}
	switch {
	case wrong > 0:
		r.Verdict = Invalid
		r.Detail += fmt.Sprintf(" (%s of %d)", count(wrong, "read"), reads)
	case reads == 0:
		r.Detail = unseen("no read was answered").Detail
	default:
		r.Verdict, r.Detail = Valid, fmt.Sprintf("all %s answered values that had been written", count(reads, "read"))
	}
	return r
}
