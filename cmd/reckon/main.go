// Command reckon measures what a replicated store does while its network and
// its processes fail:
//
//	reckon etcd wan uniform leader
//
// It turns words into a plan, runs it in a process tree of its own, and checks and draws the
// record. It is the only package that knows all the words. It never touches the machine's own
// network, other processes, or files outside the run's directory.
package main

import (
	"fmt"
	"os"

	"github.com/moby/sys/reexec"
	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/ping"
	"github.com/reckon-bench/reckon/cmd/reckon/shell"
	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results/judge"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

func init() {
	reexec.Register(runner.DriverRole, runner.DriverMain)
	reexec.Register(launch.Role, launch.Main)
	reexec.Register(shell.Role, shell.Main)
	reexec.Register(ping.Role, ping.Main)
	reexec.Register(judge.Role, judge.Main)
	reexec.Register(doctor.Role, doctor.Main)
}

func main() {
	if reexec.Init() { // this process is part of a run, under another name
		return
	}
	if host.First() {
		status, err := host.Init()
		if err != nil {
			fmt.Fprintln(os.Stderr, "reckon:", err)
			os.Exit(exit.HarnessStatus)
		}
		os.Exit(status)
	}
	os.Exit(Main(os.Args[1:]))
}

// Main runs the command and returns its exit status: 0 valid, 1 invalid, 2 usage, 3 harness, 4
// unknown.
func Main(args []string) int {
	cobra.EnablePrefixMatching = false // etcdctl, which is built in, sets it for all; "generat" is a mistake, not a command
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	status, unsaid := exit.Code(err)
	if unsaid {
		fmt.Fprintln(os.Stderr, "reckon:", err)
	}
	return status
}
