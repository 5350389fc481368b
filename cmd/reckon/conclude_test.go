package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// recordRun writes the record of a run of the memory system that went well: n
// operations, half of them writes, over a hundred keys, several under way at once.
func recordRun(tb testing.TB, n int) *results.Dir {
	tb.Helper()
	const rate = 1000
	length := time.Duration(n) * time.Second / rate
	p, err := plan.New(plan.Words{System: "memory", Topology: "simple", Workload: "uniform", Fault: "none"},
		plan.Flags{"duration": {length.String()}, "rate": {fmt.Sprint(rate)}})
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := results.Create(filepath.Join(tb.TempDir(), "run"))
	if err != nil {
		tb.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(dir.WritePlan(newPlanFile(p, dir.Path())))
	start := time.Second
	phase := func(at time.Duration, name string) {
		must(dir.Event(history.Event{At: at, Kind: history.Phase, Subject: name}))
	}
	must(dir.Event(history.Event{At: start - 1, Kind: history.Probed, Data: map[string]float64{"paths": 2, "probed": 2}}))
	phase(start, "load")
	last, version := map[string]history.Change{}, map[string]int64{}
	for i := range n {
		due := start + time.Duration(i)*time.Second/rate
		op := history.Op{Client: "c1", Process: i % 8, Key: fmt.Sprint(i % 101), Due: due, Call: due, Return: due + 5*time.Millisecond, Outcome: history.OK, Member: "n1"}
		if i%2 == 0 {
			op.Kind, op.Value, op.Revision = history.Write, fmt.Sprintf("%013d", i), int64(i/2+1)
			version[op.Key]++
			last[op.Key] = history.Change{Revision: op.Revision, Version: version[op.Key], Key: op.Key, Value: op.Value, Member: "n1"}
			must(dir.Change(last[op.Key]))
		} else {
			op.Value, op.Revision, op.Version = last[op.Key].Value, last[op.Key].Revision, last[op.Key].Version
		}
		must(dir.Op(op))
	}
	end := start + length
	phase(end, "drain")
	must(dir.Event(history.Event{At: end, Kind: history.Settled, Subject: "n1"}))
	must(dir.Event(history.Event{At: end, Kind: history.Driver, Subject: "c1", Data: map[string]float64{"offered": float64(n)}}))
	must(dir.Event(history.Event{At: end, Kind: history.Links, Subject: "userspace", Data: map[string]float64{"packets": 1, "late_p50_us": 1, "late_p99_us": 1, "late_max_us": 1}}))
	must(dir.Event(history.Event{At: end, Kind: history.Phase, Subject: "done", Data: map[string]float64{"ops": float64(n), "changes": float64((n + 1) / 2)}}))
	must(dir.Close())
	return dir
}

func TestConclude(t *testing.T) {
	s, err := conclude(recordRun(t, 5000))
	if err != nil {
		t.Fatal(err)
	}
	if s.Verdict != results.StatusValid || s.Ops.OK != 5000 || len(s.Checks) != 4 {
		t.Errorf("%s: %s; %v; %v", s.Verdict, s.Reason, s.Harness, s.Checks)
	}
}

// What was recorded is judged although somebody interrupts that; the second time is meant.
func TestInterruptWhileJudging(t *testing.T) {
	ended := make(chan struct{})
	judging, release := untilJudged(func() { close(ended) })
	defer release()
	interrupt := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	interrupt() // the run's
	judging()
	dir := recordRun(t, 1000)
	interrupt()
	if s, err := conclude(dir); err != nil || s.Verdict != results.StatusValid {
		t.Errorf("interrupted once: %s: %s, %v", s.Verdict, s.Reason, err)
	}
	select {
	case <-ended:
		t.Error("the first interrupt ended it")
	default:
	}
	interrupt()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the second interrupt did not end it")
	}
}

// A check that crashes, or whose process ends without a word, is Unknown and names the reason.
func TestChecksThatDoNotFinish(t *testing.T) {
	crash := guarded(t.Context(), reckon.Check{Name: "x", Run: nil}, nil)
	if crash.Name != "x" || crash.Verdict != check.Unknown || crash.Detail == "" {
		t.Errorf("a crash gave %v", crash)
	}
	dir := recordRun(t, 1000)
	var broken map[string]any
	if err := dir.ReadPlan(&broken); err != nil {
		t.Fatal(err)
	}
	file, err := readPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	broken["words"] = map[string]string{"system": "gone"}
	if err := dir.WritePlan(broken); err != nil {
		t.Fatal(err)
	}
	for _, r := range runChecks(dir, file.plan) {
		if r.Verdict != check.Unknown || r.Detail == "" {
			t.Errorf("without a checking process: %v", r)
		}
	}
}

// BenchmarkConclude checks, summarises and renders, as reckon check does.
func BenchmarkConclude(b *testing.B) {
	for _, n := range []int{100_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			dir := recordRun(b, n)
			for b.Loop() {
				if s, err := conclude(dir); err != nil || s.Verdict != results.StatusValid {
					b.Fatal(s.Verdict, s.Reason, s.Checks, err)
				}
			}
		})
	}
}

// A timeline's entries have flags of their own: a reset that one of them asks for is wanted of the machine as the run's own is,
// and refused before anything is started where connections cannot be reset.
func TestResetsAreWantedOfTheMachine(t *testing.T) {
	plan := func(fault string, flags plan.Flags) *plan.Plan {
		p, err := plan.New(plan.Words{System: "etcd", Topology: "simple", Workload: "uniform", Fault: fault}, flags)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	mixed := "[{fault: leader, at: 1s, for: 1s}, {fault: partial-partition, at: 5s, for: 1s, with: {cut: reset}}]"
	if got, want := resetBy(plan("timeline", plan.Flags{"faults": {mixed}})), "--faults, entry 2, partial-partition: cut: reset"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	plain := "[{fault: partial-partition, at: 5s, for: 1s}]"
	if got := resetBy(plan("timeline", plan.Flags{"faults": {plain}})) + resetBy(plan("partial-partition", plan.Flags{"cut": {"drop"}})); got != "" {
		t.Errorf("nobody asked for a reset, and %q does", got)
	}
	without := []finding{{What: resets, Detail: "the kernel has no CONFIG_INET_DIAG_DESTROY"}}
	if err := lacking(map[string]string{resets: "--cut reset"}, without); err == nil || err.Error() != "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY" {
		t.Errorf("got %v", err)
	}
	without[0].OK = true
	if err := lacking(map[string]string{resets: "--cut reset"}, without); err != nil {
		t.Errorf("got %v", err)
	}
}
