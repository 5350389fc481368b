package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results"
)

// shellRole is the name under which the binary carries out a plan for people: reckon-shell DIR.
const shellRole = "reckon-shell"

// commandFailed is the shell's exit status where a command of a script did; runner's are the others.
const commandFailed = 1

func shellMain() {
	failed, err := runShell(os.Args[1])
	switch {
	case forbidden(err):
		fmt.Fprintln(os.Stderr, "reckon:", err)
		os.Exit(runnerForbidden)
	case err != nil:
		fmt.Fprintln(os.Stderr, "reckon:", err)
		os.Exit(runnerFailed)
	case failed:
		os.Exit(commandFailed)
	}
}

// runShell runs the plan's cluster for whoever is at standard input: people at a terminal, or a script.
func runShell(path string) (failed bool, err error) {
	if err := host.Settle(); err != nil {
		return false, err
	}
	dir, err := results.Open(path)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	file, err := readPlan(dir)
	if err != nil {
		return false, err
	}
	c := &console{dir: dir, plan: file.plan, in: os.Stdin, watched: term.IsTerminal(int(os.Stdout.Fd()))}
	if term.IsTerminal(int(c.in.Fd())) {
		if c.terminal, err = openTerminal(int(c.in.Fd())); err != nil {
			return false, err
		}
		if err := c.terminal.take(); err != nil {
			return false, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go c.obeySignals(stop)
	served := false
	err = runner.Debug(ctx, file.plan, logsOnly{dir}, c.watch, func(ctx context.Context, session *runner.Session) {
		served = true
		failed, c.err = c.serve(ctx, session)
	})
	if err == nil && !served {
		err = errors.New("interrupted before the cluster was ready")
	}
	return failed, errors.Join(err, c.err)
}

// logsOnly records nothing but logs: what people do by hand is no result.
type logsOnly struct{ *results.Dir }

func (logsOnly) Op(reckon.Op) error          { return nil }
func (logsOnly) Ops([]byte) error            { return nil }
func (logsOnly) Event(history.Event) error   { return nil }
func (logsOnly) Change(history.Change) error { return nil }
func (logsOnly) Pass(history.Pass) error     { return nil }

// Packets are recorded all the same, where --pcap asks for it.
func (l logsOnly) Packets(host string) (*os.File, error) { return packetDir(l).Packets(host) }

// A console connects a shell with whoever is at standard input.
type console struct {
	dir      *results.Dir
	plan     *plan.Plan
	in       *os.File
	terminal *terminal // nil where standard input is none
	watched  bool      // standard output is a terminal
	err      error

	mu        sync.Mutex
	interrupt func()   // of the command that runs; nil where none does
	screen    *screen  // while people wait for the cluster
	news      []string // that people have not been told yet
}

// watch shows people how the cluster starts, and keeps what happens later for the next prompt. Scripts are told nothing.
func (c *console) watch(p runner.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.terminal == nil:
	case p.Phase == "debug" || p.Phase == "done":
		c.news = append(c.news, p.Notes...)
		c.news = c.news[max(0, len(c.news)-mostNews):]
	default:
		if c.screen == nil {
			c.screen = newScreen(os.Stderr)
		}
		c.screen.update(p)
	}
}

// mostNews is what fits on a screen.
const mostNews = 20

// tell tells the news, between one command and the next.
func (c *console) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.news {
		fmt.Fprintln(os.Stderr, n)
	}
	c.news = nil
}

// obeySignals interrupts the command that runs where people are at a terminal; there Ctrl-C is no
// reason to end the cluster. Whatever else arrives ends everything, and the second time at once.
func (c *console) obeySignals(stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	stopped := false
	for s := range signals {
		c.mu.Lock()
		interrupt := c.interrupt
		c.mu.Unlock()
		switch {
		case s == unix.SIGINT && c.terminal != nil && interrupt != nil:
			interrupt()
		case stopped:
			os.Exit(runnerFailed)
		default:
			stopped = true
			stop()
		}
	}
}

// serve does the lines that are typed, or written in a script, until the last one.
func (c *console) serve(ctx context.Context, session *runner.Session) (failed bool, err error) {
	c.mu.Lock()
	if c.screen != nil {
		c.screen.close()
	}
	c.mu.Unlock()
	b, err := c.bench(session)
	if err != nil {
		return false, err
	}
	s := newShell(b, c.plan.Hosts, os.Stdout)
	in, err := c.lines(s)
	if err != nil {
		return false, err
	}
	for _, n := range session.Notes {
		fmt.Fprintln(os.Stderr, "reckon:", n)
	}
	failed, err = c.loop(ctx, s, in)
	return failed && c.terminal == nil, errors.Join(err, s.close(), in.close())
}

// lines is what is read: with a prompt only where somebody sees it.
func (c *console) lines(s *shell) (lines, error) {
	if c.terminal == nil || !c.watched {
		return scriptLines{bufio.NewReader(c.in)}, nil
	}
	fmt.Fprintf(os.Stderr, "%s is ready. Type help for help, exit to end it; n1 ping n2 runs ping on n1.\n", c.plan.Words.System)
	return newPromptLines(s.complete)
}

// loop does every line; a command that fails is no reason to stop, as in a shell.
func (c *console) loop(ctx context.Context, s *shell, in lines) (failed bool, err error) {
	for {
		c.tell()
		line, err := c.next(ctx, in)
		switch {
		case err == io.EOF:
			return failed, nil
		case err != nil:
			return failed, err
		}
		err = c.do(ctx, s, line)
		switch {
		case errors.Is(err, errExit):
			return failed, nil
		case ctx.Err() != nil:
			return true, nil
		case err != nil:
			failed = true
			c.complain(line, err)
		}
	}
}

// complain says what went wrong; in a script also where. People know it where it was they who interrupted.
func (c *console) complain(line string, err error) {
	switch {
	case c.terminal == nil:
		fmt.Fprintf(os.Stderr, "reckon: %s: %v\n", line, err)
	case !errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, err)
	}
}

// next waits for the next line, unless ctx ends. Then the reader is left behind: there is nothing that would wake it.
func (c *console) next(ctx context.Context, in lines) (line string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		line, err = in.read()
	}()
	select {
	case <-done:
		return line, err
	case <-ctx.Done():
		return "", io.EOF
	}
}

// do does one line, which can be interrupted by itself.
func (c *console) do(ctx context.Context, s *shell, line string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	c.interrupt = cancel
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.interrupt = nil
		c.mu.Unlock()
	}()
	return s.do(ctx, line)
}

// bench is the session of a running cluster.
type bench struct {
	*runner.Session
	console *console
	env     []string
}

// bench makes the tools that this machine may lack, and puts them behind those that it has.
func (c *console) bench(s *runner.Session) (*bench, error) {
	tools := s.Tools()
	dir, err := c.dir.Scratch("tools")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find reckon's own binary: %w", err)
	}
	for _, name := range append(slices.Clone(tools.Names), pingRole) {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("make the tools: %w", err)
		}
	}
	path := os.Getenv("PATH") + string(filepath.ListSeparator) + dir
	if err := os.Setenv("PATH", path); err != nil { // completion wants it, too
		return nil, err
	}
	return &bench{s, c, tools.Env}, nil
}

var errInterrupted = errors.New("interrupted")

// interruptTime is how long a command may take to end once it is interrupted.
const interruptTime = 2 * time.Second

// Run is session's. A command of a script has no input: that is the script.
func (b *bench) Run(ctx context.Context, name, line string) error {
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
		defer t.recover()
	}
	return awaitCommand(ctx, p)
}

// awaitCommand waits for the command, which is interrupted when ctx ends.
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

// Capture is session's. The file is written anew.
func (b *bench) Capture(name, path string) (stop func() (string, error), err error) {
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
