package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results"
)

// Role is the name under which the binary starts a plan's cluster for a person: reckon-shell DIR.
const Role = "reckon-shell"

// commandFailed is the exit status if a command of a script failed. The others are those of launch.
const commandFailed = 1

// Main is the first process of the private tree.
func Main() {
	failed, err := run(os.Args[1])
	switch {
	case launch.Forbidden(err):
		fmt.Fprintln(os.Stderr, "reckon:", err)
		os.Exit(launch.NotPermitted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "reckon:", err)
		os.Exit(launch.Failed)
	case failed:
		os.Exit(commandFailed)
	}
}

// run starts the plan's cluster and serves whoever is at standard input: a person at a terminal, or
// a script.
func run(path string) (failed bool, err error) {
	if err := host.Settle(); err != nil {
		return false, err
	}
	dir, err := results.Open(path)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	plan, _, err := dir.Plan()
	if err != nil {
		return false, err
	}
	c := &console{dir: dir, plan: plan, in: os.Stdin, watched: term.IsTerminal(int(os.Stdout.Fd()))}
	if term.IsTerminal(int(c.in.Fd())) {
		if c.terminal, err = OpenTerminal(int(c.in.Fd())); err != nil {
			return false, err
		}
		if err := c.terminal.take(); err != nil {
			return false, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go c.handleSignals(stop)
	served := false
	err = runner.Debug(ctx, plan, logsOnly{dir}, c.watch, func(ctx context.Context, session *runner.Session) {
		served = true
		failed, c.err = c.serve(ctx, session)
	})
	if err == nil && !served {
		err = errors.New("interrupted before the cluster was ready")
	}
	return failed, errors.Join(err, c.err)
}

// logsOnly records nothing but logs: a session by hand has no result.
type logsOnly struct{ *results.Dir }

func (logsOnly) Op(reckon.Op) error          { return nil }
func (logsOnly) Ops([]byte) error            { return nil }
func (logsOnly) Event(history.Event) error   { return nil }
func (logsOnly) Change(history.Change) error { return nil }
func (logsOnly) Pass(history.Pass) error     { return nil }

// Packets are recorded all the same if --pcap asks for them.
func (l logsOnly) Packets(host string) (*os.File, error) { return launch.Packets(l).Packets(host) }

// A console connects a shell to the person, or script, at standard input.
type console struct {
	dir      *results.Dir
	plan     *plan.Plan
	in       *os.File
	terminal *Terminal // nil where standard input is none
	watched  bool      // standard output is a terminal
	err      error

	mu        sync.Mutex
	interrupt func()         // of the command that runs; nil where none does
	screen    *screen.Screen // until the cluster is ready
	news      []string       // not printed yet
}

// watch shows how the cluster starts, and keeps later events for the next prompt. A script is shown
// nothing.
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
			c.screen = screen.New(os.Stderr)
		}
		c.screen.Update(p)
	}
}

// mostNews is as many lines as fit on a screen.
const mostNews = 20

// printNews prints, between two commands, what has happened since it was last called.
func (c *console) printNews() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.news {
		fmt.Fprintln(os.Stderr, n)
	}
	c.news = nil
}

// handleSignals handles Ctrl-C at a terminal by interrupting the command that runs, and keeps the
// cluster. Any other signal ends everything, and a second one does so at once.
func (c *console) handleSignals(stop func()) {
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
			os.Exit(launch.Failed)
		default:
			stopped = true
			stop()
		}
	}
}

// serve carries out the lines of a person or a script until the last one.
func (c *console) serve(ctx context.Context, session *runner.Session) (failed bool, err error) {
	c.mu.Lock()
	if c.screen != nil {
		c.screen.Close()
	}
	c.mu.Unlock()
	live, err := c.session(session)
	if err != nil {
		return false, err
	}
	s := newShell(live, c.plan.Hosts, os.Stdout)
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

// lines returns the source of lines. There is a prompt only at a terminal.
func (c *console) lines(s *shell) (lines, error) {
	if c.terminal == nil || !c.watched {
		return scriptLines{bufio.NewReader(c.in)}, nil
	}
	fmt.Fprintf(os.Stderr, "%s is ready. Type help for help, exit to end it; n1 ping n2 runs ping on n1.\n", c.plan.Words.System)
	return newPromptLines(s.complete)
}

// loop carries out every line. As in any shell, it goes on after a command that failed.
func (c *console) loop(ctx context.Context, s *shell, in lines) (failed bool, err error) {
	for {
		c.printNews()
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

// complain prints the error, of a script with its line. A person who interrupted a command needs no
// error.
func (c *console) complain(line string, err error) {
	switch {
	case c.terminal == nil:
		fmt.Fprintf(os.Stderr, "reckon: %s: %v\n", line, err)
	case !errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, err)
	}
}

// next waits for the next line or the end of ctx. In the latter case it leaves the reader behind,
// because nothing can wake it.
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

// do carries out one line, which can be interrupted without the rest.
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
