package stream

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// BenchmarkData measures sequential reads of large files, and 4 KiB at random of a late generation.
func BenchmarkData(b *testing.B) {
	for _, redundancy := range []float64{0, 0.6} {
		c, err := New(Options{Seed: 1, Redundancy: draw.RateOf(redundancy)})
		if err != nil {
			b.Fatal(err)
		}
		v := c.Stream(1, 1<<40).At(0)
		buf := make([]byte, 1<<20)
		b.Run(fmt.Sprintf("sequential/redundancy=%v", redundancy), func(b *testing.B) {
			b.SetBytes(int64(len(buf)))
			for i := range b.N {
				if _, err := v.ReadAt(buf, int64(i)<<20&(1<<40-1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	c, err := New(Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	f := c.Stream(1, 1<<30)
	for g := uint16(1); g <= 100; g++ {
		n := f.History.SizeAt(g)
		if err := f.Advance(g, Change{n / 20, n / 25}, Usual); err != nil {
			b.Fatal(err)
		}
	}
	for _, g := range []uint16{0, 10, 100} {
		b.Run(fmt.Sprintf("random4KiB/generation=%d", g), func(b *testing.B) {
			v, r, buf := f.At(g), rand.New(rand.NewPCG(1, 1)), make([]byte, 4<<10)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for range b.N {
				if _, err := v.ReadAt(buf, r.Int64N(v.Size()-4096)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	flat := f.At(100).Flat()
	b.Run("random4KiB/generation=100/flat", func(b *testing.B) {
		r, buf := rand.New(rand.NewPCG(1, 1)), make([]byte, 4<<10)
		b.SetBytes(int64(len(buf)))
		for range b.N {
			if _, err := flat.ReadAt(buf, r.Int64N(flat.Size()-4096)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(flat.Pieces()), "pieces")
	})
}
