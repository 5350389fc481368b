package campaign

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"

	_ "github.com/reckon-bench/reckon/faults"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

const small = `
system: [memory, memory-liar]
topology: simple
workload: uniform
fault: none
flags: {duration: 2s, number-nodes: [1, 3]}
repeats: 2
seed: 7
`

var keep = flag.String("keep", "", "a directory to keep the matrix of a thousand cells in, to look at its page")

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// parsed is the file with its cells, planned.
func parsed(tb testing.TB, text string) (*matrix.File, []*matrix.Cell) {
	tb.Helper()
	f, err := matrix.Parse("m.yaml", []byte(text))
	must(tb, err)
	cells, err := f.Cells()
	must(tb, err)
	must(tb, f.Plan(cells))
	return f, cells
}

func ptr[T any](v T) *T { return &v }

// invented is a summary such as a run of the cell could have; its numbers derive from the cell's
// seed.
func invented(c *index.Cell) results.Summary {
	rng := seed.Stream(c.Seed, "invented")
	s := results.Summary{Verdict: results.StatusValid, Reason: "All checks passed, and every planned fault was injected, observed and healed.", Seed: c.Seed, Words: c.Words.List(), Duration: 9}
	s.Checks = []check.Result{{Name: "durable", Verdict: check.Valid, Detail: "as recorded"}, {Name: "linearizable", Verdict: check.Valid, Detail: "100 keys"}}
	s.Ops = results.Ops{Offered: 900, OK: 880, Failed: 5, Unknown: 15}
	p50 := 2 + rng.Float64()
	q := &results.Quantiles{N: 880, P50: p50, P90: 2 * p50, P99: 20 * p50 * (1 + rng.ExpFloat64()), P999: 500, Max: 900}
	s.Latency = results.Latency{All: q, Before: q, During: q, After: q}
	s.Unavailability.LongestGap = 20 + 10*rng.Float64()
	if c.Words.Fault == "leader" {
		ttr := 900 + 700*rng.Float64()
		s.Strikes = []results.Strike{{Fault: "leader", Struck: ptr(3.0), Healed: ptr(6.0), Verified: true}}
		s.Unavailability.LongestGap, s.Unavailability.TTR, s.Unavailability.Censored = ttr, []*float64{&ttr}, []bool{false}
		if rng.IntN(40) == 0 {
			s.Unavailability.TTR, s.Unavailability.Censored = []*float64{nil}, []bool{true}
		}
	}
	switch rng.IntN(100) {
	case 0:
		s.Verdict, s.Reason = results.StatusInvalid, "Durability violated: 1 acknowledged write is missing."
		s.Checks[0] = check.Result{Name: "durable", Verdict: check.Invalid, Detail: "key 7: a write was acknowledged at revision 44 but is not in n1's record"}
	case 1, 2:
		s.Verdict, s.Reason = results.StatusHarness, "The run was not what its plan says: the load generator lagged."
		s.Harness = []string{"the load generator lagged: 140ms behind its schedule at p99, the bound is 100ms"}
	}
	return s
}

// record makes the cell's run directory, whole, as far as a matrix reads it.
func record(tb testing.TB, d *Dir, c *index.Cell, s results.Summary) {
	tb.Helper()
	run, err := results.Create(d.Path(index.CellsDir, c.Name))
	must(tb, err)
	must(tb, run.WritePlan(results.PlanFile{Words: c.Words, Seed: c.Seed}))
	must(tb, run.WriteSummary(s))
	must(tb, os.WriteFile(run.Path("report.html"), []byte("<!DOCTYPE html>"), 0o666))
}

// finished makes a matrix whose cells are all finished, with invented runs.
func finished(tb testing.TB, path, text string, shard matrix.Shard) *Dir {
	tb.Helper()
	f, cells := parsed(tb, text)
	d, err := Create(path, f, cells, shard, "test")
	must(tb, err)
	for _, c := range d.Index.Cells {
		s := invented(c)
		record(tb, d, c, s)
		c.State, c.Outcome = index.Finished, index.Judge(c, s)
		c.Outcome.Report = true
	}
	must(tb, d.Write())
	return d
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

func largeMatrix(tb testing.TB) *Dir {
	return finished(tb, filepath.Join(tb.TempDir(), "m"), thousand, matrix.Shard{})
}

// TestLarge keeps the page to look at, where -keep asks for it.
func TestLarge(t *testing.T) {
	if *keep == "" {
		t.Skip("nobody asked to keep it")
	}
	d := finished(t, *keep, thousand, matrix.Shard{})
	fmt.Println(d.Report())
}

// BenchmarkOpen opens the index of a thousand cells.
func BenchmarkOpen(b *testing.B) {
	d := largeMatrix(b)
	for b.Loop() {
		again, err := Open(d.Path())
		if err != nil {
			b.Fatal(err)
		}
		if n := len(again.Index.Cells); n < 1000 || again.Index.Unfinished > 0 {
			b.Fatal(n, again.Index.Unfinished)
		}
	}
}

// BenchmarkWrite writes everything that is made of the index of a thousand cells.
func BenchmarkWrite(b *testing.B) {
	d := largeMatrix(b)
	for b.Loop() {
		must(b, d.Write())
	}
}
