package reckon

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
	fabric, k := &asked{}, &capture.Capture{}
	r := &run{clock: clock.NewMonotonic(clock.Epoch()), recorder: keeper{h: &history.History{}}, packets: k, fabric: running{backend: fabric}}
	r.captures.all = []*capture.Capture{k}
	r.life, r.stop = context.WithCancel(t.Context())
	r.stop()
	r.captures.reportDrops(r.life, r.fabric)
	if err := r.endPackets(); err != nil || fabric.live != 2 {
		t.Errorf("asked %d times, %v", fabric.live, err)
	}
}
