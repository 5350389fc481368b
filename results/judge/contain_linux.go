package judge

import (
	"os/exec"
	"syscall"
)

// contain has the process die with its parent, in a group of its own: a Ctrl-C at the terminal is
// for the parent, which may go on to judge what was cut short.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
