package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Command says what to run on a host.
type Command struct {
	Path   string   // "" runs this program again, under the name Args[0] (see moby/sys/reexec)
	Args   []string // Args[0] is the program's name
	Env    []string // added to this process's environment
	Dir    string   // "" is this process's directory
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// ExtraFiles are open in the process from descriptor 3 on.
	ExtraFiles []*os.File
}

// drainTime bounds the wait for the remaining output of a process that has ended: a grandchild may
// keep its pipe open.
const drainTime = time.Second

// A Process runs on a host, in a process group of its own. It ends with its host, and with the
// process that started it. It is safe for concurrent use.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts a process in the host's namespace.
func (h *Host) Start(c Command) (*Process, error) {
	p, err := h.start(c)
	if err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", c.name(), h.name, err)
	}
	return p, nil
}

func (h *Host) start(c Command) (*Process, error) {
	cmd, err := c.cmd()
	if err != nil {
		return nil, err
	}
	p := &Process{name: c.name() + " on " + h.name, cmd: cmd, done: make(chan struct{})}
	// The child inherits the namespace of the thread that forks it, and dies with that thread.
	if err := h.Do(cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
		h.mu.Lock()
		delete(h.processes, p)
		h.mu.Unlock()
	}()
	if !h.register(p) {
		return nil, errors.Join(ErrClosed, p.Kill())
	}
	return p, nil
}

// register adds the process to those that Close kills, and reports whether the host is still open.
func (h *Host) register(p *Process) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.processes == nil {
		return false
	}
	select {
	case <-p.done: // the goroutine that would remove it has finished
	default:
		h.processes[p] = struct{}{}
	}
	return true
}

func (c Command) name() string {
	if len(c.Args) > 0 {
		return c.Args[0]
	}
	return c.Path
}

func (c Command) cmd() (*exec.Cmd, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("no arguments: the first is the program's name")
	}
	path := c.Path
	if path == "" {
		path = "/proc/self/exe"
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{
		Path:       path,
		Args:       c.Args,
		Env:        append(os.Environ(), c.Env...),
		Dir:        c.Dir,
		Stdin:      c.Stdin,
		Stdout:     c.Stdout,
		Stderr:     c.Stderr,
		ExtraFiles: c.ExtraFiles,
		WaitDelay:  drainTime,
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid:   true,
			Pdeathsig: syscall.SIGKILL,
		},
	}, nil
}

// PID returns the process ID in the caller's PID namespace.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and its output has been copied.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the process and returns how it ended: nil for exit status 0, otherwise
// usually an *exec.ExitError.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// State waits for the end of the process and returns its exit status and resource usage.
func (p *Process) State() *os.ProcessState {
	<-p.done
	return p.cmd.ProcessState
}

// Signal sends the signal to the process alone. It returns an error if the process has ended.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(s), p.name, err)
	}
	return nil
}

// signal sends s to the process and everything it started. It is no error if none is left.
func (p *Process) signal(s syscall.Signal) error {
	select {
	case <-p.done: // its process ID may have been reused
		return nil
	default:
	}
	if err := unix.Kill(-p.PID(), s); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(s), p.name, err)
	}
	return nil
}

// Kill ends the process and everything it started by SIGKILL, and returns when the process is gone.
// It is no error if the process had ended already.
func (p *Process) Kill() error {
	if err := p.signal(unix.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Pause stops the process and everything it started by SIGSTOP, and returns when the process's last
// thread has stopped. The process keeps its memory and its connections.
func (p *Process) Pause() error {
	if err := p.signal(unix.SIGSTOP); err != nil {
		return err
	}
	// The kernel reports a stop once it is complete. WNOWAIT leaves the report in place, so that
	// pausing a process that is already paused sees it too.
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, p.PID(), &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("pause %s: it has ended", p.name)
		case info.Code != cldStopped:
			return fmt.Errorf("pause %s: it ends instead", p.name)
		}
		return nil
	}
}

const cldStopped = 5 // CLD_STOPPED of siginfo.h

// Resume lets a paused process and everything it started continue.
func (p *Process) Resume() error { return p.signal(unix.SIGCONT) }
