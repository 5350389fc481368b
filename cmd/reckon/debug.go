package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/moby/sys/reexec"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/shell"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// debugWords starts the plan's cluster for a person or a script, in a new directory that gets the
// logs.
//
// Exit status: 0, or 1 if a command of a script failed; 2 and 3 as for any run.
func debugWords(p *plan.Plan, l local) error {
	t, err := foreground()
	if err != nil {
		return err
	}
	dir, err := launch.Create(p, l.location)
	if err != nil {
		return err
	}
	if err := dir.WritePlan(results.NewPlanFile(p, dir.Path())); err != nil {
		return exit.Harness(err)
	}
	fmt.Fprintf(os.Stderr, "seed %d  %s  %s\n", p.Options.Seed, p.Words, dir)
	status, err := runShellIsolated(dir)
	if t != nil {
		err = errors.Join(err, t.Recover())
	}
	switch {
	case launch.Refused(err):
		err = errors.Join(err, os.RemoveAll(dir.Path()))
	case status != launch.Failed && !l.keepData:
		err = errors.Join(err, dir.RemoveScratch(), dir.GiveBack())
	default:
		err = errors.Join(err, dir.GiveBack())
	}
	switch {
	case launch.Refused(err):
		return err
	case err != nil:
		return exit.Harness(err)
	case status != 0:
		return exit.Status(status)
	}
	launch.PrintPackets(os.Stderr, dir)
	return nil
}

// foreground returns the terminal at standard input, or nil if there is none. It is an error to be
// in the terminal's background, where nobody can type commands.
func foreground() (*shell.Terminal, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil, nil
	}
	t, err := shell.OpenTerminal(fd)
	if err != nil {
		return nil, err
	}
	if !t.InForeground() {
		return nil, errors.New("--debug reads commands: run it in the foreground, or give it a script as standard input")
	}
	return t, nil
}

// runShellIsolated runs the shell in a private process tree, with standard input and output as they
// are.
func runShellIsolated(dir *results.Dir) (status int, err error) {
	cmd := reexec.Command(shell.Role, dir.Path())
	cmd.SysProcAttr = nil // host.RunIsolated sets its own
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = host.RunIsolated(cmd)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		if exit.ExitCode() == launch.NotPermitted { // it has said why
			return 0, launch.ErrLacking
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
