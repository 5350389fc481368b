package clock

import (
	"testing"
	"time"
)

func TestClocksOfOneEpochAgree(t *testing.T) {
	e := Epoch()
	a, b := NewMonotonic(e), NewMonotonic(e)
	x, y, z := a.Now(), b.Now(), a.Now()
	const slack = time.Millisecond // a bound for hangs, not for accuracy
	if x < 0 || y < x-slack || z < y-slack {
		t.Errorf("clocks disagree: %v %v %v", x, y, z)
	}
}
