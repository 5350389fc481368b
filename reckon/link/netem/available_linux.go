package netem

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// ErrUnavailable is returned where the kernel has no netem. Errors that wrap it say in one line
// what is missing and what to do.
var ErrUnavailable = errors.New("no netem here")

// Available returns an error if this machine's kernel lacks something that the fabric needs. It
// tries everything in a temporary namespace, which takes some milliseconds, and needs a process
// that may make hosts (host.ErrNotPermitted otherwise).
func Available() error {
	_, err := examine()
	return err
}

// A kernel describes this machine's kernel.
type kernel struct {
	name   string // "Linux 6.12.107"
	seeded bool   // its netem takes a seed
}

func examine() (kernel, error) {
	k := kernel{name: kernelName()}
	h, err := host.New("netem")
	if err != nil {
		return k, err
	}
	defer h.Close()
	t, err := openTC(h)
	if err != nil {
		return k, err
	}
	defer t.close()
	if k.seeded, err = try(h, t); err != nil {
		return k, fmt.Errorf("%w: %s %w; modprobe sch_netem sch_htb cls_u32, or run a kernel that has them; --links userspace works without", ErrUnavailable, k.name, err)
	}
	return k, nil
}

// try sends a packet along a path on the loopback device, and reports whether the path's queue
// accepted the seed.
func try(h *host.Host, t *tc) (seeded bool, err error) {
	const lo = 1
	self := &port{Port: host.Port{Name: "n1", Addr: loopback}, device: lo}
	if err := t.queue(create, place{lo, root, netlink.HANDLE_ROOT}, "htb", htbOptions()); err != nil {
		return false, fmt.Errorf("has no sch_htb (%w)", err)
	}
	p := &path{name: link.Path{From: "n1", To: "n1"}, from: self, to: self, changes: map[string]int{}, delayMajor: firstDelay}
	if err := t.class(p.class(), "htb", classOptions()); err != nil {
		return false, fmt.Errorf("makes no htb class (%w)", err)
	}
	q := queue{limit: 100, seed: 1}
	if err := t.queue(create, p.lossPlace(), "netem", q.options()); err != nil {
		return false, fmt.Errorf("has no sch_netem (%w)", err)
	}
	q.shape.Delay = time.Millisecond
	if err := t.queue(create, p.delayPlace(), "netem", q.options()); err != nil {
		return false, fmt.Errorf("puts no netem queue into another (%w)", err)
	}
	if err := inside(h, func(nl *netlink.Handle) error { return nl.FilterAdd(bySource(self, lo, root, p.class().handle)) }); err != nil {
		return false, fmt.Errorf("has no cls_u32 (%w)", err)
	}
	s, err := t.readQueue(p.delayPlace())
	if err != nil {
		return false, fmt.Errorf("does not describe its queues (%w)", err)
	}
	return s.seed == q.seed, send(h)
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// send sends a packet through the queues. Kernels before 6.13, and stable ones from before December
// 2024, miscounted the packets of a queue inside a netem queue ("netem: account for backlog updates
// from child qdisc"), and left them there.
func send(h *host.Host) error {
	return h.Do(func() error {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		if _, err := c.WriteTo([]byte("netem"), c.LocalAddr()); err != nil {
			return err
		}
		if _, _, err := c.ReadFrom(make([]byte, 16)); err != nil {
			return fmt.Errorf("forgets packets in a queue within a netem queue, which newer ones do not (%w)", err)
		}
		return nil
	})
}

func kernelName() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "this kernel"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
