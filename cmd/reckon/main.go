// Command reckon measures what a replicated store does while its network and
// its processes fail:
//
//	reckon etcd wan uniform leader
//
// It turns words into a plan, runs it in a process tree of its own, and checks
// and draws what was recorded. It is the only package that knows all the
// words. It refuses to touch the machine's own network, processes and files
// outside the run's directory.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/sys/reexec"
	"github.com/spf13/cobra"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/runner"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

func init() {
	reexec.Register(runner.DriverRole, runner.DriverMain)
	reexec.Register(runnerRole, runnerMain)
	reexec.Register(shellRole, shellMain)
	reexec.Register(pingRole, pingMain)
	reexec.Register(checkerRole, checkerMain)
	reexec.Register(probeRole, probeMain)
}

func main() {
	if reexec.Init() { // this process is a part of a run, under another name
		return
	}
	if host.First() {
		status, err := host.Init()
		if err != nil {
			fmt.Fprintln(os.Stderr, "reckon:", err)
			os.Exit(3)
		}
		os.Exit(status)
	}
	os.Exit(Main(os.Args[1:]))
}

// Main runs the command and returns its exit status: 0 valid, 1 invalid, 2 usage, 3 harness, 4 unknown.
func Main(args []string) int {
	cobra.EnablePrefixMatching = false // etcdctl, which is built in, sets it for all; "generat" is a mistake, not a command
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(os.Stderr, "reckon:", err)
	var usage usageError
	if errors.As(err, &usage) {
		return usageStatus
	}
	var h harnessError
	if errors.As(err, &h) {
		return 3
	}
	return 2
}

// exitStatus is an end of which everything has been said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// harnessError is an error of the harness, not of whoever called it.
type harnessError struct{ error }

func (e harnessError) Unwrap() error { return e.error }
