package userspace

import "time"

// A patience says how long before a packet is due the switch stops sleeping, and how long it stays awake after one came. Waking a
// processor that is idle takes from a few microseconds to hundreds, in a virtual machine above all; so the lead is learnt from
// how late the timer has woken the switch. It is pure: it knows no clock.
type patience struct {
	mean, spread int64 // of how late the timer wakes the switch, in nanoseconds, smoothed as RFC 6298 does with round trips
	credit       int64 // nanoseconds that may be spent awake for nothing
	last         int64 // when credit was last given
	alone        bool  // there is one processor, and who waits awake keeps it from everybody else
}

const (
	leastLead = int64(60 * time.Microsecond) // is spent whatever it costs
	mostLead  = int64(400 * time.Microsecond)
	linger    = int64(50 * time.Microsecond) // after a packet, for its answer

	// What lies beyond the least lead may cost one part in creditShare of a processor, and is saved up for so long.
	creditShare = 20
	mostCredit  = int64(5 * time.Millisecond)
)

// woke learns from how late the timer woke the switch.
func (p *patience) woke(late int64) {
	late = min(late, mostLead) // the machine may have been away for milliseconds: no lead helps against that
	if p.mean == 0 {
		p.mean, p.spread = late, late/2
		return
	}
	p.spread += (max(late-p.mean, p.mean-late) - p.spread) / 4
	p.mean += (late - p.mean) / 8
}

// affords says whether there is time to spend.
func (p *patience) affords() bool { return p.credit > 0 && !p.alone }

// lead is how long before a packet is due the switch is to be woken.
func (p *patience) lead() int64 {
	if !p.affords() {
		return leastLead
	}
	return min(max(p.mean+4*p.spread, leastLead), mostLead)
}

// lingers says whether it is worth while to stay awake at the given time, when the last packet came at another.
func (p *patience) lingers(now, packet int64) bool {
	return p.affords() && now-packet < linger
}

// earn gives credit for the time since it was last given.
func (p *patience) earn(now int64) {
	p.credit = min(p.credit+(now-p.last)/creditShare, mostCredit)
	p.last = now
}

// spend pays for time awake for nothing. What the least lead costs is owed, up to a bound.
func (p *patience) spend(ns int64) { p.credit = max(p.credit-ns, -mostCredit) }
