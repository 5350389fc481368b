// Package doctor finds out what this machine can do for reckon.
package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/moby/sys/reexec"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link/netem"
)

// A Finding is one thing that a machine can or cannot do for reckon.
type Finding struct {
	What   string
	OK     bool
	Needed bool   // nothing runs without it
	Detail string // what was observed
	Cost   string // what does not work without it
	Mend   string // how to get it
}

// Examine tries everything that a run may need, in a private process tree like that of a run.
func Examine() []Finding {
	var out, complaint bytes.Buffer
	cmd := reexec.Command(Role)
	cmd.SysProcAttr = nil // host.RunIsolated sets its own
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := host.RunIsolated(cmd)
	first := Finding{
		What: "private process tree", OK: err == nil, Needed: true, Detail: "PID, mount and network namespaces",
		Cost: "nothing runs", Mend: "run as root, in a container with --privileged, or where user namespaces are open to ordinary users",
	}
	if os.Geteuid() != 0 {
		first.Detail += " in a user namespace"
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(complaint.String()))
		}
		first.Detail = err.Error()
		return []Finding{first}
	}
	var rest []Finding
	if err := json.Unmarshal(out.Bytes(), &rest); err != nil {
		first.OK, first.Detail = false, "the output of the probe cannot be read: "+err.Error()
	}
	return append([]Finding{first}, rest...)
}

// Role is the name under which the binary tries what its private process tree allows.
const Role = "reckon-probe"

// Main is the process that [Examine] starts.
func Main() {
	if err := host.Settle(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := []Finding{
		probeHost(), probePacketSocket(), probeTUN(), probeNetem(), probeReset(), probePriority(), probePressure(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		os.Exit(1)
	}
}

// found fills in a Finding from the error of the attempt.
func found(f Finding, err error) Finding {
	f.OK = err == nil
	if err != nil {
		f.Detail = err.Error()
	}
	return f
}

func probeHost() Finding {
	f := Finding{
		What: "hosts", Needed: true, Detail: "network namespaces joined by veth",
		Cost: "nothing runs", Mend: "a kernel with CONFIG_NET_NS and CONFIG_VETH; in a container, CAP_NET_ADMIN",
	}
	a, err := host.New("probe")
	if err != nil {
		return found(f, err)
	}
	defer a.Close()
	return found(f, a.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "probe0"}, PeerName: "probe1"})
	}))
}

func probePacketSocket() Finding {
	f := Finding{
		What: "packet sockets", Needed: true, Detail: "with PACKET_VNET_HDR: packets pass in large frames",
		Cost: "no links in user space", Mend: "a kernel with CONFIG_PACKET; in a container, CAP_NET_RAW",
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return found(f, err)
	}
	defer unix.Close(fd)
	return found(f, unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1))
}

func probeTUN() Finding {
	f := Finding{
		What: "TUN", Detail: "/dev/net/tun opens",
		Cost: "none yet: links in user space use packet sockets", Mend: "modprobe tun; chmod 0666 /dev/net/tun for ordinary users; in a container, --device /dev/net/tun",
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return found(f, fmt.Errorf("open /dev/net/tun: %w", err))
	}
	return found(f, unix.Close(fd))
}

func probeNetem() Finding {
	f := Finding{
		What: reckon.KernelLinks, Detail: "the kernel emulates links itself",
		Cost: "links are in user space: some tens of microseconds later, at the same shapes", Mend: "modprobe sch_netem, or a kernel with CONFIG_NET_SCH_NETEM",
	}
	return found(f, netem.Available())
}

func probeReset() Finding {
	f := Finding{
		What: reckon.ConnectionResets, Detail: "connections over a cut link can be reset at both ends",
		Cost: "no --cut reset", Mend: "a kernel with CONFIG_INET_DIAG_DESTROY",
	}
	return found(f, host.CanReset())
}

func probePriority() Finding {
	f := Finding{
		What: "real-time priority", Detail: "SCHED_FIFO: links keep time on a busy machine",
		Cost: "on a busy machine packets are late by milliseconds now and then; the run measures it", Mend: "run as root, or allow it (ulimit -r 1; in a container, CAP_SYS_NICE)",
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its priority
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		done <- unix.SchedSetAttr(0, attr, 0)
	}()
	err := <-done
	if errors.Is(err, syscall.EPERM) {
		err = errors.New("not permitted")
	}
	return found(f, err)
}

func probePressure() Finding {
	f := Finding{
		What: "pressure figures", Detail: "/proc/pressure: the report shows what waited for processor, disk and memory",
		Cost: "the report shows less of the machine's noise", Mend: "a kernel with CONFIG_PSI, booted with psi=1",
	}
	_, err := os.ReadFile("/proc/pressure/cpu")
	return found(f, err)
}
