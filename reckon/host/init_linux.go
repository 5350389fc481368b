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

// First says whether this process is the first of its PID namespace and nobody of ours made that: the first of a container.
func First() bool { return os.Getpid() == 1 && !Isolated() }

// Init is what the first process of a container owes the others. It runs this program again, with the same
// arguments, as its child; passes signals on to it; and reaps every orphan, which the kernel gives to
// the first process. It returns the child's exit status when that ends, or 128 and the signal that ended it.
func Init() (status int, err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGCHLD)
	cmd := &exec.Cmd{Path: reexec.Self(), Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if term.IsTerminal(int(os.Stdin.Fd())) { // a Ctrl-C goes to the child alone, once
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
	return 0, errors.New("the channel of signals was closed")
}

// reap takes in every child that has ended, and says how the one that matters did.
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
