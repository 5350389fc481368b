package netem_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/netem"
)

var (
	there = link.Path{From: "n1", To: "n2"}
	back  = there.Back()
)

// A lab is a fabric with the hosts n1, n2 and n3, and a socket on each of the first two.
type lab struct {
	*testing.T
	hub    *host.Host
	fabric *netem.Fabric
	hosts  []*host.Host
	a, b   *net.UDPConn
}

const udpPort = 7

func newLab(t *testing.T) *lab {
	t.Helper()
	need(t)
	l := &lab{T: t}
	var err error
	l.hub, err = host.New("hub")
	l.must(err)
	t.Cleanup(func() { l.hub.Close() })
	l.fabric, err = netem.Start(l.hub, 1)
	l.must(err)
	t.Cleanup(func() { l.must(l.fabric.Close()) })
	var seats []host.Seat
	for i := range byte(3) {
		seats = append(seats, host.Seat{Name: "n" + string('1'+rune(i)), Addr: netip.AddrFrom4([4]byte{10, 0, 0, i + 1})})
	}
	l.hosts, err = host.Star(l.hub, seats)
	l.must(err)
	t.Cleanup(func() { host.CloseAll(l.hosts) })
	var ports []host.Port
	for _, h := range l.hosts {
		ports = append(ports, h.Port())
	}
	l.must(l.fabric.Attach(l.Context(), ports))
	l.a, l.b = l.udp(0), l.udp(1)
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) udp(i int) *net.UDPConn {
	var c *net.UDPConn
	l.must(l.hosts[i].Do(func() (err error) {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: udpPort})
		return err
	}))
	l.Cleanup(func() { c.Close() })
	l.must(c.SetDeadline(time.Now().Add(5 * time.Minute)))
	return c
}

func (l *lab) apply(m link.Matrix) {
	l.Helper()
	l.must(l.fabric.Apply(l.Context(), m))
}

func (l *lab) counters(p link.Path) link.Counters {
	l.Helper()
	all, err := l.fabric.Counters(context.Background())
	l.must(err)
	return all[p]
}

// send sends n datagrams from n1 to n2.
func (l *lab) send(n int) {
	l.Helper()
	for range n {
		_, err := l.a.WriteToUDPAddrPort(make([]byte, 72), netip.AddrPortFrom(l.hosts[1].Port().Addr, udpPort))
		l.must(err)
	}
}

// What a cut removes from the queue is counted exactly, in packets and bytes.
func TestCutCountsWhatWasUnderWay(t *testing.T) {
	l := newLab(t)
	l.apply(link.Matrix{there: {Delay: time.Minute}})
	l.send(50)
	l.apply(link.Matrix{there: {Delay: time.Minute, Cut: true}})
	l.send(20)
	l.apply(link.Matrix{there: {}})
	l.send(7)
	want := link.Counters{Packets: 77, Bytes: 57 * 100, Cut: 70} // the bytes of packets that never entered are not known
	if got := l.counters(there); got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
	l.must(l.b.SetReadDeadline(time.Now().Add(10 * time.Second)))
	for range 7 {
		_, _, err := l.b.ReadFromUDPAddrPort(make([]byte, 100))
		l.must(err)
	}
}

// A cut that failed half way is undone by applying the shape that was there before it.
func TestChangeThatFailsHalfWay(t *testing.T) {
	l := newLab(t)
	l.apply(link.Matrix{there: {Delay: time.Millisecond}})
	nl := l.hub.Netlink()
	device, err := nl.LinkByName(l.hosts[1].Port().Interface)
	l.must(err)
	delay := netlink.NewNetem(netlink.QdiscAttrs{ // of n1 towards n2
		LinkIndex: device.Attrs().Index, Handle: netlink.MakeHandle(0x4010, 0), Parent: netlink.MakeHandle(0x10, 1),
	}, netlink.NetemQdiscAttrs{})
	l.must(nl.QdiscDel(delay))
	if err := l.fabric.Apply(l.Context(), link.Matrix{there: {Delay: time.Millisecond, Cut: true}}); err == nil {
		t.Fatal("a cut was made without the queue that it is to empty")
	}
	l.must(nl.QdiscAdd(delay))
	l.apply(link.Matrix{there: {Delay: time.Millisecond}})
	l.send(1)
	l.must(l.b.SetReadDeadline(time.Now().Add(10 * time.Second)))
	if _, _, err := l.b.ReadFromUDPAddrPort(make([]byte, 100)); err != nil {
		t.Errorf("the path is still cut: %v", err)
	}
}

// A queue's table cannot be removed, so a uniform jitter after another distribution brings a table
// of its own.
func TestUniformAfterNormal(t *testing.T) {
	const ms = time.Millisecond
	l := newLab(t)
	l.apply(link.Matrix{there: {Delay: 50 * ms, Jitter: 10 * ms, Distribution: link.Normal}})
	l.apply(link.Matrix{there: {Delay: 50 * ms, Jitter: 10 * ms}})
	var took []time.Duration
	for range 300 {
		begin := time.Now()
		l.send(1)
		_, _, err := l.b.ReadFromUDPAddrPort(make([]byte, 100))
		l.must(err)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	if first, last := took[0], took[len(took)-1]; first < 40*ms || first > 42*ms || last < 58*ms || last > 70*ms {
		t.Errorf("packets took %v to %v, want 40ms to 60ms", first, last)
	}
}

// In virtual time a round trip takes twice the delay, to a tenth of a millisecond.
func TestRoundTripInTheLab(t *testing.T) {
	if os.Getenv("RECKON_LAB") != "1" {
		t.Skip("RECKON_LAB is not 1: only in virtual time is a delay that exact (scripts/lab test ./link/netem)")
	}
	l := newLab(t)
	rounds := func(delay time.Duration) (p50, p99 time.Duration) {
		l.apply(link.Matrix{there: {Delay: delay}, back: {Delay: delay}})
		return l.pings(500)
	}
	wire, _ := rounds(0)
	t.Logf("no delay: %v", wire)
	for _, delay := range []time.Duration{100 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		p50, p99 := rounds(delay)
		t.Logf("2 x %v: p50 %v, p99 %v", delay, p50, p99)
		if most := 2*delay + 100*time.Microsecond; p50 < 2*delay || p99 > most {
			t.Errorf("2 x %v: p50 %v and p99 %v, want up to %v", delay, p50, p99, most)
		}
	}
}

// pings sends n echo requests from n1 to n2, one after the other, and returns how long each took.
// It stays on the host's thread, so that the Go scheduler does not interfere.
func (l *lab) pings(n int) (p50, p99 time.Duration) {
	l.Helper()
	var took []time.Duration
	l.must(l.hosts[0].Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
			return err
		}
		to := &unix.SockaddrInet4{Addr: l.hosts[1].Port().Addr.As4()}
		echo, answer := make([]byte, 64), make([]byte, 128)
		echo[0] = 8
		for range n {
			begin := time.Now()
			if err := unix.Sendto(fd, echo, 0, to); err != nil {
				return err
			}
			if _, _, err := unix.Recvfrom(fd, answer, 0); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		return nil
	}))
	slices.Sort(took)
	return took[n/2], took[n*99/100]
}

// A host sends single wire packets only while one of its paths decides about each packet.
func TestSegmentation(t *testing.T) {
	l := newLab(t)
	segments := func(i int) uint32 {
		var n uint32
		l.must(l.hosts[i].Do(func() error {
			eth0, err := l.hosts[i].Netlink().LinkByName(host.Interface)
			if err == nil {
				n = eth0.Attrs().GSOMaxSegs
			}
			return err
		}))
		return n
	}
	usual := segments(0)
	for _, step := range []struct {
		m    link.Matrix
		wire bool
	}{
		{link.Matrix{there: {Delay: time.Millisecond}}, false},
		{link.Matrix{there: {Loss: 0.1}}, true},
		{link.Matrix{{From: "n1", To: "n3"}: {Rate: 1e6}}, true},
		{link.Matrix{there: {}}, true},
		{link.Matrix{{From: "n1", To: "n3"}: {}}, false},
		{link.Matrix{there: {Cut: true}}, true},
	} {
		l.apply(step.m)
		if got := segments(0); got == 1 != step.wire {
			t.Errorf("after %v: super-frames of up to %d segments", step.m, got)
		}
		if got := segments(1); got != usual {
			t.Errorf("after %v: the other host sends super-frames of up to %d segments, want %d", step.m, got, usual)
		}
	}
	l.must(l.fabric.Close())
	if got := segments(0); got != usual {
		t.Errorf("after Close: super-frames of up to %d segments, want %d", got, usual)
	}
}

func TestRefusals(t *testing.T) {
	l := newLab(t)
	before := link.Matrix{there: {Delay: time.Minute}}
	l.apply(before)
	for _, s := range []link.Shape{{Delay: time.Minute, Jitter: 3 * time.Second}, {Loss: 2}} {
		if err := l.fabric.Apply(l.Context(), link.Matrix{there: s}); err == nil {
			t.Errorf("%v was applied", s)
		}
	}
	for _, p := range []host.Port{l.hosts[0].Port(), {Name: "x"}, {Name: "x", Addr: netip.MustParseAddr("10.9.9.9"), Interface: "x", MAC: host.GatewayMAC}} {
		if err := l.fabric.Attach(l.Context(), []host.Port{p}); err == nil {
			t.Errorf("%+v was attached", p)
		}
	}
	cancelled, cancel := context.WithCancel(l.Context())
	cancel()
	if err := l.fabric.Apply(cancelled, link.Matrix{there: {}}); err == nil {
		t.Error("applied after the context's end")
	}
	l.send(1)
	if c := l.counters(there); c.Packets != 1 {
		t.Errorf("counters %+v", c)
	}
}

// Whatever is closed first, the rest can still be closed, and reports that it is.
func TestCloseInAnyOrder(t *testing.T) {
	for _, order := range []string{"hosts hub fabric", "hub fabric hosts", "fabric hub hosts"} {
		t.Run(order, func(t *testing.T) {
			l := newLab(t)
			l.apply(link.Matrix{there: {Loss: 0.5, Duplicate: 0.5}, back: {Cut: true}})
			for name := range strings.FieldsSeq(order) {
				l.must(map[string]func() error{
					"hosts": func() error { return host.CloseAll(l.hosts) }, "hub": l.hub.Close, "fabric": l.fabric.Close,
				}[name]())
			}
			if err := l.fabric.Apply(l.Context(), link.Matrix{there: {}}); err == nil {
				t.Error("a closed fabric applies shapes")
			}
		})
	}
}
