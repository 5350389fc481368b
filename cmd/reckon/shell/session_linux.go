package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/cmd/reckon/ping"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/runner"
)

// live is the session of a running cluster.
type live struct {
	*runner.Session
	console *console
	env     []string
}

// session returns the session, with the tools that this machine may lack: they come last on the
// PATH, behind those that it has.
func (c *console) session(s *runner.Session) (*live, error) {
	tools := s.Tools()
	dir, err := c.dir.Scratch("tools")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find reckon's own binary: %w", err)
	}
	for _, name := range append(slices.Clone(tools.Names), ping.Role) {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("make the tools: %w", err)
		}
	}
	path := os.Getenv("PATH") + string(filepath.ListSeparator) + dir
	if err := os.Setenv("PATH", path); err != nil { // completion uses it too
		return nil, err
	}
	return &live{s, c, tools.Env}, nil
}

var errInterrupted = errors.New("interrupted")

// interruptTime is how long an interrupted command may take to end before it is killed.
const interruptTime = 2 * time.Second

// Run implements session. A command of a script has no input, because the input is the script.
func (b *live) Run(ctx context.Context, name, line string) error {
	c := host.Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", line}, Env: append(slices.Clone(b.env), "RECKON_HOST="+name),
		Stdout: os.Stdout, Stderr: os.Stderr,
	}
	t := b.console.terminal
	switch {
	case t != nil && line == "":
		c.Args[2] = `exec "${SHELL:-/bin/sh}"`
	case line == "":
		return fmt.Errorf("want %s COMMAND", name)
	}
	if t != nil {
		c.Stdin = b.console.in
	}
	p, err := b.Start(name, c)
	if err != nil {
		return err
	}
	if t != nil {
		if err := t.lend(p.PID()); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ESRCH) { // it has ended already
			return errors.Join(err, p.Kill())
		}
		defer t.Recover()
	}
	return awaitCommand(ctx, p)
}

// awaitCommand waits for the command and interrupts it when ctx ends.
func awaitCommand(ctx context.Context, p *host.Process) error {
	select {
	case <-p.Done():
	case <-ctx.Done():
		_ = unix.Kill(-p.PID(), unix.SIGINT) // it may have ended by now
		select {
		case <-p.Done():
		case <-time.After(interruptTime):
			_ = p.Kill()
		}
	}
	err := p.Err()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch ws := exit.Sys().(syscall.WaitStatus); {
	case ws.Signaled() && ws.Signal() == unix.SIGINT:
		return errInterrupted
	case ws.Signaled():
		return fmt.Errorf("ended by %s", unix.SignalName(ws.Signal()))
	}
	return fmt.Errorf("exit status %d", exit.ExitCode())
}

// Capture implements session. It overwrites the file.
func (b *live) Capture(name, path string) (stop func() (string, error), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	end, err := b.Session.Capture(name, f, int64(b.console.plan.Options.PcapLimit))
	if err != nil {
		return nil, err
	}
	return func() (string, error) {
		a, err := end()
		return a.String(), err
	}, nil
}
