package child

import (
	"os/exec"
	"syscall"
)

// contain has the process die with its parent, and gives it a process group of its own.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
