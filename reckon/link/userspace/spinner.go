package userspace

import "time"

// A spinner decides how long before a packet is due the switch stops sleeping and spins, and how
// long it spins after a packet arrived. Waking an idle processor takes from a few microseconds to
// hundreds, most of all in a virtual machine, so the lead follows how late the timer has woken the
// switch. A spinner is pure: it reads no clock.
type spinner struct {
	mean, spread int64 // lateness of wake-ups in nanoseconds, smoothed as RFC 6298 smooths round-trip times
	credit       int64 // nanoseconds that may be spun for nothing
	last         int64 // when earn was last called
	oneCPU       bool  // the machine has one processor, which spinning would keep from everybody else
}

const (
	minLead     = int64(60 * time.Microsecond) // always taken, whatever the credit
	maxLead     = int64(400 * time.Microsecond)
	afterPacket = int64(50 * time.Microsecond) // how long to spin after a packet, for its answer

	// Spinning beyond minLead may take one part in creditShare of a processor; unused credit
	// accumulates up to maxCredit.
	creditShare = 20
	maxCredit   = int64(5 * time.Millisecond)
)

// observe records how late the timer woke the switch.
func (p *spinner) observe(late int64) {
	late = min(late, maxLead) // the host may have taken the processor away for milliseconds: no lead helps against that
	if p.mean == 0 {
		p.mean, p.spread = late, late/2
		return
	}
	p.spread += (max(late-p.mean, p.mean-late) - p.spread) / 4
	p.mean += (late - p.mean) / 8
}

// canSpend reports whether there is credit left.
func (p *spinner) canSpend() bool { return p.credit > 0 && !p.oneCPU }

// lead returns how long before a packet is due the switch should wake.
func (p *spinner) lead() int64 {
	if !p.canSpend() {
		return minLead
	}
	return min(max(p.mean+4*p.spread, minLead), maxLead)
}

// staysAwake reports whether the switch should spin at time now, if the last packet arrived at time
// packet.
func (p *spinner) staysAwake(now, packet int64) bool {
	return p.canSpend() && now-packet < afterPacket
}

// earn adds credit for the time since the last call.
func (p *spinner) earn(now int64) {
	p.credit = min(p.credit+(now-p.last)/creditShare, maxCredit)
	p.last = now
}

// spend deducts time that was spun for nothing. What minLead costs may take the credit below zero,
// down to a bound.
func (p *spinner) spend(ns int64) { p.credit = max(p.credit-ns, -maxCredit) }
