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

// ErrNotPermitted is what the machine answers where it lets this process make no
// namespaces. Errors that wrap it say what is missing and what to do.
var ErrNotPermitted = errors.New("not permitted")

// lifelineEnv tells an isolated process which descriptor ends when its maker does.
const lifelineEnv = "RECKON_LIFELINE"

// Isolate prepares the command to start as the first process of a private tree:
// PID, mount and network namespaces of its own, and a user namespace in which the present user is root
// where this process is not privileged. It gets a process group of its own, so a Ctrl-C reaches only the caller,
// and dies with the thread that starts it (RunIsolated keeps that thread). The command must call Settle first thing.
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

// lifelines are the ends that this process holds for as long as it lives.
var lifelines []*os.File

// addLifeline gives the command the reading end of a pipe that nobody ever writes
// to: the parent-death signal's understudy.
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

// RunIsolated isolates the command, runs it to its end, and passes SIGINT and
// SIGTERM on to it. The error is the command's own *exec.ExitError, or wraps ErrNotPermitted.
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

// Isolated says whether Isolate prepared this process, and Settle has not been called yet.
func Isolated() bool { return os.Getenv(lifelineEnv) != "" }

// Settle makes an isolated process at home: mounts are its own, /proc shows its
// own processes, loopback is up, and it ends when its maker does. It changes nothing outside.
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
	return smallTables()
}

// smallTables has hosts made from now on get a table of TCP connections each, instead of a share in the
// machine's: that has a hundred thousand places, and whoever lists one host's connections walks through them all.
// Kernels before 6.1 do not have the setting; there a list costs a millisecond.
func smallTables() error {
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

// privileged says whether this process may make namespaces without a user namespace around them.
func privileged() bool {
	const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	return data[0].Effective&need == need
}

// explain turns the kernel's refusal to make namespaces into what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS):
		return fmt.Errorf("%w: this machine's limit of namespaces is used up or zero: raise sysctl user.max_user_namespaces (and user.max_net_namespaces), or run as root (%v)", ErrNotPermitted, err)
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES):
		return err
	case os.Geteuid() == 0 && !privileged():
		return fmt.Errorf("%w: root without CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW, as in a container: start it with --privileged, or with these three (docs/container.md) (%v)", ErrNotPermitted, err)
	case sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return fmt.Errorf("%w: AppArmor keeps user namespaces from ordinary programs: run as root, or sysctl kernel.apparmor_restrict_unprivileged_userns=0 (%v)", ErrNotPermitted, err)
	case sysctl("kernel/unprivileged_userns_clone") == "0":
		return fmt.Errorf("%w: user namespaces are closed to ordinary users: run as root, or sysctl kernel.unprivileged_userns_clone=1 (%v)", ErrNotPermitted, err)
	}
	return fmt.Errorf("%w: the kernel or a container's seccomp profile forbids namespaces: run as root, or with --privileged (%v)", ErrNotPermitted, err)
}

// explainProc is for the mount of /proc, which the kernel refuses where parts of the present one are hidden.
func explainProc(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: parts of /proc are masked, as in an unprivileged container, so the kernel allows no fresh one: start the container with --privileged, or --security-opt systempaths=unconfined (%v)", ErrNotPermitted, err)
	}
	return err
}

// sysctl is the setting's value; "" when this kernel does not have it.
func sysctl(path string) string {
	b, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
