package shell

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Terminal belongs to one process group at a time: only that one reads it, and Ctrl-C reaches
// only that one. The runner takes it from the outermost process, as an interactive shell takes it
// from its parent, and lends it to each command that it runs. So a command has the terminal itself,
// with its size and its signals, and nothing needs to be copied back and forth.
type Terminal struct {
	fd    int
	owner int // the process group that has it while no command runs
	modes unix.Termios
}

// OpenTerminal returns the terminal at the file descriptor, for this process.
func OpenTerminal(fd int) (*Terminal, error) {
	modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read the terminal's modes: %w", err)
	}
	return &Terminal{fd: fd, owner: unix.Getpgrp(), modes: *modes}, nil
}

// InForeground reports whether this process has the terminal now. It does if no process group that
// it can see has it.
func (t *Terminal) InForeground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == t.owner
}

// take gives the terminal to this process.
func (t *Terminal) take() error { return t.give(t.owner) }

// lend gives the terminal to the command that runs in the process group. The command cannot be
// suspended from there, because there is nothing that would let it continue.
func (t *Terminal) lend(group int) error {
	modes := t.modes
	modes.Cc[unix.VSUSP] = 0 // _POSIX_VDISABLE
	if err := t.apply(modes); err != nil {
		return err
	}
	if err := t.give(group); err != nil {
		return err
	}
	_ = unix.Kill(-group, unix.SIGCONT) // it may have been stopped for reading the terminal too early
	return nil
}

// Recover takes the terminal back and restores its modes.
func (t *Terminal) Recover() error {
	if err := t.take(); err != nil {
		return err
	}
	return t.apply(t.modes)
}

func (t *Terminal) apply(modes unix.Termios) error {
	if err := unix.IoctlSetTermios(t.fd, unix.TCSETSW, &modes); err != nil {
		return fmt.Errorf("set the terminal's modes: %w", err)
	}
	return nil
}

// give gives the terminal to the process group. A process that does not have it must block SIGTTOU
// for that (tcsetpgrp(3)).
func (t *Terminal) give(group int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, before unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGTTOU - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &before); err != nil {
		return fmt.Errorf("block SIGTTOU: %w", err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	if err := unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group); err != nil {
		return fmt.Errorf("give the terminal to process group %d: %w", group, err)
	}
	return nil
}
