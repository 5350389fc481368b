package resultstest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

// Recount works the numbers of a summary out again from the raw operations and events, in another
// way than package summary does: instants are looked at one by one, and every question is a loop
// over all operations. It returns a line for each number that comes out differently.
func Recount(h *history.History, info summary.Info, s results.Summary) []string {
	c := &recount{h: h, info: info, s: s}
	c.instants()
	c.counts()
	c.quantiles()
	c.gaps()
	c.recoveries()
	c.shares()
	c.windows()
	return c.wrong
}

// A recount is the summary in question, and what is wrong with it.
type recount struct {
	h    *history.History
	info summary.Info
	s    results.Summary

	load []*history.Op // operations of the load

	start, end     time.Duration // of the load
	faulty         bool
	struck, healed time.Duration // first strike acted, last heal
	strikes        map[int]*struck

	wrong []string
}

// struck is when a strike acted, was in effect, and was healed (never: at the end of time).
type struck struct{ acted, effect, healed time.Duration }

const never = time.Duration(math.MaxInt64)

func (c *recount) is(what string, got, want float64) {
	if math.Abs(got-want) > 0.0021+1e-6*math.Abs(want) { // as far as milliseconds are rounded
		c.wrong = append(c.wrong, fmt.Sprintf("%s is %v, recounted %v", what, got, want))
	}
}

func (c *recount) same(what string, got, want any) {
	if got != want {
		c.wrong = append(c.wrong, fmt.Sprintf("%s is %v, recounted %v", what, got, want))
	}
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }

func (c *recount) seconds(at time.Duration) float64 { return float64(at-c.start) / 1e9 }

// instants finds when the load began and ended, and when faults were in effect.
func (c *recount) instants() {
	last, drained := time.Duration(0), never
	c.strikes = map[int]*struck{}
	for _, e := range c.h.Events {
		last = max(last, e.At)
		i, _ := e.Strike()
		switch {
		case e.Kind == history.Phase && e.Subject == "load":
			c.start = e.At
		case e.Kind == history.Phase && e.Subject == "drain":
			drained = e.At
		case e.Kind == history.Struck:
			c.strikes[i] = &struck{acted: e.At - e.Injection().Took, effect: e.At, healed: never}
		case e.Kind == history.Healed && c.strikes[i] != nil:
			c.strikes[i].healed = e.At
		}
	}
	for i := range c.h.Ops {
		last = max(last, c.h.Ops[i].Return)
		if c.h.Ops[i].Stage == history.Load {
			c.load = append(c.load, &c.h.Ops[i])
		}
	}
	c.end = min(c.start+c.info.Duration, drained)
	if drained == never {
		c.end = min(c.end, max(last, c.start))
	}
	c.struck = never
	for _, k := range c.strikes {
		k.acted = c.start + (k.acted - c.start).Truncate(time.Microsecond) // as exact as a summary is
		c.faulty, c.struck = true, min(c.struck, k.acted)
		c.healed = max(c.healed, c.until(k))
	}
	c.is("load_end_s", c.s.LoadEnd, c.seconds(c.end))
	if c.faulty && c.s.FaultFrom != nil && c.s.FaultTo != nil {
		c.is("fault_from_s", *c.s.FaultFrom, c.seconds(c.struck))
		c.is("fault_to_s", *c.s.FaultTo, c.seconds(c.healed))
	}
	c.same("a fault in the summary", c.s.FaultFrom != nil, c.faulty)
}

// phase returns the part of the load that the operation belongs to: 0 before, 1 during, 2 after.
func (c *recount) phase(o *history.Op) int {
	switch {
	case !c.faulty || c.seconds(o.Return) < *c.s.FaultFrom:
		return 0
	case c.seconds(o.Due) > *c.s.FaultTo:
		return 2
	}
	return 1
}

// counts recounts what was offered, stage by stage, and how it ended.
func (c *recount) counts() {
	count := func(wanted func(*history.Op) bool) (n results.Ops) {
		for i := range c.h.Ops {
			if o := &c.h.Ops[i]; wanted(o) {
				n.Offered++
				n.OK += map[history.Outcome]int{history.OK: 1}[o.Outcome]
				n.Failed += map[history.Outcome]int{history.Failed: 1}[o.Outcome]
				n.Unknown += map[history.Outcome]int{history.Unknown: 1}[o.Outcome]
			}
		}
		return n
	}
	c.same("ops", c.s.Ops, count(func(o *history.Op) bool { return o.Stage == history.Load }))
	for stage, n := range map[history.Stage]results.StageCount{history.Load: c.s.Stages.Load, history.Preload: c.s.Stages.Preload, history.Final: c.s.Stages.Final} {
		c.same("stages "+stage.String(), n.Ops, count(func(o *history.Op) bool { return o.Stage == stage }))
		c.same("writes of stage "+stage.String(), n.Writes, count(func(o *history.Op) bool {
			return o.Stage == stage && o.Kind == history.Write && o.Outcome == history.OK
		}).Offered)
	}
	for _, part := range slices.Concat(c.s.Outages.Clients, c.s.Outages.Members, c.s.Outages.Regions) {
		c.same("operations of "+part.Name, part.Ops, count(func(o *history.Op) bool { return o.Stage == history.Load && c.belongs(o, part.Name) }))
	}
	failed := 0
	for _, e := range c.s.Errors {
		failed += e.N
		through := 0
		for _, n := range e.Via {
			through += n
		}
		c.same("operations through members with "+e.Text, through, e.N)
	}
	c.same("errors", failed, c.s.Ops.Failed+c.s.Ops.Unknown)
}

// belongs reports whether the operation is of that client, through that member, or of that region.
func (c *recount) belongs(o *history.Op, part string) bool {
	return o.Client == part || o.Via == part || c.info.Regions[o.Client] == part
}

// quantiles recounts latencies: a quantile is the smallest sample that enough do not exceed.
func (c *recount) quantiles() {
	l := c.s.Latency
	for _, q := range []struct {
		name string
		q    *results.Quantiles
		of   func(*history.Op) bool
	}{
		{"all", l.All, func(*history.Op) bool { return true }},
		{"before", l.Before, func(o *history.Op) bool { return c.phase(o) == 0 }},
		{"during", l.During, func(o *history.Op) bool { return c.phase(o) == 1 }},
		{"after", l.After, func(o *history.Op) bool { return c.phase(o) == 2 }},
		{"reads", l.Reads, func(o *history.Op) bool { return o.Kind == history.Read }},
		{"writes", l.Writes, func(o *history.Op) bool { return o.Kind == history.Write }},
	} {
		var ms []float64
		for _, o := range c.load {
			if o.Outcome == history.OK && q.of(o) {
				ms = append(ms, millis(o.Return-o.Due))
			}
		}
		if c.same("latency "+q.name+" is there", q.q != nil, len(ms) > 0); q.q == nil || len(ms) == 0 {
			continue
		}
		c.same("latency "+q.name+" n", q.q.N, len(ms))
		for p, got := range map[float64]float64{0.5: q.q.P50, 0.9: q.q.P90, 0.99: q.q.P99, 0.999: q.q.P999, 1: q.q.Max} {
			c.is(fmt.Sprintf("latency %s p%v", q.name, 100*p), got, smallest(ms, p))
		}
	}
}

// smallest returns the smallest sample that at least the share p of all do not exceed.
func smallest(ms []float64, p float64) float64 {
	best := math.Inf(1)
	for _, x := range ms {
		if x >= best {
			continue
		}
		n := 0
		for _, y := range ms {
			if y <= x {
				n++
			}
		}
		if float64(n) >= p*float64(len(ms))-1e-9 {
			best = x
		}
	}
	return best
}

// until returns when the strike was healed; where it never was, when the load ended.
func (c *recount) until(k *struck) time.Duration {
	if k.healed == never {
		return c.end
	}
	return k.healed
}
