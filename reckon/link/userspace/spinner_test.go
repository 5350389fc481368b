package userspace

import (
	"testing"
	"time"
)

const us = int64(time.Microsecond)

// The lead follows how late the timer wakes the switch, within its bounds.
func TestLead(t *testing.T) {
	for _, c := range []struct {
		name        string
		late        []int64 // repeated in this order
		least, most int64
	}{
		{"never woken", nil, minLead, minLead},
		{"on time", []int64{us}, minLead, minLead},
		{"steady", []int64{100 * us}, 100 * us, 110 * us},
		{"unsteady", []int64{80 * us, 120 * us}, 120 * us, 220 * us},
		{"a host that takes the processor away", []int64{10_000 * us}, maxLead, maxLead},
	} {
		p := spinner{credit: maxCredit}
		for i := range 200 * len(c.late) {
			p.observe(c.late[i%len(c.late)])
		}
		if got := p.lead(); got < c.least || got > c.most {
			t.Errorf("%s: %d us, want %d to %d", c.name, got/us, c.least/us, c.most/us)
		}
	}
}

// However often it is asked, spinning beyond minLead takes no more than its share of a processor.
func TestSpinningIsBounded(t *testing.T) {
	var p spinner
	for range 100 {
		p.observe(200 * us)
	}
	const second = int64(time.Second)
	awake := int64(0)
	for now := int64(0); now < 10*second; now += 10 * us {
		p.earn(now)
		if p.staysAwake(now, now) || p.lead() > minLead {
			p.spend(10 * us)
			awake += 10 * us
		}
	}
	if most := 10*second/creditShare + maxCredit; awake > most || awake < most/2 {
		t.Errorf("awake for %v of 10 s, want about %v", time.Duration(awake), time.Duration(most))
	}
}

// A machine with one processor never spins beyond minLead.
func TestOneProcessorDoesNotSpin(t *testing.T) {
	p := spinner{credit: maxCredit, oneCPU: true}
	for range 100 {
		p.observe(200 * us)
	}
	if p.staysAwake(0, 0) || p.lead() != minLead {
		t.Errorf("staysAwake %v, leads by %d us", p.staysAwake(0, 0), p.lead()/us)
	}
}
