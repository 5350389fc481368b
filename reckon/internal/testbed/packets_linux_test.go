package testbed

import (
	"context"
	"testing"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// asked is a backend that is asked what it dropped.
type asked struct {
	backend
	live int // how often by someone who waited for the answer
}

func (a *asked) Drops(ctx context.Context) ([]link.Drop, uint64, error) {
	if ctx.Err() == nil {
		a.live++
	}
	return nil, 0, ctx.Err()
}

// The last packets of a run are marked as its first are, though by then the run is over.
func TestTheLastDropsAreAskedFor(t *testing.T) {
	links, err := link.NewNet(t.Context(), still{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fabric, k := &asked{}, &capture.Capture{}
	b := New(t.Context(), Config{Clock: clock.NewMonotonic(clock.Epoch()), Event: func(history.Event) {}, Packets: new(capture.Set)})
	b.Fabric, b.captured = Fabric{backend: fabric}, k
	b.Packets.Add(k, links)
	b.Stop()
	b.Packets.ReportDrops(b.life, b.Fabric.drops())
	if err := b.EndCapture(); err != nil || fabric.live != 2 {
		t.Errorf("asked %d times, %v", fabric.live, err)
	}
}

// still is a fabric that does nothing.
type still struct{ link.Fabric }

func (still) Apply(context.Context, link.Matrix) error { return nil }
