package userspace

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

func TestQueueOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		due  []int64
		want string // the packets, by the order in which they came
	}{
		{"empty", nil, ""},
		{"one", []int64{5}, "a"},
		{"as they came", []int64{1, 2, 3}, "abc"},
		{"backwards", []int64{3, 2, 1}, "cba"},
		{"all at once", []int64{7, 7, 7, 7, 7}, "abcde"},
		{"ties among others", []int64{2, 1, 2, 1, 0}, "ebdac"},
		{"before the beginning of time", []int64{0, -5, math.MaxInt64}, "bac"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var q queue
			for i, due := range tt.due {
				q.push(due, &packet{frame: []byte{'a' + byte(i)}})
			}
			if got := empty(t, &q); got != tt.want {
				t.Errorf("left as %q, want %q", got, tt.want)
			}
		})
	}
}

// empty pops everything and returns the packets in order.
func empty(t *testing.T, q *queue) string {
	t.Helper()
	var out strings.Builder
	last := int64(math.MinInt64)
	for q.len() > 0 {
		if next := q.next(); next < last {
			t.Errorf("due at %d after %d", next, last)
		}
		due, p := q.pop()
		last = due
		out.Write(p.frame)
	}
	return out.String()
}

func TestQueueRemove(t *testing.T) {
	var q queue
	for i, due := range []int64{5, 3, 9, 1, 5, 7} {
		q.push(due, &packet{frame: []byte{'a' + byte(i)}})
	}
	q.remove(func(p *packet) bool { return p.frame[0] == 'd' || p.frame[0] == 'e' })
	q.push(5, &packet{frame: []byte("z")})
	if got := empty(t, &q); got != "bazfc" {
		t.Errorf("left as %q", got)
	}
	q.remove(func(*packet) bool { return true }) // nothing to remove
}

// Whatever is pushed, popped and removed, the queue agrees with a sorted slice.
func TestQueueAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q queue
		var model []entry
		for range 300 {
			switch k := rng.IntN(10); {
			case k < 6:
				p := &packet{wire: rng.Uint64N(5)}
				q.push(rng.Int64N(20), p)
				model = append(model, entry{q.heapOf(p), q.seq, p})
				slices.SortFunc(model, func(a, b entry) int {
					if a.before(&b) {
						return -1
					}
					return 1
				})
			case k < 9 && q.len() > 0:
				if _, p := q.pop(); p != model[0].packet {
					t.Fatal("the wrong packet left")
				}
				model = model[1:]
			case k == 9:
				out := func(p *packet) bool { return p.wire == 3 }
				q.remove(out)
				model = slices.DeleteFunc(model, func(e entry) bool { return out(e.packet) })
			}
			if q.len() != len(model) {
				t.Fatalf("%d packets, want %d", q.len(), len(model))
			}
		}
	}
}

func (q *queue) heapOf(p *packet) int64 {
	for _, e := range q.heap {
		if e.packet == p {
			return e.due
		}
	}
	panic("not queued")
}

func testPath(s link.Shape) *path {
	return pathOf(link.Path{From: "n1", To: "n2"}, s)
}

func pathOf(name link.Path, s link.Shape) *path {
	p := newPath(name, 0, 1)
	p.reshape(s)
	return p
}

func TestDueWithoutJitter(t *testing.T) {
	p := testPath(link.Shape{Delay: 10})
	for _, tt := range []struct{ arrival, want int64 }{
		{100, 110},
		{105, 115},
		{103, 115}, // the kernel's timestamps are out of order; the packets are not
		{200, 210},
	} {
		if got, _ := p.due(tt.arrival, 1500); got != tt.want {
			t.Errorf("arrived at %d, due at %d, want %d", tt.arrival, got, tt.want)
		}
	}
	p.reshape(link.Shape{Delay: 10})
	if got, _ := p.due(190, 1500); got != 210 {
		t.Errorf("the same shape again: due at %d, want 210", got)
	}
	p.reshape(link.Shape{Delay: 1}) // what is under way holds nobody back
	if got, _ := p.due(190, 1500); got != 191 {
		t.Errorf("another shape: due at %d, want 191", got)
	}
	if p.draws.jitter != nil || p.draws.reorder != nil {
		t.Error("something was drawn: other shapes' draws are shifted")
	}
}

func TestDueWithJitter(t *testing.T) {
	const n = 100000
	d, j := 10*time.Millisecond, 4*time.Millisecond
	p := testPath(link.Shape{Delay: d, Jitter: j})
	var sum, low, high float64
	low = math.Inf(1)
	for range n {
		due, _ := p.due(0, 1500)
		x := float64(due)
		sum, low, high = sum+x, min(low, x), max(high, x)
	}
	if low < float64(d-j) || high > float64(d+j) {
		t.Errorf("from %v to %v: outside %v ± %v", time.Duration(low), time.Duration(high), d, j)
	}
	sigma := float64(j) / math.Sqrt(3) / math.Sqrt(n)
	if mean := sum / n; math.Abs(mean-float64(d)) > 5*sigma {
		t.Errorf("mean %v, want %v", time.Duration(mean), d)
	}
	if reach := float64(j) * 0.99; low > float64(d)-reach || high < float64(d)+reach {
		t.Errorf("from %v to %v: does not fill %v ± %v", time.Duration(low), time.Duration(high), d, j)
	}
}

func TestLossDraws(t *testing.T) {
	const n = 100000
	for _, loss := range []float64{0, 0.001, 0.01, 0.3, 1} {
		p, q := testPath(link.Shape{Loss: loss}), testPath(link.Shape{Loss: loss})
		other := pathOf(p.name.Back(), link.Shape{Loss: loss})
		lost, same := 0, true
		for range n {
			a := p.lost()
			if a != q.lost() {
				t.Fatal("the same seed and path draw differently")
			}
			same = same && a == other.lost()
			if a {
				lost++
			}
		}
		if d := math.Abs(float64(lost) - n*loss); d > 5*math.Sqrt(n*loss*(1-loss)) {
			t.Errorf("%d of %d lost at %v", lost, n, loss)
		}
		if same != (loss == 0 || loss == 1) {
			t.Errorf("at %v, the way back draws the same: %v", loss, same)
		}
	}
}

func TestPool(t *testing.T) {
	var p pool
	for _, n := range []int{1, 2048, 2049, 65560, maxFrame} {
		x := p.get(n)
		if len(x.frame) != n || cap(x.frame) != classes[x.class] {
			t.Errorf("%d bytes: %d of %d in class %d", n, len(x.frame), cap(x.frame), x.class)
		}
		p.put(x)
		if y := p.get(n); y != x {
			t.Error("a packet that is free was not used again")
		}
	}
}
