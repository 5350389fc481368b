package userspace_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/link/userspace"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// A lab is a fabric with hosts n1, n2, ... attached.
type lab struct {
	testing.TB
	hub    *host.Host
	hosts  []*host.Host
	fabric *userspace.Fabric
}

// patience bounds every wait: it is no expectation of how long anything takes.
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

// udp is a socket on the host.
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

// round is how many datagrams a socket's queue holds for sure.
const round = 100

// sendNumbers sends n numbered datagrams, at most round, or the receiving socket may overflow.
func (l *lab) sendNumbers(from *net.UDPConn, to netip.AddrPort, first, n int) {
	l.Helper()
	b := make([]byte, 64)
	for i := first; i < first+n; i++ {
		binary.BigEndian.PutUint64(b, uint64(i))
		if _, err := from.WriteToUDPAddrPort(b, to); err != nil {
			l.Error(err)
			return
		}
	}
}

// pass sends n numbered datagrams in rounds and says in which order they came.
func (l *lab) pass(from, to *net.UDPConn, addr netip.AddrPort, n int) []uint64 {
	l.Helper()
	var got []uint64
	for sent := 0; sent < n; sent += round {
		l.sendNumbers(from, addr, sent, round)
		got = append(got, l.drain(to, round)...)
	}
	return got
}

// drain reads numbers until n have come.
func (l *lab) drain(c *net.UDPConn, n int) []uint64 {
	l.Helper()
	b, got := make([]byte, 64), make([]uint64, 0, n)
	for len(got) < n {
		if _, _, err := c.ReadFromUDPAddrPort(b); err != nil {
			l.Fatalf("after %d of %d datagrams: %v", len(got), n, err)
		}
		got = append(got, binary.BigEndian.Uint64(b))
	}
	return got
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

// rtt is how long one datagram takes there and back.
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

func TestPerfectWireCarriesUDP(t *testing.T) {
	l := newLab(t, 1, 3)
	a, b := l.udp("n1"), l.udp("n3")
	for i, n := range l.pass(a, b, l.addr("n3"), 1000) {
		if n != uint64(i) {
			t.Fatalf("datagram %d came as number %d", n, i)
		}
	}
	got := l.counters(link.Path{From: "n1", To: "n3"})
	if want := (link.Counters{Packets: 1000, Bytes: 1000 * (64 + 28)}); got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
	all, err := l.fabric.Counters(l.ctx())
	if err != nil || len(all) != 1 {
		t.Errorf("counters %v, %v: want one path", all, err)
	}
}

// Bytes arrive whole over TCP, through super-frames, whatever the path does.
func TestTCP(t *testing.T) {
	for _, s := range []link.Shape{
		{},
		{Delay: 2 * time.Millisecond},
		{Loss: 0.01},
		{Delay: 2 * time.Millisecond, Loss: 0.01},
		{Delay: 2 * time.Millisecond, Jitter: time.Millisecond},
	} {
		t.Run(s.String(), func(t *testing.T) {
			l := newLab(t, 1, 2)
			l.apply(link.Matrix{there: s, there.Back(): s})
			l.transfer("n1", "n2", 8<<20)
			c := l.counters(there)
			if c.Bytes < 8<<20 || c.Packets < 8<<20/1500 {
				t.Errorf("counters %+v for 8 MiB", c)
			}
			// Each wire packet is drawn for, also in a super-frame.
			n := float64(c.Packets)
			if math.Abs(float64(c.Lost)-n*s.Loss) > 5*math.Sqrt(n*s.Loss*(1-s.Loss)) {
				t.Errorf("%d of %d packets lost at loss %v", c.Lost, c.Packets, s.Loss)
			}
		})
	}
}

// transfer sends n bytes over one connection and checks them.
func (l *lab) transfer(from, to string, n int) time.Duration {
	l.Helper()
	listener := l.listen(to)
	defer listener.Close()
	sent := make(chan error, 1)
	go func() {
		c, err := l.host(from).Dial(l.ctx(), "tcp4", l.addr(to).String())
		if err == nil {
			_, err = io.Copy(c, io.LimitReader(&pattern{}, int64(n)))
			err = errors.Join(err, c.Close())
		}
		sent <- err
	}()
	c, err := listener.Accept()
	if err != nil {
		l.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	begin := time.Now()
	got, err := io.Copy(&pattern{}, c)
	took := time.Since(begin)
	if err != nil || got != int64(n) {
		l.Fatalf("received %d of %d bytes: %v", got, n, err)
	}
	if err := <-sent; err != nil {
		l.Fatal(err)
	}
	return took
}

func (l *lab) listen(name string) net.Listener {
	l.Helper()
	var listener net.Listener
	if err := l.host(name).Do(func() (err error) {
		listener, err = net.Listen("tcp4", l.addr(name).String())
		return err
	}); err != nil {
		l.Fatal(err)
	}
	return listener
}

// A pattern is an endless stream whose bytes depend on where they are; written to, it compares.
type pattern struct{ at int }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p.at * 7 >> 3)
		p.at++
	}
	return len(b), nil
}

func (p *pattern) Write(b []byte) (int, error) {
	for i := range b {
		if b[i] != byte(p.at*7>>3) {
			return i, fmt.Errorf("byte %d is wrong", p.at)
		}
		p.at++
	}
	return len(b), nil
}

func TestDelay(t *testing.T) {
	l := newLab(t, 1, 2)
	l.echo("n2")
	c := l.udp("n1")
	for _, tt := range []struct{ there, back time.Duration }{
		{0, 0}, {time.Millisecond, 0}, {0, 30 * time.Millisecond}, {20 * time.Millisecond, 10 * time.Millisecond}, {0, 0},
	} {
		l.apply(link.Matrix{there: {Delay: tt.there}, there.Back(): {Delay: tt.back}})
		for range 5 {
			got := l.rtt(c, l.addr("n2"))
			if got < tt.there+tt.back || got > tt.there+tt.back+5*time.Second {
				t.Errorf("round trip %v at %v there and %v back", got, tt.there, tt.back)
			}
		}
	}
	late, err := l.fabric.Lateness(l.ctx())
	if err != nil || late.P50 < 0 || late.P50 > late.P99 || late.P99 > late.Max {
		t.Errorf("lateness %+v, %v", late, err)
	}
}

// A ping is delayed, cut and counted like anything else.
func TestICMP(t *testing.T) {
	l := newLab(t, 1, 2)
	var c net.PacketConn
	if err := l.host("n1").Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "ping")
		defer f.Close()
		c, err = net.FilePacketConn(f)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const delay = 5 * time.Millisecond
	l.apply(link.Matrix{there: {Delay: delay}, there.Back(): {Delay: delay}})
	begin := time.Now()
	if _, err := c.WriteTo([]byte{8, 0, 0, 0, 0, 0, 0, 1, 'p'}, &net.UDPAddr{IP: l.addr("n2").Addr().AsSlice()}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	c.SetReadDeadline(time.Now().Add(patience))
	if n, _, err := c.ReadFrom(b); err != nil || n != 9 || b[0] != 0 {
		t.Fatalf("answer %x, %v", b[:n], err)
	}
	if took := time.Since(begin); took < 2*delay {
		t.Errorf("round trip %v", took)
	}
	if got, want := l.counters(there), (link.Counters{Packets: 1, Bytes: 29}); got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
}

// Without jitter packets keep their order; with it they may not, but all come, and none too early.
func TestOrderAndJitter(t *testing.T) {
	l := newLab(t, 1, 2)
	a, b := l.udp("n1"), l.udp("n2")
	l.apply(n12(link.Shape{Delay: 5 * time.Millisecond}))
	for i, n := range l.pass(a, b, l.addr("n2"), 500) {
		if n != uint64(i) {
			t.Fatalf("number %d came as %d", n, i)
		}
	}
	l.apply(n12(link.Shape{Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond}))
	swaps, last := 0, uint64(0)
	for _, n := range l.pass(a, b, l.addr("n2"), 500) {
		if n < last {
			swaps++
		}
		last = n
	}
	if swaps == 0 {
		t.Error("500 packets within 10 ms of jitter came in order")
	}
}

// lose sends n datagrams over a fresh fabric and says which came.
func lose(t *testing.T, seed uint64, loss float64, n int) []uint64 {
	l := newLab(t, seed, 2)
	a, b := l.udp("n1"), l.udp("n2")
	l.apply(n12(link.Shape{Loss: loss}))
	var got []uint64
	sent := 0
	for sent < n {
		l.sendNumbers(a, l.addr("n2"), sent, round)
		sent += round
		l.await("all packets entered", func() bool { return l.counters(there).Packets == uint64(sent) })
		c := l.counters(there)
		got = append(got, l.drain(b, sent-int(c.Lost)-len(got))...)
	}
	if c := l.counters(there); c.Overflow+c.Cut != 0 {
		t.Errorf("counters %+v", c)
	}
	return got
}

func TestLossIsSeeded(t *testing.T) {
	const n, p = 5000, 0.1
	first, again, other := lose(t, 7, p, n), lose(t, 7, p, n), lose(t, 8, p, n)
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Error("the same seed lost other packets")
	}
	if fmt.Sprint(first) == fmt.Sprint(other) {
		t.Error("another seed lost the same packets")
	}
	lost, sigma := float64(n-len(first)), math.Sqrt(n*p*(1-p))
	if math.Abs(lost-n*p) > 5*sigma {
		t.Errorf("%v of %d packets lost at %v", lost, n, p)
	}
}

func TestCutOneWayAndHeal(t *testing.T) {
	l := newLab(t, 1, 2)
	a, b := l.udp("n1"), l.udp("n2")
	l.apply(n12(link.Shape{Cut: true}))
	l.sendNumbers(a, l.addr("n2"), 0, 50)
	l.await("50 packets cut", func() bool { return l.counters(there).Cut == 50 })
	l.sendNumbers(b, l.addr("n1"), 0, 50) // the way back is whole
	l.drain(a, 50)
	l.apply(n12(link.Shape{}))
	l.sendNumbers(a, l.addr("n2"), 1000, 50)
	if got := l.drain(b, 50); got[0] != 1000 {
		t.Errorf("number %d came through the cut", got[0])
	}
	if c := l.counters(there); c.Cut != 50 || c.Packets != 100 || c.Overflow+c.Lost != 0 {
		t.Errorf("counters %+v", c)
	}
}

// A cut loses what is queued on its path, and nothing else.
func TestCutDropsWhatIsQueued(t *testing.T) {
	l := newLab(t, 1, 3)
	a, b, c := l.udp("n1"), l.udp("n2"), l.udp("n3")
	slow := link.Shape{Delay: 500 * time.Millisecond}
	other := link.Path{From: "n1", To: "n3"}
	l.apply(link.Matrix{there: slow, other: slow})
	l.sendNumbers(a, l.addr("n2"), 0, 20)
	l.sendNumbers(a, l.addr("n3"), 0, 20)
	l.apply(n12(link.Shape{Cut: true})) // reads what was sent before
	if got := l.counters(there); got.Packets != 20 || got.Cut != 20 {
		t.Errorf("counters %+v", got)
	}
	l.apply(n12(link.Shape{}))
	l.sendNumbers(a, l.addr("n2"), 1000, 1)
	if got := l.drain(b, 1); got[0] != 1000 {
		t.Errorf("number %d came through the cut", got[0])
	}
	l.drain(c, 20)
}

// Packets under way keep their delivery when the shape changes.
func TestChangeKeepsWhatIsQueued(t *testing.T) {
	l := newLab(t, 1, 2)
	a, b := l.udp("n1"), l.udp("n2")
	l.apply(n12(link.Shape{Delay: 300 * time.Millisecond}))
	begin := time.Now()
	l.sendNumbers(a, l.addr("n2"), 0, 10)
	l.apply(n12(link.Shape{}))
	l.sendNumbers(a, l.addr("n2"), 10, 1)
	got := l.drain(b, 11)
	if got[0] != 10 {
		t.Errorf("number %d came first: the wire is perfect by now", got[0])
	}
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("the delayed packets came after %v", took)
	}
}

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
