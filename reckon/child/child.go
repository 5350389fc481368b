// Package child runs reckon's own binary as a child process, so that whatever happens to the child
// leaves the parent unharmed. On Linux a child dies with its parent, however that ends.
package child

import (
	"fmt"
	"os/exec"
	"runtime"

	"github.com/moby/sys/reexec"
)

// Command returns the command that runs reckon's own binary under the name, with the arguments.
// Start it with [Run]. It has a process group of its own: Ctrl-C at the terminal must not reach it
// behind the parent's back. A run takes a second interrupt as the order to stop at once, and
// checking goes on after the interrupt of a run.
func Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(reexec.Self(), args...)
	cmd.Args[0] = name
	contain(cmd)
	return cmd
}

// Run starts the command, calls watch beside it, and waits for both to end. watch must return once
// ended is closed. The error is that of [exec.Cmd.Start] or [exec.Cmd.Wait].
func Run(cmd *exec.Cmd, watch func(ended <-chan struct{})) error {
	runtime.LockOSThread() // the kernel sends the death signal when the thread that forked ends
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Args[0], err)
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
