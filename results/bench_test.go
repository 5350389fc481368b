package results

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/reckon-bench/reckon/reckon/history"
)

func BenchmarkReadHistory(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			d, err := Create(filepath.Join(b.TempDir(), "run"))
			must(b, err)
			for i := range n {
				o := op(i)
				o.Value = fmt.Sprintf("%010d", i) // as workloads write them
				must(b, d.Op(o))
			}
			must(b, d.Event(history.Event{}))
			must(b, d.Close())
			for b.Loop() {
				h, _, err := d.History()
				must(b, err)
				if len(h.Ops) != n {
					b.Fatal(len(h.Ops))
				}
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	d, err := Create(filepath.Join(b.TempDir(), "run"))
	must(b, err)
	o := op(1)
	for b.Loop() {
		must(b, d.Op(o))
	}
	must(b, d.Close())
}
