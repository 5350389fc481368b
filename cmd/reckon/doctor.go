package main

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
	"github.com/spf13/cobra"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link/netem"
)

// A finding is one thing that a machine can or cannot do for reckon.
type finding struct {
	What   string
	OK     bool
	Needed bool   // without it nothing runs
	Detail string // what was seen
	Cost   string // what its lack costs
	Mend   string // what to do about it
}

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check what this machine supports; for anything missing, what you lose and how to fix it", GroupID: groupAbout, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := examine()
			out := cmd.OutOrStdout()
			missing := 0
			for _, f := range all {
				mark := "yes"
				if !f.OK {
					mark = "no "
				}
				fmt.Fprintf(out, "%s  %-22s %s\n", mark, f.What, f.Detail)
				if f.OK {
					continue
				}
				fmt.Fprintf(out, "     cost: %s\n     fix:  %s\n", f.Cost, f.Mend)
				if f.Needed {
					missing++
				}
			}
			if missing > 0 {
				fmt.Fprintln(out, "\nThis machine cannot run reckon as it is.")
				return exitStatus(3)
			}
			fmt.Fprintln(out, "\nThis machine can run reckon.")
			return nil
		},
	}
}

// examine tries everything, in a private tree as a run would.
func examine() []finding {
	var out, complaint bytes.Buffer
	cmd := reexec.Command(probeRole)
	cmd.SysProcAttr = nil // host.RunIsolated sees to it
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := host.RunIsolated(cmd)
	first := finding{
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
		return []finding{first}
	}
	var rest []finding
	if err := json.Unmarshal(out.Bytes(), &rest); err != nil {
		first.OK, first.Detail = false, "the probe said nothing that can be read: "+err.Error()
	}
	return append([]finding{first}, rest...)
}

// probeRole is the name under which the binary tries what its private tree allows.
const probeRole = "reckon-probe"

func probeMain() {
	if err := host.Settle(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := []finding{
		probeHost(), probePacketSocket(), probeTUN(), probeNetem(), probeReset(), probePriority(), probePressure(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		os.Exit(1)
	}
}

// found fills in a finding from the error of the attempt.
func found(f finding, err error) finding {
	f.OK = err == nil
	if err != nil {
		f.Detail = err.Error()
	}
	return f
}

func probeHost() finding {
	f := finding{
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

func probePacketSocket() finding {
	f := finding{
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

func probeTUN() finding {
	f := finding{
		What: "TUN", Detail: "/dev/net/tun opens",
		Cost: "none yet: links in user space use packet sockets", Mend: "modprobe tun; chmod 0666 /dev/net/tun for ordinary users; in a container, --device /dev/net/tun",
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return found(f, fmt.Errorf("open /dev/net/tun: %w", err))
	}
	return found(f, unix.Close(fd))
}

func probeNetem() finding {
	f := finding{
		What: "netem", Detail: "the kernel emulates links itself",
		Cost: "links are in user space: some tens of microseconds later, at the same shapes", Mend: "modprobe sch_netem, or a kernel with CONFIG_NET_SCH_NETEM",
	}
	return found(f, netem.Available())
}

// resets is what --cut reset needs.
const resets = "connection resets"

func probeReset() finding {
	f := finding{
		What: resets, Detail: "both ends of a connection can be told that it is cut",
		Cost: "no --cut reset", Mend: "a kernel with CONFIG_INET_DIAG_DESTROY",
	}
	return found(f, host.CanReset())
}

func probePriority() finding {
	f := finding{
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

func probePressure() finding {
	f := finding{
		What: "pressure figures", Detail: "/proc/pressure: the report shows what waited for processor, disk and memory",
		Cost: "the report shows less of the machine's noise", Mend: "a kernel with CONFIG_PSI, booted with psi=1",
	}
	_, err := os.ReadFile("/proc/pressure/cpu")
	return found(f, err)
}
