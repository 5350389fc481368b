package resultstest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// silence walks over the load a millisecond at a time and returns the longest run of milliseconds
// in which no wanted operation was acknowledged. It is exact to two of them.
func (c *recount) silence(wanted func(*history.Op) bool) (ms float64) {
	cells := make([]bool, int((c.end-c.start)/time.Millisecond)+1)
	for _, o := range c.load {
		if at := o.Return; o.Outcome == history.OK && at >= c.start && at < c.end && wanted(o) {
			cells[(at-c.start)/time.Millisecond] = true
		}
	}
	run, longest := 0, 0
	for _, acknowledged := range cells {
		if run++; acknowledged {
			run = 0
		}
		longest = max(longest, run)
	}
	return float64(longest)
}

// gaps recounts the longest gap of all, of reads and writes, and of every part.
func (c *recount) gaps() {
	any := func(*history.Op) bool { return true }
	if len(c.load) == 0 {
		return
	}
	c.gap("unavailability", results.Gap{Length: c.s.Unavailability.LongestGap, At: c.s.Unavailability.Gap}, any)
	kinds := func(of string, reads, writes *results.Gap, wanted func(*history.Op) bool) {
		for kind, g := range map[history.Kind]*results.Gap{history.Read: reads, history.Write: writes} {
			so := func(o *history.Op) bool { return o.Kind == kind && wanted(o) }
			c.same(of+kind.String()+"s are there", g != nil, slices.ContainsFunc(c.load, so))
			if g != nil {
				c.gap(of+kind.String()+"s", *g, so)
			}
		}
	}
	o := c.s.Outages
	kinds("all ", o.Reads, o.Writes, any)
	for _, part := range slices.Concat(o.Clients, o.Members, o.Regions) {
		mine := func(o *history.Op) bool { return c.belongs(o, part.Name) }
		c.gap(part.Name, part.Gap, mine)
		kinds(part.Name+" ", part.Reads, part.Writes, mine)
	}
	seen := map[string]bool{}
	for _, part := range slices.Concat(o.Clients, o.Members) {
		seen[part.Name] = true
	}
	for _, o := range c.load {
		if !seen[o.Client] || o.Via != "" && !seen[o.Via] {
			c.same("the parts have "+o.Client+" and "+o.Via, false, true)
			return
		}
	}
}

func (c *recount) gap(what string, g results.Gap, wanted func(*history.Op) bool) {
	if ms := c.silence(wanted); math.Abs(g.Length-ms) > 2 {
		c.wrong = append(c.wrong, fmt.Sprintf("the longest gap of %s is %v ms, by the millisecond %v", what, g.Length, ms))
	}
	c.is("from and to of the gap of "+what, 1e3*(g.At[1]-g.At[0]), g.Length)
	for _, o := range c.load {
		if at := c.seconds(o.Return); o.Outcome == history.OK && wanted(o) && at > g.At[0]+2e-6 && at < g.At[1]-2e-6 {
			c.wrong = append(c.wrong, fmt.Sprintf("in the gap of %s, from %v to %v s, %v was acknowledged at %v", what, g.At[0], g.At[1], o, at))
			return
		}
	}
}

// lastAck returns the last acknowledgement at or before the instant, at least the load's start.
func (c *recount) lastAck(at time.Duration) time.Duration {
	last := c.start
	for _, o := range c.load {
		if o.Outcome == history.OK && o.Return <= at && o.Return < c.end {
			last = max(last, o.Return)
		}
	}
	return last
}

// nextAck returns the first acknowledgement after the instant, at most the load's end.
func (c *recount) nextAck(at time.Duration) time.Duration {
	next := c.end
	for _, o := range c.load {
		if o.Outcome == history.OK && o.Return > at {
			next = min(next, o.Return)
		}
	}
	return next
}

// usual returns the longest silence that an acknowledgement ended before the first fault.
func (c *recount) usual() time.Duration {
	usual := c.info.LagBound
	for _, o := range c.load {
		if o.Outcome == history.OK && o.Return <= c.struck {
			usual = max(usual, o.Return-c.lastAck(o.Return-1))
		}
	}
	return usual
}

// recoveries recounts, for each strike, how long service had been silent at the worst instant while
// the strike lasted, and when that silence ended.
func (c *recount) recoveries() {
	u := c.s.Unavailability
	if len(c.load) == 0 || !c.faulty {
		return
	}
	usual := c.usual()
	lastDue := time.Duration(0)
	for _, o := range c.load {
		lastDue = max(lastDue, o.Due)
	}
	for i, k := range c.strikes {
		if k.acted > lastDue || i >= len(u.Recoveries) {
			continue
		}
		until := min(k.healed, c.end)
		first := true
		for j, t := range c.strikes {
			apart := c.s.Strikes[j].Planned[0] != c.s.Strikes[i].Planned[0]
			if apart && t.acted > k.acted && t.acted >= k.effect {
				until = min(until, t.acted)
			}
			first = first && !(apart && t.acted < k.acted)
		}
		if until-k.acted <= usual || until >= c.end && k.acted > c.end-c.info.LagBound {
			continue // too short to tell from what is usual: the cases have tests of their own
		}
		c.recovery(i, k, until, first, usual)
	}
}

func (c *recount) recovery(i int, k *struck, until time.Duration, first bool, usual time.Duration) {
	since := func(at time.Duration) time.Duration {
		last := c.lastAck(at)
		if !first && last < k.acted-usual {
			last = k.acted
		}
		return at - last
	}
	worst, at := since(until), until
	for _, o := range c.load {
		if t := o.Return - 1; o.Outcome == history.OK && t >= k.acted && t < until && since(t) >= worst {
			worst, at = since(t), t
		}
	}
	back, u := c.s.Unavailability.Recoveries[i], c.s.Unavailability
	name := fmt.Sprintf("recovery from strike %d", i+1)
	next := c.nextAck(at)
	switch {
	case worst <= usual-time.Millisecond:
		c.same(name, back.Kind, results.RecoveredNoOutage)
		c.same(name+" is 0 ms", u.TTR[i] != nil && *u.TTR[i] == 0, true)
	case worst <= usual+time.Millisecond: // either
	case next == c.end:
		c.same(name, back.Kind == results.NotRecovered || back.Kind == results.RecoveredInFault, true)
	case next > k.healed:
		c.same(name, back.Kind, results.RecoveredAfterHeal)
		c.same(name+" is censored", u.Censored[i] && u.TTR[i] == nil, true)
		if back.AfterHeal != nil {
			c.is(name+" after the heal", *back.AfterHeal, millis(next-k.healed))
		}
	case u.TTR[i] == nil || back.Gap == nil:
		c.same(name, back.Kind, results.RecoveredInFault)
	case *u.TTR[i] < millis(worst)-0.01 || back.Gap[1] > c.seconds(next)+1e-5:
		c.wrong = append(c.wrong, fmt.Sprintf("%s is %v ms until %v s, though service was silent for %v ms and until %v s", name, *u.TTR[i], back.Gap[1], millis(worst), c.seconds(next)))
	}
}

func (c *recount) good(o *history.Op) bool {
	return o.Outcome == history.OK && millis(o.Return-o.Due) <= c.s.Degradation.Limit+1e-3
}

// shares recounts good operations by phase, of all and of every part, and acknowledged ones a second.
func (c *recount) shares() {
	if len(c.load) == 0 {
		return
	}
	by := func(what string, g results.ByPhase[*results.Share], mine func(*history.Op) bool) {
		for name, of := range map[string]struct {
			s     *results.Share
			phase int
		}{"all": {g.All, -1}, "before": {g.Before, 0}, "during": {g.During, 1}, "after": {g.After, 2}} {
			var want results.Share
			for _, o := range c.load {
				if mine(o) && (of.phase < 0 || c.phase(o) == of.phase) {
					want.Offered++
					if c.good(o) {
						want.Good++
					}
				}
			}
			got := results.Share{}
			if of.s != nil {
				got = *of.s
				c.is("share of good operations "+name+" of "+what, got.Ratio, float64(want.Good)/float64(want.Offered))
			}
			got.Ratio = 0
			c.same("good operations "+name+" of "+what, got, want)
		}
	}
	by("all", c.s.Degradation.Good, func(*history.Op) bool { return true })
	for _, p := range slices.Concat(c.s.Outages.Clients, c.s.Outages.Members, c.s.Outages.Regions) {
		by(p.Name, p.Good, func(o *history.Op) bool { return c.belongs(o, p.Name) })
	}
	acked := 0
	for _, o := range c.load {
		if o.Outcome == history.OK {
			acked++
		}
	}
	c.is("ok_per_s", c.s.Throughput.OK, float64(acked)/(c.end-c.start).Seconds())
}

// windows recounts degradation: it walks from the fault over windows of one second.
func (c *recount) windows() {
	d := c.s.Degradation
	if d == nil || !c.faulty || c.struck >= c.end {
		return
	}
	share := func(from, to time.Duration) (float64, bool) {
		good, n := 0, 0
		for _, o := range c.load {
			due := o.Due
			if due < c.struck && c.phase(o) != 0 {
				due = c.struck // it was under way as the fault began
			}
			if due < from || due >= to {
				continue
			}
			if n++; c.good(o) {
				good++
			}
		}
		return float64(good) / float64(n), n > 0
	}
	lowest := 1.0
	for to := c.struck; to-time.Second >= c.start; to -= time.Second {
		if x, any := share(to-time.Second, to); any {
			lowest = min(lowest, x)
		}
	}
	if x, any := share(c.start, c.struck); c.struck-c.start < time.Second && any {
		lowest = x
	}
	if d.Lowest == nil || c.struck-c.start < 100*time.Second && math.Abs(*d.Lowest-lowest) > 1e-5 {
		c.wrong = append(c.wrong, fmt.Sprintf("the lowest share before the fault is %v, recounted %v", d.Lowest, lowest))
		return
	}
	var degraded, lost float64
	from, to := -1.0, -1.0
	for at := c.struck; at < c.end; at += time.Second {
		width := min(time.Second, c.end-at)
		if x, any := share(at, at+time.Second); any && x < *d.Lowest-1e-6 {
			degraded, lost = degraded+millis(width), lost+(*d.Lowest-x)*width.Seconds()
			to = c.seconds(at + width)
			if from < 0 {
				from = c.seconds(at)
			}
		}
	}
	c.is("degraded_ms", *d.Degraded, degraded)
	c.is("lost_s", *d.Lost, lost)
	c.same("a degraded window", d.From != nil, from >= 0)
	if d.From != nil && d.To != nil {
		c.is("degradation from", *d.From, from)
		c.is("degradation to", *d.To, to)
	}
}
