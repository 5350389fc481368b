package check

import (
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Converges judges whether the members hold the same data once all faults are healed and the
// cluster has settled: whether the final reads of every key, through every member, answer one
// value. It is Unknown where a member was not asked for every key, or did not answer; different
// answers are Invalid all the same.
func Converges(h *history.History, members []string) Result {
	r := Result{Name: "converges"}
	p := newPast(h)
	var apart, missing []string
	keys := 0
	for _, key := range p.keys {
		finals := p.finals(key)
		if len(finals) == 0 {
			continue
		}
		keys++
		for _, o := range finals[1:] {
			if o.Value != finals[0].Value {
				apart = append(apart, key)
				r.Evidence = append(r.Evidence, *finals[0], *o)
				break
			}
		}
		for _, m := range members {
			if !slices.ContainsFunc(finals, func(o *history.Op) bool { return o.Client == m }) {
				missing = append(missing, fmt.Sprintf("key %s by %s", key, m))
			}
		}
	}
	switch {
	case len(apart) > 0:
		r.Verdict, r.Evidence = Invalid, r.Evidence[:2]
		r.Detail = fmt.Sprintf("members hold different values of %s: %s", count(len(apart), "key"), some(apart))
	case keys == 0 || len(members) == 0:
		r.Detail = unseen("no final read was answered").Detail
	case len(missing) > 0:
		r.Detail = "all answers agree, but some final reads were never answered: " + some(missing)
	default:
		r.Verdict = Valid
		r.Detail = fmt.Sprintf("%s agree on %s", count(len(members), "member"), count(keys, "key"))
	}
	return r
}
