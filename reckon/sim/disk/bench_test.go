package disk

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// Random reads, writes and syncs on six disks, which lose their power at random every 500 requests or so.
func BenchmarkIO(b *testing.B) {
	l := loop.New(1)
	rng := rand.New(rand.NewPCG(1, 2))
	block := make([]byte, 4096)
	ios, cuts := 0, 0
	for i := range 6 {
		d := New(l, i, fmt.Sprint(i), NVMe)
		var next func(error)
		next = func(error) {
			ios++
			at := rng.IntN(64) * len(block)
			switch {
			case rng.IntN(500) == 0:
				cuts++
				d.PowerCut(Any)
				l.After(time.Millisecond, loop.Label{Kind: loop.Scenario, Subject: i}, func() {
					_ = d.Write("d/a", at, block, nil)
					d.SyncDir("d", next)
				})
			case rng.IntN(4) == 0:
				d.Sync("d/a", next)
			case rng.IntN(4) == 0:
				d.Read("d/a", at, block, func(int, error) { next(nil) })
			default:
				_ = d.Write("d/a", at, block, next)
			}
		}
		_ = d.Write("d/a", 0, block, nil)
		d.SyncDir("d", next)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Step()
	}
	b.ReportMetric(float64(ios)/b.Elapsed().Seconds(), "IO/s")
	b.ReportMetric(float64(cuts)/b.Elapsed().Seconds(), "cuts/s")
}
