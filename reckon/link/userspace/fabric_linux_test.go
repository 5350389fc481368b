package userspace_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// A lab is a fabric with hosts n1, n2, ... attached.
type lab struct {
	testing.TB
	hub    *host.Host
	hosts  []*host.Host
	fabric *userspace.Fabric
}

// patience bounds every wait; it does not state how long anything should take.
const patience = 30 * time.Second

func newLab(t testing.TB, seed uint64, n int) *lab {
	t.Helper()
	hosttest.Need(t)
	l := &lab{TB: t}
	var err error
	if l.hub, err = host.New("hub"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.hub.Close() })
	if l.fabric, err = userspace.Start(l.hub, seed, os.Stderr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.fabric.Close() })
	l.hosts, err = host.Star(l.hub, seats(n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.CloseAll(l.hosts) })
	if err := l.fabric.Attach(l.ctx(), ports(l.hosts)); err != nil {
		t.Fatal(err)
	}
	return l
}

func seats(n int) []host.Seat {
	s := make([]host.Seat, n)
	for i := range s {
		s[i] = host.Seat{Name: fmt.Sprintf("n%d", i+1), Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}
	}
	return s
}

func ports(hosts []*host.Host) []host.Port {
	ps := make([]host.Port, len(hosts))
	for i, h := range hosts {
		ps[i] = h.Port()
	}
	return ps
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	l.Cleanup(cancel)
	return ctx
}

func (l *lab) host(name string) *host.Host {
	for _, h := range l.hosts {
		if h.Name() == name {
			return h
		}
	}
	l.Fatalf("no host %s", name)
	return nil
}

func (l *lab) apply(m link.Matrix) {
	l.Helper()
	if err := l.fabric.Apply(l.ctx(), m); err != nil {
		l.Fatal(err)
	}
}

func (l *lab) counters(p link.Path) link.Counters {
	l.Helper()
	c, err := l.fabric.Counters(l.ctx())
	if err != nil {
		l.Fatal(err)
	}
	return c[p]
}

// await waits until the condition holds.
func (l *lab) await(what string, holds func() bool) {
	l.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			l.Fatalf("not after %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// udp opens a socket on the host.
func (l *lab) udp(name string) *net.UDPConn {
	l.Helper()
	h := l.host(name)
	var c *net.UDPConn
	if err := h.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: h.Port().Addr.AsSlice(), Port: 7})
		return err
	}); err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	return c
}

func (l *lab) addr(name string) netip.AddrPort {
	return netip.AddrPortFrom(l.host(name).Port().Addr, 7)
}

// echo answers every datagram until the test ends.
func (l *lab) echo(name string) {
	c := l.udp(name)
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			c.WriteToUDPAddrPort(b[:n], from)
		}
	}()
}

// rtt returns how long one datagram takes there and back.
func (l *lab) rtt(c *net.UDPConn, to netip.AddrPort) time.Duration {
	l.Helper()
	b := make([]byte, 64)
	begin := time.Now()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		l.Fatal(err)
	}
	if _, _, err := c.ReadFromUDPAddrPort(b); err != nil {
		l.Fatal(err)
	}
	return time.Since(begin)
}

func n12(s link.Shape) link.Matrix { return link.Matrix{{From: "n1", To: "n2"}: s} }

var there = link.Path{From: "n1", To: "n2"}

// Lateness counts from when a packet is due.
func TestLateness(t *testing.T) {
	l := newLab(t, 1, 2)
	l.echo("n2")
	c := l.udp("n1")
	l.apply(link.Matrix{there: {Delay: 5 * time.Millisecond}})
	for range 5 {
		l.rtt(c, l.addr("n2"))
	}
	late, err := l.fabric.Lateness(l.ctx())
	if err != nil || late.P50 < 0 || late.P50 > late.P99 || late.P99 > late.Max || late.Max == 0 {
		t.Errorf("lateness %+v, %v", late, err)
	}
}

// Buffers are also bounded in bytes, for delays and rates that allow more packets than there is
// memory for.
func TestFullQueueOverflows(t *testing.T) {
	l := newLab(t, 1, 2)
	a := l.udp("n1")
	l.apply(n12(link.Shape{Delay: time.Hour}))
	b := make([]byte, 1400)
	const n = 50000 // 2 KiB each, of 96 MiB
	for i := range n {
		if _, err := a.WriteToUDPAddrPort(b, l.addr("n2")); err != nil {
			t.Fatal(err)
		}
		if i%64 == 63 {
			l.counters(there) // pacing: the switch has read everything
		}
	}
	l.await("all packets entered", func() bool { return l.counters(there).Packets == n })
	if got, want := l.counters(there).Overflow, uint64(n-96<<20/2048); got != want {
		t.Errorf("%d packets did not fit, want %d", got, want)
	}
	l.apply(n12(link.Shape{Cut: true}))
	if c := l.counters(there); c.Cut+c.Overflow != n {
		t.Errorf("counters %+v", c)
	}
}

func TestBadRequests(t *testing.T) {
	l := newLab(t, 1, 2)
	for _, m := range []link.Matrix{
		n12(link.Shape{Loss: 1.5}),
		n12(link.Shape{Delay: -1}),
		{{From: "n1", To: "n9"}: {}},
		{{From: "n1", To: "n1"}: {}},
	} {
		if err := l.fabric.Apply(l.ctx(), m); err == nil {
			t.Errorf("applied %v", m)
		} else {
			t.Log(err)
		}
	}
	p := l.hosts[0].Port()
	for _, p := range []host.Port{p, {Name: "x", Addr: p.Addr, Interface: p.Interface, MAC: p.MAC}, {Name: "y", Addr: netip.MustParseAddr("10.1.1.1"), Interface: "nope", MAC: p.MAC}, {Name: "z"}} {
		if err := l.fabric.Attach(l.ctx(), []host.Port{p}); err == nil {
			t.Errorf("attached %+v", p)
		} else {
			t.Log(err)
		}
	}
	l.echo("n2")
	l.rtt(l.udp("n1"), l.addr("n2")) // it works as before
}

func TestDeadSwitch(t *testing.T) {
	l := newLab(t, 1, 2)
	if err := unix.Kill(userspace.PID(l.fabric), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-l.fabric.Done()
	if err := l.fabric.Apply(l.ctx(), n12(link.Shape{})); err == nil {
		t.Error("a dead switch applied shapes")
	} else {
		t.Log(err)
	}
	if err := l.fabric.Close(); err == nil {
		t.Error("a switch that was killed is no failure")
	}
}

func TestClose(t *testing.T) {
	l := newLab(t, 1, 2)
	for range 2 {
		if err := l.fabric.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.fabric.Counters(l.ctx()); err == nil {
		t.Error("a closed fabric counts")
	}
	if err := unix.Kill(userspace.PID(l.fabric), 0); err == nil {
		t.Error("the switch is still there")
	}
}

// A context that ends leaves the fabric as it was.
func TestContext(t *testing.T) {
	l := newLab(t, 1, 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.fabric.Apply(ctx, n12(link.Shape{Delay: 1})); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l.apply(n12(link.Shape{}))
}

func TestDescribe(t *testing.T) {
	l := newLab(t, 1, 1)
	d := l.fabric.Describe()
	if d.Backend != "userspace" || d.Priority == "" {
		t.Errorf("%+v", d)
	}
	t.Log(d)
}
