package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// A terminal belongs to one process group at a time: that one reads it, and Ctrl-C
// reaches nobody else. The runner takes it from the outermost process, as an
// interactive shell takes it from its parent, and lends it to each command that it runs. So a command has the
// terminal itself, with its size and its signals, and nothing has to be copied to and fro.
type terminal struct {
	fd    int
	owner int // the process group of who has it while no command runs
	modes unix.Termios
}

// openTerminal is the terminal at the descriptor, for this process.
func openTerminal(fd int) (*terminal, error) {
	modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read the terminal's modes: %w", err)
	}
	return &terminal{fd: fd, owner: unix.Getpgrp(), modes: *modes}, nil
}

// inForeground says whether the terminal is this process's now. Where it is
// nobody's that this process can see, it is.
func (t *terminal) inForeground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == t.owner
}

// take makes the terminal this process's.
func (t *terminal) take() error { return t.give(t.owner) }

// lend makes the terminal the command's that runs in that process group. There it
// cannot be suspended, as there is nobody who would let it continue.
func (t *terminal) lend(group int) error {
	modes := t.modes
	modes.Cc[unix.VSUSP] = 0 // _POSIX_VDISABLE
	if err := t.apply(modes); err != nil {
		return err
	}
	if err := t.give(group); err != nil {
		return err
	}
	_ = unix.Kill(-group, unix.SIGCONT) // it may have asked for the terminal before it was its, and been stopped
	return nil
}

// recover takes the terminal back, and leaves it as it was before.
func (t *terminal) recover() error {
	if err := t.take(); err != nil {
		return err
	}
	return t.apply(t.modes)
}

func (t *terminal) apply(modes unix.Termios) error {
	if err := unix.IoctlSetTermios(t.fd, unix.TCSETSW, &modes); err != nil {
		return fmt.Errorf("set the terminal's modes: %w", err)
	}
	return nil
}

// give makes the terminal the process group's. Who does not have it may only do so where SIGTTOU is blocked (tcsetpgrp(3)).
func (t *terminal) give(group int) error {
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
