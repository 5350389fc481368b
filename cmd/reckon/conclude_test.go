package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge"
	"github.com/reckon-bench/reckon/results/judge/judgetest"
)

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
	dir := judgetest.Record(t, 1000)
	interrupt()
	if s, err := judge.Conclude(dir); err != nil || s.Verdict != results.StatusValid {
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

// A timeline's entries have flags of their own: a reset that one of them asks for is wanted of the machine as the run's own is,
// and refused before anything is started where connections cannot be reset.
func TestResetsAreWantedOfTheMachine(t *testing.T) {
	planned := func(fault string, flags plan.Flags) *plan.Plan {
		p, err := plan.New(plan.Words{System: "etcd", Topology: "simple", Workload: "uniform", Fault: fault}, flags)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	mixed := "[{fault: leader, at: 1s, for: 1s}, {fault: partial-partition, at: 5s, for: 1s, with: {cut: reset}}]"
	if got, want := resetBy(planned("timeline", plan.Flags{"faults": {mixed}})), "--faults, entry 2, partial-partition: cut: reset"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	plain := "[{fault: partial-partition, at: 5s, for: 1s}]"
	if got := resetBy(planned("timeline", plan.Flags{"faults": {plain}})) + resetBy(planned("partial-partition", plan.Flags{"cut": {"drop"}})); got != "" {
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
