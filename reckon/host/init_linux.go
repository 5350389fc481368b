package host

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// First reports whether this process is the first of a PID namespace that Isolate did not make, as
// the first process of a container is.
func First() bool { return os.Getpid() == 1 && !Isolated() }

// Init does the work of a container's first process. It runs this program again as its child, with
// the same arguments, passes signals on to it, and reaps orphans, which the kernel reparents to the
// first process. It returns the child's exit status, or 128 plus the number of the signal that
// ended it.
func Init() (status int, err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGCHLD)
	cmd := &exec.Cmd{Path: reexec.Self(), Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if term.IsTerminal(int(os.Stdin.Fd())) { // so that Ctrl-C reaches the child only, and once
		cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: int(os.Stdin.Fd())}
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	child := cmd.Process.Pid
	for s := range signals {
		if s != unix.SIGCHLD {
			_ = unix.Kill(child, s.(syscall.Signal)) // it may have ended meanwhile
			continue
		}
		if status, ended := reap(child); ended {
			return status, nil
		}
	}
	return 0, errors.New("the signal channel was closed")
}

// reap reaps every child that has ended, and returns how the given one ended, if it has.
func reap(child int) (status int, ended bool) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil || pid <= 0:
			return status, ended
		case pid == child && ws.Signaled():
			status, ended = 128+int(ws.Signal()), true
		case pid == child && ws.Exited():
			status, ended = ws.ExitStatus(), true
		}
	}
}
