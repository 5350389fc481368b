package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/moby/sys/reexec"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// debugWords runs the plan's cluster for people, in a new directory that gets the logs.
//
// Exit status: 0; from a script 1 where a command of it failed; 2 and 3 as for any run.
func debugWords(p *plan.Plan, l local) error {
	t, err := foreground()
	if err != nil {
		return err
	}
	dir, err := createDir(p, l.location)
	if err != nil {
		return err
	}
	if err := dir.WritePlan(newPlanFile(p, dir.Path())); err != nil {
		return harnessError{err}
	}
	fmt.Fprintf(os.Stderr, "seed %d  %s  %s\n", p.Options.Seed, p.Words, dir)
	status, err := runShellIsolated(dir)
	if t != nil {
		err = errors.Join(err, t.recover())
	}
	switch {
	case refused(err):
		err = errors.Join(err, os.RemoveAll(dir.Path()))
	case status != runnerFailed && !l.keepData:
		err = errors.Join(err, dir.RemoveScratch(), dir.GiveBack())
	default:
		err = errors.Join(err, dir.GiveBack())
	}
	switch {
	case refused(err):
		return err
	case err != nil:
		return harnessError{err}
	case status != 0:
		return exitStatus(status)
	}
	printPackets(os.Stderr, dir)
	return nil
}

// foreground is the terminal at standard input; nil where there is none. Who is in its background
// cannot be typed to.
func foreground() (*terminal, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil, nil
	}
	t, err := openTerminal(fd)
	if err != nil {
		return nil, err
	}
	if !t.inForeground() {
		return nil, errors.New("--debug reads commands: run it in the foreground, or give it a script as standard input")
	}
	return t, nil
}

// runShellIsolated runs the shell in a private process tree, with standard input and output as they are.
func runShellIsolated(dir *results.Dir) (status int, err error) {
	cmd := reexec.Command(shellRole, dir.Path())
	cmd.SysProcAttr = nil // host.RunIsolated sees to it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = host.RunIsolated(cmd)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		if exit.ExitCode() == runnerForbidden { // and it has said why
			return 0, errLacking
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
