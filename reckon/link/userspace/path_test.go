package userspace

import (
	"math"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// within reports whether k of n is consistent with probability p (5 sigma, 99.99995 %).
func within(k, n int, p float64) bool {
	return math.Abs(float64(k)-float64(n)*p) <= 5*math.Sqrt(float64(n)*p*(1-p))
}

// The bad states of a path last 1/R packets on average, and begin after 1/P good ones.
func TestBurst(t *testing.T) {
	const n = 400_000
	b := link.Burst{P: 0.01, R: 0.25, Bad: 1}
	p := testPath(link.Shape{Burst: b})
	lost, bursts, before := 0, 0, false
	for range n {
		l := p.lost()
		if l {
			lost++
		}
		if l && !before {
			bursts++
		}
		before = l
	}
	if mean := float64(lost) / float64(bursts); math.Abs(mean-4) > 5*math.Sqrt(12./float64(bursts)) {
		t.Errorf("bursts of %.3f on average, want 4", mean)
	}
	if share := float64(lost) / n; math.Abs(share-b.Loss()) > 0.004 {
		t.Errorf("lost %.4f, want %.4f", share, b.Loss())
	}
}

// Every chance has a stream of its own: adding other chances to a path does not change which
// packets it loses.
func TestChancesAreIndependent(t *testing.T) {
	plain := testPath(link.Shape{Loss: 0.1})
	busy := testPath(link.Shape{Loss: 0.1, Burst: link.Burst{P: 0.01, R: 0.5, Bad: 1e-9}, Duplicate: 0.5, Corrupt: 0.5, Delay: 10, Jitter: 5, Reorder: 0.5})
	for i := range 10_000 {
		if plain.lost() != busy.lost() {
			t.Fatalf("packet %d: its loss depends on other chances", i)
		}
		busy.duplicated()
		busy.corrupted(100)
		busy.due(int64(i), 100)
	}
}

func TestChances(t *testing.T) {
	const n = 100_000
	for _, chance := range []float64{0, 0.001, 0.3, 1} {
		p := testPath(link.Shape{Duplicate: chance, Corrupt: chance, Reorder: chance, Delay: 100})
		var twice, corrupt, overtook int
		for range n {
			if p.duplicated() {
				twice++
			}
			if bit, ok := p.corrupted(8); ok {
				corrupt++
				if bit < 0 || bit > 7 {
					t.Fatalf("bit %d of 8", bit)
				}
			}
			due, overtakes := p.due(1000, 100)
			if overtakes {
				overtook++
			}
			if overtakes != (due == 1000) {
				t.Fatalf("due at %d, overtakes: %v", due, overtakes)
			}
		}
		if !within(twice, n, chance) || !within(corrupt, n, chance) || !within(overtook, n, chance) {
			t.Errorf("at %v of %d: duplicated %d, corrupted %d, overtook %d", chance, n, twice, corrupt, overtook)
		}
	}
	if _, ok := testPath(link.Shape{Corrupt: 1}).corrupted(0); ok {
		t.Error("a bit of nothing was flipped")
	}
}

// Packets queue for the rate after their delay; those that arrive when none waits do not.
func TestDueWithRate(t *testing.T) {
	p := testPath(link.Shape{Delay: 100, Rate: 8e9}) // a byte a nanosecond
	for _, tt := range []struct {
		arrival int64
		bytes   int
		want    int64
	}{
		{0, 50, 150},
		{0, 50, 200},
		{10, 10, 210},
		{500, 1, 601},
		{400, 1, 602}, // never before those that came earlier
	} {
		if got, _ := p.due(tt.arrival, tt.bytes); got != tt.want {
			t.Errorf("%d bytes at %d: due at %d, want %d", tt.bytes, tt.arrival, got, tt.want)
		}
	}
	p.reshape(link.Shape{Delay: 100, Rate: 16e9, Loss: 0.1})
	if got, _ := p.due(400, 2); got != 603 {
		t.Errorf("a faster wire: due at %d, want 603", got)
	}
	p.reshape(link.Shape{Rate: 8e9, Cut: true})
	p.reshape(link.Shape{Rate: 8e9})
	if got, _ := p.due(400, 2); got != 402 {
		t.Errorf("what the cut dropped still takes its turn: due at %d, want 402", got)
	}
}

// With a rate, jitter does not reorder packets.
func TestJitterWithRateKeepsOrder(t *testing.T) {
	p := testPath(link.Shape{Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond, Rate: 1e9})
	last := int64(0)
	for i := range int64(1000) {
		due, _ := p.due(i, 100)
		if due < last+800 {
			t.Fatalf("due at %d, after %d", due, last)
		}
		last = due
	}
}

// With a normal distribution wider than its delay, no packet leaves before it arrived.
func TestDelayIsNeverNegative(t *testing.T) {
	p := testPath(link.Shape{Delay: 1000, Jitter: 5000, Distribution: link.Normal})
	early := 0
	for range 1000 {
		switch due, _ := p.due(7, 100); {
		case due < 7:
			t.Fatalf("due at %d", due)
		case due == 7:
			early++
		}
	}
	if !within(early, 1000, 0.42) {
		t.Errorf("%d of 1000 at once", early)
	}
}

func TestRoom(t *testing.T) {
	p := testPath(link.Shape{Rate: 1000})
	if !p.hasRoom(64, 1) || p.hasRoom(65, 1) || p.hasRoom(1, maxHeld+1) {
		t.Error("a queue of 64 packets has another size")
	}
}
