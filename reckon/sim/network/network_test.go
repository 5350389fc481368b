package network

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

const ms = time.Millisecond

var ab = link.Path{From: "a", To: "b"}

// wire is a network of hosts a and b that notes what b gets.
type wire struct {
	*testing.T
	loop *loop.Loop
	*Network
	got []string
	at  []time.Duration
}

func newWire(t *testing.T, seed uint64, s link.Shape) *wire {
	l := loop.New(seed)
	w := &wire{T: t, loop: l, Network: New(l, []string{"a", "b"})}
	w.Receive(1, func(p Packet) {
		w.got = append(w.got, fmt.Sprint(p.Payload))
		w.at = append(w.at, l.Now())
	})
	w.must(w.Apply(context.Background(), link.Matrix{ab: s}))
	return w
}

func (w *wire) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *wire) send(payload any) {
	w.Send(Packet{From: 0, To: 1, Size: 100, Payload: payload})
}

func (w *wire) run() { w.must(w.loop.Run(loop.Stop{})) }

func TestDelayAndCut(t *testing.T) {
	w := newWire(t, 1, link.Shape{Delay: 10 * ms})
	w.send("early")
	w.loop.At(5*ms, loop.Label{}, func() { w.must(w.Apply(context.Background(), link.Matrix{ab: {Cut: true}})) })
	w.loop.At(6*ms, loop.Label{}, func() { w.send("cut") })
	w.loop.At(7*ms, loop.Label{}, func() { w.must(w.Apply(context.Background(), link.Matrix{ab: {Delay: 10 * ms}})) })
	w.loop.At(8*ms, loop.Label{}, func() { w.send("late") })
	w.run()
	if !slices.Equal(w.got, []string{"late"}) || w.at[0] != 18*ms {
		t.Errorf("got %v at %v: a cut loses what is under way", w.got, w.at)
	}
	c, _ := w.Counters(context.Background())
	if c[ab] != (link.Counters{Packets: 3, Bytes: 300, Cut: 2}) {
		t.Errorf("counted %+v", c[ab])
	}
}

// Shares of 20,000 packets are within four standard deviations of what the shape says.
func TestShapesAreDrawnAsTheySay(t *testing.T) {
	const n = 20_000
	burst := link.Burst{P: 0.02, R: 0.2, Bad: 1}
	for _, tt := range []struct {
		name  string
		shape link.Shape
		count func(c link.Counters, arrived int) uint64
		p     float64
		slack float64 // correlated losses spread wider
	}{
		{"loss", link.Shape{Loss: 0.1}, func(c link.Counters, got int) uint64 { return n - uint64(got) }, 0.1, 1},
		{"burst", link.Shape{Burst: burst}, func(c link.Counters, got int) uint64 { return n - uint64(got) }, burst.Loss(), 4},
		{"duplicate", link.Shape{Duplicate: 0.2}, func(_ link.Counters, got int) uint64 { return uint64(got) - n }, 0.2, 1},
		{"corrupt", link.Shape{Corrupt: 0.05}, func(c link.Counters, got int) uint64 { return n - uint64(got) }, 0.05, 1},
		{"reorder", link.Shape{Delay: ms, Reorder: 0.3}, func(c link.Counters, _ int) uint64 { return c.Reordered }, 0.3, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t, 1, tt.shape)
			for i := range n {
				w.send(i)
			}
			w.run()
			c, _ := w.Counters(context.Background())
			share := float64(tt.count(c[ab], len(w.got))) / n
			if bound := 4 * tt.slack * math.Sqrt(tt.p*(1-tt.p)/n); math.Abs(share-tt.p) > bound {
				t.Errorf("a share of %.4f, want %.4f within %.4f", share, tt.p, bound)
			}
		})
	}
}

func TestJitterSpreadsDelays(t *testing.T) {
	w := newWire(t, 1, link.Shape{Delay: 10 * ms, Jitter: 4 * ms})
	for i := range 5000 {
		w.send(i)
	}
	w.run()
	least, most := slices.Min(w.at), slices.Max(w.at)
	if least < 6*ms || least > 6*ms+ms/10 || most > 14*ms || most < 14*ms-ms/10 {
		t.Errorf("delays from %v to %v, want 6 to 14 ms", least, most)
	}
	if slices.Equal(w.got[:3], []string{"0", "1", "2"}) {
		t.Error("no packet overtook another")
	}
}

func TestRateQueuesAndOverflows(t *testing.T) {
	w := newWire(t, 1, link.Shape{Rate: 800_000}) // 100 bytes a millisecond
	for i := range 3 {
		w.send(i)
	}
	w.run()
	if want := []time.Duration{ms, 2 * ms, 3 * ms}; !slices.Equal(w.at, want) {
		t.Errorf("left at %v, want %v", w.at, want)
	}
	w = newWire(t, 1, link.Shape{Rate: 800_000})
	limit := link.Shape{Rate: 800_000}.QueueLimit()
	for i := range limit + 5 {
		w.send(i)
	}
	w.run()
	if c, _ := w.Counters(context.Background()); len(w.got) != limit || c[ab].Overflow != 5 {
		t.Errorf("%d of %d arrived, %d overflowed", len(w.got), limit+5, c[ab].Overflow)
	}
}

// A stream loses nothing to loss, keeps its order, and pays in time; it gives up on a cut that lasts.
func TestStreams(t *testing.T) {
	w := newWire(t, 1, link.Shape{Delay: ms, Jitter: ms, Loss: 0.3, Duplicate: 0.5})
	var want []string
	for i := range 300 {
		w.loop.At(time.Duration(i)*ms, loop.Label{}, func() {
			w.Send(Packet{From: 0, To: 1, Size: 100, Payload: i, Stream: true})
		})
		want = append(want, fmt.Sprint(i))
	}
	w.run()
	slices.Sort(want)
	got := slices.Clone(w.got)
	slices.Sort(got)
	if !slices.Equal(got, want) || !slices.IsSorted(w.at) {
		t.Errorf("%d of 300 arrived", len(w.got))
	}
	w = newWire(t, 1, link.Shape{Cut: true})
	w.Send(Packet{From: 0, To: 1, Payload: "x", Stream: true})
	w.loop.At(time.Second, loop.Label{}, func() { w.must(w.Apply(context.Background(), link.Matrix{ab: {}})) })
	w.run()
	if len(w.at) != 1 || w.at[0] != 1400*ms { // tried at 0, 200, 600 and 1400 ms
		t.Errorf("after a cut of a second it arrived at %v", w.at)
	}
	w = newWire(t, 1, link.Shape{Cut: true})
	w.Send(Packet{From: 0, To: 1, Payload: "x", Stream: true})
	w.run()
	if len(w.got) != 0 || w.loop.Now() > 2*mostRetry {
		t.Errorf("still trying at %v", w.loop.Now())
	}
}

func TestTestFace(t *testing.T) {
	w := newWire(t, 1, link.Shape{Delay: ms})
	w.must(w.IgnoreNext(ab, 2))
	for i := range 3 {
		w.send(i)
	}
	release, err := w.Hold(ab)
	w.must(err)
	for i := range 4 {
		w.send(10 + i)
	}
	if kept := w.Kept(ab); len(kept) != 4 || kept[0].Payload != 10 {
		t.Errorf("kept %v", kept)
	}
	if !w.DeliverNow(ab, 2) || w.DeliverNow(ab, 3) {
		t.Error("delivers what it does not hold, or not what it does")
	}
	w.Reorder(ab)
	w.run()
	if !slices.Equal(w.got, []string{"12", "2"}) {
		t.Errorf("got %v before the release", w.got)
	}
	release()
	release()
	w.Inject(Packet{From: 0, To: 1, Payload: "false"})
	w.run()
	if want := []string{"12", "2", "13", "11", "10", "false"}; !slices.Equal(w.got, want) {
		t.Errorf("got %v, want %v", w.got, want)
	}
	if _, err := w.Hold(link.Path{From: "a", To: "z"}); err == nil {
		t.Error("held a path that is not there")
	}
}

// A Net of package link lays overlays over the simulated network as over real links.
func TestIsAFabric(t *testing.T) {
	w := newWire(t, 1, link.Shape{})
	net, err := link.NewNet(context.Background(), w.Network, link.Matrix{ab: {Delay: 10 * ms}})
	w.must(err)
	heal, err := net.Degrade(context.Background(), link.Matrix{ab: {Delay: 5 * ms}})
	w.must(err)
	w.send("slow")
	w.run()
	w.must(heal(context.Background()))
	w.send("back")
	w.run()
	if want := []time.Duration{15 * ms, 25 * ms}; !slices.Equal(w.at, want) {
		t.Errorf("arrived at %v, want %v", w.at, want)
	}
	if err := w.Apply(context.Background(), link.Matrix{{From: "a", To: "z"}: {}}); err == nil {
		t.Error("shaped a path that is not there")
	}
}
