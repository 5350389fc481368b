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
		late        []int64 // in turn, again and again
		least, most int64
	}{
		{"never woken", nil, leastLead, leastLead},
		{"on time", []int64{us}, leastLead, leastLead},
		{"steady", []int64{100 * us}, 100 * us, 110 * us},
		{"unsteady", []int64{80 * us, 120 * us}, 120 * us, 220 * us},
		{"a machine that goes away", []int64{10_000 * us}, mostLead, mostLead},
	} {
		p := patience{credit: mostCredit}
		for i := range 200 * len(c.late) {
			p.woke(c.late[i%len(c.late)])
		}
		if got := p.lead(); got < c.least || got > c.most {
			t.Errorf("%s: %d us, want %d to %d", c.name, got/us, c.least/us, c.most/us)
		}
	}
}

// However it is asked, staying awake beyond the least lead takes no more than its share of a processor.
func TestPatienceIsBounded(t *testing.T) {
	var p patience
	for range 100 {
		p.woke(200 * us)
	}
	const second = int64(time.Second)
	awake := int64(0)
	for now := int64(0); now < 10*second; now += 10 * us {
		p.earn(now)
		if p.lingers(now, now) || p.lead() > leastLead {
			p.spend(10 * us)
			awake += 10 * us
		}
	}
	if most := 10*second/creditShare + mostCredit; awake > most || awake < most/2 {
		t.Errorf("awake for %v of 10 s, want about %v", time.Duration(awake), time.Duration(most))
	}
}

// A machine with one processor has nothing to spare for waiting awake.
func TestOneProcessorDoesNotLinger(t *testing.T) {
	p := patience{credit: mostCredit, alone: true}
	for range 100 {
		p.woke(200 * us)
	}
	if p.lingers(0, 0) || p.lead() != leastLead {
		t.Errorf("lingers %v, leads by %d us", p.lingers(0, 0), p.lead()/us)
	}
}
