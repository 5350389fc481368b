package results

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Leaders is who led, from the start of the load.
type Leaders struct {
	// Changes counts how often another node, or the same one in another term, was seen to lead after the load began.
	Changes int          `json:"changes"`
	List    []Leadership `json:"list"` // the first may have begun before the load
}

// Leadership is the first sight of a node leading a term. Node "" means that none led any more.
type Leadership struct {
	At   float64 `json:"at_s"`
	Node string  `json:"node"`
	Term uint64  `json:"term"`
}

func (r *reading) leaders() Leaders {
	l := Leaders{List: []Leadership{}}
	for _, e := range r.h.Events {
		if e.Kind != history.Leads {
			continue
		}
		now := Leadership{At: r.since(e.At), Node: e.Subject, Term: e.Term()}
		if now.At < 0 { // before the load: only who led as it began matters
			l.List = l.List[:0]
		}
		l.List = append(l.List, now)
	}
	l.Changes = l.between(0, math.Inf(1))
	return l
}

// between counts the changes in [from, to), in seconds since the start of the load.
func (l Leaders) between(from, to float64) (n int) {
	var last Leadership
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

// Load is how well the generator kept to its schedule.
type Load struct {
	Lag   *Lateness `json:"lag_us"`       // from due to dispatched, in microseconds, over all operations of the load
	Bound float64   `json:"lag_bound_us"` // on its p99
	Late  float64   `json:"late_bound_us"`
}

func (r *reading) load() Load {
	l := Load{Bound: micros(r.info.bound(r.info.LagBound)), Late: micros(r.info.bound(r.info.LateBound))}
	var lags []time.Duration
	for i := range r.h.Ops {
		if o := &r.h.Ops[i]; o.Stage == history.Load {
			lags = append(lags, o.Call-o.Due)
		}
	}
	if q := quantiles(lags, micros); q != nil {
		l.Lag = &Lateness{P50: q.P50, P99: q.P99, Max: q.Max}
	}
	return l
}

// Level is how high something was during the load.
type Level struct {
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

// host is what the machine did between start and end of the load.
func (r *reading) host() map[string]Level {
	sums, counts, out := map[string]float64{}, map[string]int{}, map[string]Level{}
	for _, e := range r.h.Events {
		if e.Kind != history.Noise || e.At < r.load0 || e.At > r.loadEnd {
			continue
		}
		for k, v := range e.Sample() {
			sums[k] += v
			counts[k]++
			out[k] = Level{Max: max(out[k].Max, round(v, 3))}
		}
	}
	for k, l := range out {
		l.Mean = round(sums[k]/float64(counts[k]), 3)
		out[k] = l
	}
	return out
}

// interrupted says whether the run was cut short: it says so itself, or its record ends before the run did.
func (r *reading) interrupted() bool {
	has := func(k history.EventKind) bool {
		return slices.ContainsFunc(r.h.Events, func(e history.Event) bool { return e.Kind == k })
	}
	_, done := r.h.PhaseStart("done")
	return has(history.Interrupted) || !done && !has(history.Harness)
}

// silences are notes on nodes that did not answer for longer than an election
// timeout of the load while nothing was struck. It may be the system, or the machine: the reader must know.
func (r *reading) silences() []string {
	var notes []string
	down := map[string]time.Duration{}
	for _, e := range r.h.Events {
		switch e.Kind {
		case history.Down:
			down[e.Subject] = e.At
		case history.Up:
			from, ok := down[e.Subject]
			delete(down, e.Subject)
			struck := r.faultFrom >= 0 && from < r.faultTo+r.info.ElectionTimeout && e.At > r.faultFrom
			if ok && !struck && from >= r.load0 && from < r.loadEnd && e.At-from > r.info.ElectionTimeout {
				notes = append(notes, fmt.Sprintf("%s did not answer for %v from %.2f s on, though nothing was struck", e.Subject, (e.At-from).Round(time.Millisecond), r.since(from)))
			}
		}
	}
	return notes
}
