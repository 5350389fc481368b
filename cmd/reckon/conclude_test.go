package main

import (
	"os"
	"os/signal"
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
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt)
	defer signal.Stop(heard)
	interrupt := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-heard
		signal.Notify(heard, os.Interrupt) // which waits until everybody who listens has been given the signal
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
	case <-time.After(time.Minute):
		t.Error("the second interrupt did not end it")
	}
}
