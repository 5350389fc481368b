package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNotPermitted is returned where the machine does not let this process make namespaces. Errors
// that wrap it say what is missing and what to do.
var ErrNotPermitted = errors.New("not permitted")

// lifelineEnv names the variable with the descriptor of the lifeline: a pipe whose other end the
// parent holds open, so that end of file means that the parent has ended.
const lifelineEnv = "RECKON_LIFELINE"

// Isolate prepares the command to start as the first process of a private tree: in PID, mount and
// network namespaces of its own, and, where this process is not privileged, in a user namespace in
// which the present user is root. The command gets a process group of its own, so Ctrl-C reaches
// only the caller. It dies with the thread that starts it, which RunIsolated keeps alive. The
// command must call Settle first.
func Isolate(cmd *exec.Cmd) error {
	attr := cmd.SysProcAttr
	if attr == nil {
		attr = &syscall.SysProcAttr{}
		cmd.SysProcAttr = attr
	}
	attr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET
	attr.Setpgid = true
	attr.Pdeathsig = syscall.SIGKILL
	if !privileged() {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		attr.GidMappingsEnableSetgroups = false
	}
	return addLifeline(cmd)
}

// lifelines are the pipe ends that this process holds open as long as it lives.
var lifelines []*os.File

// addLifeline gives the command the read end of a pipe that nobody writes to, as a second line of
// defence beside the parent-death signal.
func addLifeline(cmd *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the lifeline: %w", err)
	}
	lifelines = append(lifelines, w, r) // also keeps r from the garbage collector until cmd starts
	cmd.ExtraFiles = append(cmd.ExtraFiles, r)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, lifelineEnv+"="+strconv.Itoa(2+len(cmd.ExtraFiles)))
	return nil
}

// RunIsolated isolates the command, runs it to its end, and passes SIGINT and SIGTERM on to it. The
// error is the command's own *exec.ExitError, or wraps ErrNotPermitted.
func RunIsolated(cmd *exec.Cmd) error {
	if err := Isolate(cmd); err != nil {
		return err
	}
	// The command dies with the thread that forked it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s in namespaces of its own: %w", cmd.Args[0], explain(err))
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s) // it may have ended meanwhile
			case <-ended:
				return
			}
		}
	}()
	return cmd.Wait()
}

// Isolated reports whether Isolate prepared this process and Settle has not been called yet.
func Isolated() bool { return os.Getenv(lifelineEnv) != "" }

// Settle completes the setup of an isolated process from inside: mounts become private, /proc shows
// the tree's own processes, loopback is up, and the process ends when its parent does. Nothing
// outside the tree changes.
func Settle() error {
	if err := watchLifeline(); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("settle: make mounts private: %w", explain(err))
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("settle: mount /proc: %w", explainProc(err))
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("settle: open netlink: %w", err)
	}
	defer nl.Close()
	if err := loopbackUp(nl); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return limitConnectionTables()
}

// limitConnectionTables gives hosts made from now on a small table of TCP connections each, instead
// of a share in the machine's. That one has a hundred thousand slots, and listing the connections
// of one host walks through all of them. Kernels before 6.1 lack the setting; there a listing costs
// a millisecond.
func limitConnectionTables() error {
	err := os.WriteFile("/proc/sys/net/ipv4/tcp_child_ehash_entries", []byte("1024"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

func watchLifeline() error {
	fd, err := strconv.Atoi(os.Getenv(lifelineEnv))
	if err != nil {
		return errors.New("this process was not isolated")
	}
	if err := os.Unsetenv(lifelineEnv); err != nil {
		return err
	}
	unix.CloseOnExec(fd)
	lifeline := os.NewFile(uintptr(fd), "lifeline")
	go func() {
		io.Copy(io.Discard, lifeline)
		os.Exit(137) // as after SIGKILL; the kernel ends the rest with the first process
	}()
	return nil
}

// privileged reports whether this process may make namespaces without a user namespace around them.
func privileged() bool {
	const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	return data[0].Effective&need == need
}

// explain adds to the kernel's refusal to make namespaces what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS):
		return fmt.Errorf("%w: this machine's limit on namespaces is used up or zero: raise sysctl user.max_user_namespaces (and user.max_net_namespaces), or run as root (%v)", ErrNotPermitted, err)
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES):
		return err
	case os.Geteuid() == 0 && !privileged():
		return fmt.Errorf("%w: root without CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW, as in a container: start it with --privileged, or with these three (docs/container.md) (%v)", ErrNotPermitted, err)
	case sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return fmt.Errorf("%w: AppArmor denies user namespaces to ordinary programs: run as root, or sysctl kernel.apparmor_restrict_unprivileged_userns=0 (%v)", ErrNotPermitted, err)
	case sysctl("kernel/unprivileged_userns_clone") == "0":
		return fmt.Errorf("%w: ordinary users may not make user namespaces: run as root, or sysctl kernel.unprivileged_userns_clone=1 (%v)", ErrNotPermitted, err)
	}
	return fmt.Errorf("%w: the kernel or a container's seccomp profile forbids namespaces: run as root, or with --privileged (%v)", ErrNotPermitted, err)
}

// explainProc does the same for mounting /proc, which the kernel refuses where parts of the present
// /proc are hidden.
func explainProc(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: parts of /proc are masked, as in an unprivileged container, so the kernel allows no fresh one: start the container with --privileged, or --security-opt systempaths=unconfined (%v)", ErrNotPermitted, err)
	}
	return err
}

// sysctl returns the setting's value; "" if the kernel does not have it.
func sysctl(path string) string {
	b, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
