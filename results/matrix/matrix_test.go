package matrix

import (
	"testing"

	_ "github.com/reckon-bench/reckon/faults"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// parsed is the file with its cells, planned.
func parsed(tb testing.TB, text string) (*File, []*Cell) {
	tb.Helper()
	f, err := Parse("m.yaml", []byte(text))
	must(tb, err)
	cells, err := f.Cells()
	must(tb, err)
	must(tb, f.Plan(cells))
	return f, cells
}

// thousand is a file of a thousand cells.
const thousand = `
system: [etcd, etcd-no-pre-vote]
topology: [simple, wan]
workload: uniform
fault: [none, leader]
flags: {duration: 9s, number-nodes: [3, 5], link-latency: [1, 10, 20, 40, 80]}
repeats: 13
exclude:
  - {fault: none, link-latency: 80, topology: wan, system: etcd}
thresholds: {max_ttr_ms: 1580}
`

// BenchmarkPlan reads and plans a thousand cells, as every call does first.
func BenchmarkPlan(b *testing.B) {
	for b.Loop() {
		parsed(b, thousand)
	}
}
