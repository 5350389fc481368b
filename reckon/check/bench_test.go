package check

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// BenchmarkLinearizable judges simulated runs. It reports the most memory that the process held of
// the system at once, the history included, in MB, and says in its log how much porcupine
// confirmed.
func BenchmarkLinearizable(b *testing.B) {
	for _, c := range []struct {
		name string
		load load
	}{
		{"ops=1000000/keys=10000", load{ops: 1_000_000, keys: 10_000, rate: 20_000, latency: 20 * time.Millisecond}},
		{"ops=60000/keys=100/leader", load{ops: 60_000, keys: 100, rate: 2_000, latency: 20 * time.Millisecond, outage: 3 * time.Second, unknown: 100}},
		{"ops=60000/keys=100/leader/hot", load{ops: 60_000, keys: 100, zipf: true, rate: 2_000, latency: 20 * time.Millisecond, outage: 3 * time.Second, unknown: 100}},
		{"ops=60000/keys=1", load{ops: 60_000, keys: 1, rate: 10_000, latency: 40 * time.Millisecond}},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := c.load.history(1)
			runtime.GC()
			peak := watch()
			var r Result
			for b.Loop() {
				if r = Linearizable(b.Context(), h, Bounds{}); r.Verdict != Valid {
					b.Fatal(r)
				}
			}
			b.ReportMetric(peak()/1e6, "MB")
			b.Log(r.Detail)
		})
	}
}

// BenchmarkDurable holds a million operations against half a million changes.
func BenchmarkDurable(b *testing.B) {
	const ops = 1_000_000
	b.Run(fmt.Sprintf("ops=%d", ops), func(b *testing.B) {
		h := load{ops: ops, keys: 10_000, rate: 20_000, latency: 20 * time.Millisecond}.history(1)
		runtime.GC()
		peak := watch()
		for b.Loop() {
			if r := Durable(h); r.Verdict != Valid {
				b.Fatal(r)
			}
		}
		b.ReportMetric(peak()/1e6, "MB")
	})
}

// watch samples what the process holds of the system's memory until the returned function is
// called, which tells the most, in bytes.
func watch() (peak func() float64) {
	var (
		most uint64
		stop = make(chan struct{})
		wg   sync.WaitGroup
	)
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(held)
			most = max(most, held[0].Value.Uint64()-held[1].Value.Uint64())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() float64 { close(stop); wg.Wait(); return float64(most) }
}
