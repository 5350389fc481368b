package main

import (
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/moby/sys/reexec"
)

// newChild is a run as a process of its own, so that whatever becomes of it befalls no other. All that it says goes to out.
func newChild(out io.Writer, args ...string) *exec.Cmd {
	cmd := exec.Command(reexec.Self(), args...)
	cmd.Args[0] = "reckon"
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own: a Ctrl-C at the terminal must reach it once, from us, for the second one is no request any more.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runChild starts the process, calls watch beside it, which returns once ended is closed, and waits for the end of both.
func runChild(cmd *exec.Cmd, watch func(ended <-chan struct{})) error {
	runtime.LockOSThread() // the death signal comes when the thread that forked ends
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the run: %w", err)
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		watch(ended)
	}()
	err := cmd.Wait()
	close(ended)
	<-watched
	return err
}
