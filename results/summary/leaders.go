package summary

import (
	"math"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

func (r *Reading) leaders() results.Leaders {
	l := results.Leaders{List: []results.Leadership{}}
	for _, e := range r.H.Events {
		if e.Kind != history.Leads {
			continue
		}
		now := results.Leadership{At: r.Since(e.At), Node: e.Subject, Term: e.Term()}
		if now.At < 0 { // before the load: only who led as it began matters
			l.List = l.List[:0]
		}
		l.List = append(l.List, now)
	}
	l.Changes = changesBetween(l, 0, math.Inf(1))
	return l
}

// between counts the changes in [from, to), in seconds since the start of the load.
func changesBetween(l results.Leaders, from, to float64) (n int) {
	var last results.Leadership
	for _, now := range l.List {
		if now.Node == "" {
			continue
		}
		if last.Node != "" && (now.Node != last.Node || now.Term != last.Term) && now.At >= from && now.At < to {
			n++
		}
		last = now
	}
	return n
}
