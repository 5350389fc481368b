package index

import (
	"slices"
	"testing"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"

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

func ptr[T any](v T) *T { return &v }

// ran is a run of 100 operations, one strike, and the verdict.
func ran(v results.Status, ok int, ttr *float64) results.Summary {
	s := results.Summary{Verdict: v, Reason: "Said the run.", Ops: results.Ops{Offered: 100, OK: ok}}
	s.Unavailability.LongestGap = 1500
	s.Strikes = []results.Strike{{Fault: "leader", Struck: ptr(3.0)}}
	s.Unavailability.TTR, s.Unavailability.Censored = []*float64{ttr}, []bool{ttr == nil}
	return s
}

// unasked is a run with a strike and without operations of a client, such as Kibishii's alone.
func unasked(v results.Status) results.Summary {
	s := ran(v, 0, nil)
	s.Ops, s.Unavailability.LongestGap, s.Unavailability.Censored = results.Ops{}, 0, []bool{false}
	return s
}

// planned is the cell of a file with the thresholds; fail expects it to be invalid.
func planned(t *testing.T, thresholds string, fail bool) *Cell {
	t.Helper()
	text := "{system: memory, topology: simple, workload: uniform, fault: leader"
	if thresholds != "" {
		text += ", thresholds: " + thresholds
	}
	if fail {
		text += ", expect: {invalid: [{system: memory}]}"
	}
	return parsed(t, text+"}")[0]
}

// parsed are the cells of a file.
func parsed(t *testing.T, text string) []*Cell {
	t.Helper()
	f, err := matrix.Parse("m.yaml", []byte(text))
	must(t, err)
	cells, err := f.Cells()
	must(t, err)
	return Cells(cells)
}

func TestThresholdsAndExpectations(t *testing.T) {
	const valid, invalid, harness, unknown = results.StatusValid, results.StatusInvalid, results.StatusHarness, results.StatusUnknown
	const ttr = "{max_ttr_ms: 1000}"
	for _, tc := range []struct {
		name   string
		run    results.Summary
		limits string // of the file
		fail   bool
		want   results.Status
		reason string
	}{
		{"no limits", ran(valid, 100, ptr(1500.0)), "", false, valid, "Said the run."},
		{"within", ran(valid, 100, ptr(1000.0)), ttr, false, valid, "Said the run."},
		{"beyond", ran(valid, 100, ptr(1000.1)), ttr, false, invalid, "Threshold: max_ttr_ms 1000: 1000.1 ms to recover from fault 1 (leader)."},
		{"did not recover", ran(valid, 100, nil), ttr, false, invalid, "Threshold: max_ttr_ms 1000: service did not recover from fault 1 (leader)."},
		{"no fault was injected", results.Summary{Verdict: valid, Reason: "Said the run.", Ops: results.Ops{Offered: 1, OK: 1}}, ttr, false, valid, "Said the run."},
		{"a fault, and no operations", unasked(valid), ttr, false, unknown, "Threshold: max_ttr_ms 1000: recovery was not measured."},
		{"unavailable", ran(valid, 100, ptr(1.0)), "{max_unavailability_ms: 1499}", false, invalid, "Threshold: max_unavailability_ms 1499: the longest outage lasted 1500 ms, from 0.000 s on."},
		{"ratio", ran(valid, 94, ptr(1.0)), "{min_ok_ratio: 0.95}", false, invalid, "Threshold: min_ok_ratio 0.95: 94 of 100 operations were acknowledged, a ratio of 0.9400."},
		{"exactly the ratio", ran(valid, 95, ptr(1.0)), "{min_ok_ratio: 0.95}", false, valid, "Said the run."},
		{"nothing offered", results.Summary{Verdict: valid}, "{min_ok_ratio: 0.95}", false, unknown, "Threshold: min_ok_ratio 0.95: no operation was offered."},
		{"both", ran(invalid, 100, ptr(2000.0)), ttr, false, invalid, "Said the run. Threshold: max_ttr_ms 1000: 2000 ms to recover from fault 1 (leader)."},
		{"harness has no numbers", ran(harness, 100, ptr(2000.0)), ttr, false, harness, "Said the run."},
		{"unknown has none either", ran(unknown, 100, ptr(2000.0)), ttr, false, unknown, "Said the run."},
		{"damage found", ran(invalid, 100, ptr(1.0)), "", true, valid, "Invalid, as expected: Said the run."},
		{"damage found by a threshold", ran(valid, 100, ptr(2000.0)), ttr, true, valid, "Invalid, as expected: Threshold: max_ttr_ms 1000: 2000 ms to recover from fault 1 (leader)."},
		{"damage unseen", ran(valid, 100, ptr(1.0)), "", true, invalid, "Expected to be invalid, but the run was valid: the planted damage was not detected."},
		{"damage and harness", ran(harness, 100, ptr(1.0)), "", true, harness, "Said the run."},
		{"damage not decided", ran(unknown, 100, ptr(1.0)), "", true, unknown, "Said the run."},
	} {
		o := Judge(planned(t, tc.limits, tc.fail), tc.run)
		if o.Verdict != tc.want || o.Reason != tc.reason {
			t.Errorf("%s: %s: %s", tc.name, o.Verdict, o.Reason)
		}
		if o.Run != tc.run.Verdict {
			t.Errorf("%s: what the run said was changed to %s", tc.name, o.Run)
		}
		if has := slices.ContainsFunc(o.Checks, func(c Check) bool { return c.Name == ThresholdCheck }); has != (tc.limits != "") {
			t.Errorf("%s: threshold among the checks: %t", tc.name, has)
		}
	}
}

// What nearly all cells have goes without saying; what is an axis is said, and so is what some
// cells do not set.
func TestTitles(t *testing.T) {
	cells := parsed(t, `
system: etcd
topology: simple
workload: uniform
fault: [none, leader, pause, isolate]
flags: {duration: 9s, rate: [50, 100], failure-timeout: 1s}
include:
  - {fault: rolling, flags: {duration: 12s, rate: 50, number-nodes: 5}}
`)
	var planned []*matrix.Cell
	x := &Index{Cells: cells}
	for _, c := range cells {
		planned = append(planned, c.Cell)
	}
	x.Dimensions = matrix.Dimensions(planned)
	for i, want := range map[int]string{0: "etcd simple uniform none rate=50 #1", 8: "etcd simple uniform rolling duration=12s number-nodes=5 rate=50 #1"} {
		if got := cells[i].Title(x.Dimensions); got != want {
			t.Errorf("cell %d is %q, want %q", i, got, want)
		}
	}
	if got := x.Usual(); got != "duration=9s" {
		t.Errorf("unsaid: %q", got)
	}
	if got := len(x.Groups()); got != len(cells) {
		t.Errorf("%d groups of %d configurations", got, len(cells))
	}
}
