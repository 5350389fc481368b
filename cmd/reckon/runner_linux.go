package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link/netem"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results"
)

// runnerRole is the name under which the binary carries out a plan: reckon-run DIR.
const runnerRole = "reckon-run"

// Exit statuses of the runner. None is one that Go gives a program that panics (2).
const (
	runnerFailed    = 3  // the run is no result, and the record says why
	runnerForbidden = 77 // this machine does not allow what it needs; its standard error says what
	runnerBroke     = 78 // the run is no result, and its standard error says why: the record could not
)

// runnerMain is the first process of the private tree.
func runnerMain() {
	// PID 1 of a namespace gets no signal that it does not handle, and must end by none that it does.
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	err := carryOut(os.Args[1], interrupts)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	switch {
	case forbidden(err):
		os.Exit(runnerForbidden)
	case errors.Is(err, runner.ErrRecorded):
		os.Exit(runnerFailed)
	}
	os.Exit(runnerBroke)
}

// forbidden says whether it is this machine that does not allow, or have, what the run needs.
func forbidden(err error) bool {
	return errors.Is(err, host.ErrNotPermitted) || errors.Is(err, netem.ErrUnavailable)
}

func carryOut(path string, interrupts <-chan os.Signal) error {
	if err := host.Settle(); err != nil {
		return err
	}
	dir, err := results.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	file, err := readPlan(dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-interrupts
		stop()
		<-interrupts // the second time is meant
		_ = dir.Close()
		os.Exit(runnerFailed)
	}()
	progress := json.NewEncoder(os.Stdout)
	err = runner.Run(ctx, file.plan, packetDir{dir}, func(p runner.Progress) {
		_ = progress.Encode(p) // nobody watching is no reason to stop
	})
	if cerr := dir.Close(); cerr != nil {
		return fmt.Errorf("record: %w", cerr)
	}
	return err
}
