package reckon

import (
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/history"
)

// BenchmarkOffer offers 100,000 operations a second for two seconds on one
// processor, through all of a load driver but its client, which does nothing: pacing, processes,
// recording and encoding. It reports the generator's lag, and fails where it could not keep up at all.
func BenchmarkOffer(b *testing.B) {
	const rate, length = 100_000, 2 * time.Second
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for b.Loop() {
		clock := history.NewMonotonic(history.Epoch())
		d := &driver{clock: clock, out: newLineWriter(io.Discard)}
		stop := d.reportEvery(progressEvery)
		g := &generator{
			name: "c1", clock: clock, wait: waiter(clock), record: d.record,
			client:  clientFunc(func(_ context.Context, op Op) Op { op.Outcome = history.OK; return op }),
			timeout: 5 * time.Second, inFlight: maxInFlight, clients: 1, processes: &d.processes,
		}
		start := clock.Now() + 10*time.Millisecond
		offered, lag, err := g.offer(b.Context(), evenly(1<<30, time.Second/rate), start, start+length)
		stop()
		if err != nil || offered != rate*int(length/time.Second) {
			b.Fatalf("offered %d: %v", offered, err)
		}
		took := (clock.Now() - start).Seconds()
		b.ReportMetric(float64(offered)/took, "ops/s")
		b.ReportMetric(float64(lag.ValueAtQuantile(50))/1e3, "lag-p50-us")
		b.ReportMetric(float64(lag.ValueAtQuantile(99))/1e3, "lag-p99-us")
	}
}
