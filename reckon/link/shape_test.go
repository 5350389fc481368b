package link_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon/link"
)

// everything is a shape with every part but a cut.
var everything = link.Shape{
	Delay: 10 * ms, Jitter: 2 * ms, Distribution: link.Normal,
	Loss: 0.01, Burst: link.Burst{P: 0.01, R: 0.25, Bad: 1},
	Duplicate: 0.01, Corrupt: 0.001, Reorder: 0.01, Rate: 10_000_000,
}

func TestThen(t *testing.T) {
	slow, jittery, lossy, cut := link.Shape{Delay: 10 * ms}, link.Shape{Delay: 3 * ms, Jitter: ms}, link.Shape{Loss: 0.01}, link.Shape{Cut: true}
	normal := link.Shape{Delay: 5 * ms, Jitter: ms, Distribution: link.Normal}
	burst := link.Shape{Burst: link.Burst{P: 0.1, R: 0.5, Bad: 1}}
	for _, tt := range []struct {
		name       string
		s, t, want link.Shape
	}{
		{"nothing", link.Shape{}, link.Shape{}, link.Shape{}},
		{"delays add", slow, jittery, link.Shape{Delay: 13 * ms, Jitter: ms}},
		{"the distribution goes with its jitter", slow, normal, link.Shape{Delay: 15 * ms, Jitter: ms, Distribution: link.Normal}},
		{"one loss stays exactly what it was", lossy, slow, link.Shape{Delay: 10 * ms, Loss: 0.01}},
		{"survival multiplies", link.Shape{Loss: 0.5}, link.Shape{Loss: 0.5}, link.Shape{Loss: 0.75}},
		{"certain loss", link.Shape{Loss: 1}, link.Shape{Loss: 0.3}, link.Shape{Loss: 1}},
		{"loss and a burst stay two", lossy, burst, link.Shape{Loss: 0.01, Burst: burst.Burst}},
		{"either duplicates", link.Shape{Duplicate: 0.5}, link.Shape{Duplicate: 0.5}, link.Shape{Duplicate: 0.75}},
		{"either corrupts", link.Shape{Corrupt: 0.5}, link.Shape{Corrupt: 0.5}, link.Shape{Corrupt: 0.75}},
		{"either reorders", link.Shape{Delay: ms, Reorder: 0.5}, link.Shape{Delay: ms, Reorder: 0.5}, link.Shape{Delay: 2 * ms, Reorder: 0.75}},
		{"the lower rate wins", link.Shape{Rate: 1000}, link.Shape{Rate: 2000}, link.Shape{Rate: 1000}},
		{"no rate is no limit", link.Shape{Rate: 1000}, slow, link.Shape{Delay: 10 * ms, Rate: 1000}},
		{"cuts OR", cut, slow, link.Shape{Delay: 10 * ms, Cut: true}},
		{"a wire changes nothing", everything, link.Shape{}, everything},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range [][2]link.Shape{{tt.s, tt.t}, {tt.t, tt.s}} {
				got, err := order[0].Then(order[1])
				if err != nil || got != tt.want {
					t.Errorf("%v then %v is %v, %v, want %v", order[0], order[1], got, err, tt.want)
				}
			}
		})
	}
	if _, err := jittery.Then(normal); err == nil {
		t.Error("two jitters make one")
	}
	if _, err := burst.Then(burst); err == nil {
		t.Error("two bursts make one")
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []link.Shape{
		{Delay: -1}, {Delay: ms, Jitter: -1}, {Delay: ms, Jitter: 2 * ms}, {Jitter: ms}, {Loss: -0.1}, {Loss: 1.1}, {Loss: math.NaN()},
		{Duplicate: 2}, {Corrupt: -1}, {Delay: ms, Reorder: 1.5}, {Reorder: 0.1},
		{Delay: ms, Distribution: link.Normal}, {Delay: ms, Jitter: ms, Distribution: "poisson"}, {Delay: ms, Jitter: ms, Distribution: "trace:AAAA"},
		{Burst: link.Burst{P: 0.1}}, {Burst: link.Burst{R: 0.1, Bad: 1}}, {Burst: link.Burst{P: 0.1, R: 0.1}}, {Burst: link.Burst{P: 1.1, R: 0.1, Bad: 1}},
		{Burst: link.Burst{P: 0.1, R: 0.1, Bad: 1, Good: math.NaN()}},
	} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
	for _, s := range []link.Shape{
		{}, everything,
		{Delay: ms, Jitter: ms, Loss: 1, Cut: true},
		{Delay: ms, Jitter: 5 * ms, Distribution: link.Pareto}, // what would be negative is 0
	} {
		if err := s.Validate(); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	if (link.Matrix{{From: "n1", To: "n1"}: {}}).Validate() == nil {
		t.Error("a host has a path to itself")
	}
}

func TestShapeString(t *testing.T) {
	for _, tt := range []struct {
		s    link.Shape
		want string
	}{
		{link.Shape{}, "wire"},
		{link.Shape{Delay: ms, Cut: true}, "cut"},
		{everything, "10ms ±2ms normal, loss 1%, burst p 1% r 25%, duplicate 1%, corrupt 0.1%, reorder 1%, rate 10 Mbit/s"},
		{link.Shape{Delay: ms, Jitter: ms}, "1ms ±1ms"},
		{link.Shape{Burst: link.Burst{P: 0.001, R: 0.5, Bad: 0.9, Good: 0.002}}, "burst p 0.1% r 50% bad 90% good 0.2%"},
		{link.Shape{Rate: 2_500_000_000}, "rate 2.5 Gbit/s"},
		{link.Shape{Rate: 64_000}, "rate 64 kbit/s"},
		{link.Shape{Rate: 300}, "rate 300 bit/s"},
	} {
		if got := tt.s.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestShapeJSON(t *testing.T) {
	for _, tt := range []struct {
		s    link.Shape
		want string
	}{
		{link.Shape{}, `{}`},
		{everything, `{"delay":10000000,"jitter":2000000,"distribution":"normal","loss":0.01,"burst":{"p":0.01,"r":0.25,"bad":1},` +
			`"duplicate":0.01,"corrupt":0.001,"reorder":0.01,"rate":10000000}`},
	} {
		b, err := json.Marshal(tt.s)
		if err != nil || string(b) != tt.want {
			t.Errorf("got %s, %v, want %s", b, err, tt.want)
		}
		var back link.Shape
		if err := json.Unmarshal(b, &back); err != nil || back != tt.s {
			t.Errorf("came back as %v, %v", back, err)
		}
	}
}

func TestQueueLimit(t *testing.T) {
	for _, tt := range []struct {
		s    link.Shape
		want int
	}{
		{link.Shape{Rate: 64_000}, 64},                                     // the least
		{link.Shape{Rate: 100_000_000}, 833},                               // 50 ms, twice
		{link.Shape{Rate: 100_000_000, Delay: 50 * ms}, 1666},              // and what is under way
		{link.Shape{Rate: 1e8, Delay: 40 * ms, Jitter: 10 * ms / 4}, 1666}, // late packets wait longer
		{link.Shape{}, 83333},                                              // 10 Gbit/s
		{link.Shape{Delay: time.Second}, 1 << 18},                          // the most
	} {
		if got := tt.s.QueueLimit(); got != tt.want {
			t.Errorf("%v: %d packets, want %d", tt.s, got, tt.want)
		}
	}
}

func TestBurstLoss(t *testing.T) {
	for _, tt := range []struct {
		b    link.Burst
		want float64
	}{
		{link.Burst{}, 0},
		{link.Burst{P: 0.1, R: 0.3, Bad: 1}, 0.25},
		{link.Burst{P: 0.1, R: 0.3, Bad: 0.5, Good: 0.1}, 0.2},
	} {
		if got := tt.b.Loss(); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v loses %v, want %v", tt.b, got, tt.want)
		}
	}
}

func TestMatrixOfShapesJSON(t *testing.T) {
	m := link.Matrix{{From: "n1", To: "n2"}: everything}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var got link.Matrix
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
}
