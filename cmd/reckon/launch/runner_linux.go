package launch

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

// Role is the name under which the binary carries out a plan: reckon-run DIR.
const Role = "reckon-run"

// Exit statuses of the runner. Each differs from that of a Go program that panics (2).
const (
	Failed       = 3  // the run failed, and the record says why
	NotPermitted = 77 // this machine does not permit what the run needs; standard error says what
	broke        = 78 // the run failed, and so did recording why: standard error says it
)

// Main is the first process of the private tree.
func Main() {
	// PID 1 of a namespace gets only the signals that it handles, and none of those may end it.
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	err := carryOut(os.Args[1], interrupts)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	switch {
	case Forbidden(err):
		os.Exit(NotPermitted)
	case errors.Is(err, runner.ErrRecorded):
		os.Exit(Failed)
	}
	os.Exit(broke)
}

// Forbidden reports whether err says that this machine does not permit, or does not have, what the
// run needs.
func Forbidden(err error) bool {
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
	plan, _, err := dir.Plan()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-interrupts
		stop()
		<-interrupts // a second one ends the run at once
		_ = dir.Close()
		os.Exit(Failed)
	}()
	progress := json.NewEncoder(os.Stdout)
	err = runner.Run(ctx, plan, Packets{dir}, func(p runner.Progress) {
		_ = progress.Encode(p) // a run goes on if nobody watches
	})
	if cerr := dir.Close(); cerr != nil {
		return fmt.Errorf("record: %w", cerr)
	}
	return err
}
