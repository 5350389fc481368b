package main

import (
	"os"
	"syscall"
	"testing"
	"time"

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
