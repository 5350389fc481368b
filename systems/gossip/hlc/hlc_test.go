package hlc

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRises: whatever the wall clock does, stamps rise, exceed all that was observed, and are not
// before the wall clock.
func TestRises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := New(0, 500*time.Millisecond)
	wall, last := uint64(1_000_000), Stamp(0)
	for range 100_000 {
		switch rng.IntN(4) {
		case 0:
			wall += rng.Uint64N(20)
		case 1:
			wall -= min(rng.Uint64N(1000), wall) / 100 // it may go back
		case 2:
			s := Of(wall + rng.Uint64N(1000))
			if err := c.Observe(s, wall); err == nil {
				last = max(last, s)
			} else if !errors.Is(err, ErrAhead) || s <= Of(wall+500) {
				t.Fatalf("observe %v at %d: %v", s, wall, err)
			}
		}
		s := c.Next(wall)
		if s <= last || s < Of(wall) {
			t.Fatalf("issued %v after %v at %d ms", s, last, wall)
		}
		last = s
	}
}

// TestAhead: a clock that is far off moves nobody else's.
func TestAhead(t *testing.T) {
	c := New(0, 500*time.Millisecond)
	if err := c.Observe(Of(1501), 1000); !errors.Is(err, ErrAhead) || c.Last() != 0 {
		t.Errorf("501 ms ahead: %v, and the clock is at %v", err, c.Last())
	}
	if err := c.Observe(Of(1500), 1000); err != nil || c.Next(1000) != Of(1500)+1 {
		t.Errorf("500 ms ahead: %v, and the clock is at %v", err, c.Last())
	}
}

// TestRestart: a clock that is restored issues nothing twice though the wall clock went back.
func TestRestart(t *testing.T) {
	c := New(0, time.Second)
	before := c.Next(5000)
	if after := New(before, time.Second).Next(10); after <= before {
		t.Errorf("issued %v, and after a restart %v", before, after)
	}
}

// TestManyInAMillisecond: one millisecond has more than one stamp, and more than 65,536 spill into
// the next.
func TestManyInAMillisecond(t *testing.T) {
	c := New(0, time.Second)
	seen := map[Stamp]bool{}
	for range 70_000 {
		seen[c.Next(7)] = true
	}
	if len(seen) != 70_000 || c.Last().Milliseconds() != 8 {
		t.Errorf("%d different stamps, the last %v", len(seen), c.Last())
	}
}
