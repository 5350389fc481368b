package host_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// addr is the i-th address of tests, from 1 on.
func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

func newHost(t testing.TB, name string) *host.Host {
	t.Helper()
	hosttest.Need(t)
	h, err := host.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func seats(n int) []host.Seat {
	s := make([]host.Seat, n)
	for i := range s {
		s[i] = host.Seat{Name: fmt.Sprintf("n%d", i+1), Addr: addr(i + 1)}
	}
	return s
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "sixteen-bytes-it", "a b", "a/b", "a:b", "é"} {
		if h, err := host.New(name); err == nil {
			h.Close()
			t.Errorf("New(%q) made a host", name)
		}
	}
}

// A new host has a working loopback, no IPv6, and nothing else.
func TestNewHostIsEmpty(t *testing.T) {
	h := newHost(t, "n1")
	links, err := h.Netlink().LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if a := l.Attrs(); a.Flags&net.FlagUp != 0 && a.Name != "lo" {
			t.Errorf("%s is up", a.Name)
		}
	}
	var l net.Listener
	if err := h.Do(func() (err error) {
		l, err = net.Listen("tcp4", "127.0.0.1:0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := h.Dial(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := h.Do(func() error {
		if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
			l.Close()
			return errors.New("IPv6 is on")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if _, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		t.Error("the host's loopback is the test's own")
	}
}

func TestDialRefusesNames(t *testing.T) {
	h := newHost(t, "n1")
	if _, err := h.Dial(context.Background(), "tcp", "localhost:80"); err == nil {
		t.Error("a name was resolved")
	}
}

// Many dials to nowhere delay neither each other nor the host.
func TestDialsAreConcurrent(t *testing.T) {
	hub, h := newHost(t, "hub"), (*host.Host)(nil)
	hosts, err := host.Star(hub, seats(1))
	if err != nil {
		t.Fatal(err)
	}
	h = hosts[0]
	defer h.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	for range 20 {
		go func() {
			_, err := h.Dial(ctx, "tcp", "10.9.9.9:1") // the hub swallows it
			ended <- err
		}()
	}
	if err := h.Do(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 20 {
		if err := <-ended; !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "cancel") {
			t.Errorf("dial: %v", err)
		}
	}
}

func TestClosedHost(t *testing.T) {
	h := newHost(t, "n1")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Do(func() error { return nil }); !errors.Is(err, host.ErrClosed) {
		t.Errorf("Do: %v", err)
	}
	if _, err := h.Start(host.Command{Path: "true", Args: []string{"true"}}); !errors.Is(err, host.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	if _, err := h.Dial(context.Background(), "tcp", "127.0.0.1:1"); !errors.Is(err, host.ErrClosed) {
		t.Errorf("Dial: %v", err)
	}
}

func TestStarIsAllOrNothing(t *testing.T) {
	hub := newHost(t, "hub")
	bad := seats(5)
	bad[3].Name = bad[0].Name
	if _, err := host.Star(hub, bad); err == nil {
		t.Fatal("two hosts have one name")
	}
	bad = seats(2)
	bad[1].Addr = netip.MustParseAddr("fd00::1")
	if _, err := host.Star(hub, bad); err == nil {
		t.Fatal("a host has an IPv6 address")
	}
	// The names are free again once the kernel has removed the cables.
	awaitLinks(t, hub, 1)
	hosts, err := host.Star(hub, seats(5))
	if err != nil {
		t.Fatal(err)
	}
	awaitLinks(t, hub, 6)
	for i, h := range hosts {
		want := host.Port{Name: h.Name(), Addr: addr(i + 1), Interface: h.Name(), MAC: h.Port().MAC}
		if got := h.Port(); got.Name != want.Name || got.Addr != want.Addr || got.Interface != want.Interface || len(got.MAC) != 6 {
			t.Errorf("port %+v, want %+v", got, want)
		}
	}
	if err := host.CloseAll(hosts); err != nil {
		t.Fatal(err)
	}
	awaitLinks(t, hub, 1)
}

// awaitLinks waits until the host has n interfaces, not counting the tunnels that the kernel makes
// in every namespace.
func awaitLinks(t testing.TB, h *host.Host, n int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		links, err := h.Netlink().LinkList()
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			t.Fatal(err)
		}
		got := 0
		for _, l := range links {
			if l.Type() == "veth" || l.Attrs().Name == "lo" {
				got++
			}
		}
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d interfaces, want %d", got, n)
		}
		time.Sleep(time.Millisecond)
	}
}

func BenchmarkTopology(b *testing.B) {
	for _, n := range []int{3, 10, 50, 100} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			hub := newHost(b, "hub")
			var up, down, gone time.Duration
			for b.Loop() {
				begin := time.Now()
				hosts, err := host.Star(hub, seats(n))
				if err != nil {
					b.Fatal(err)
				}
				up += time.Since(begin)
				begin = time.Now()
				if err := host.CloseAll(hosts); err != nil {
					b.Fatal(err)
				}
				down += time.Since(begin)
				awaitLinks(b, hub, 1)
				gone += time.Since(begin)
				time.Sleep(200 * time.Millisecond) // the kernel goes on in the background
			}
			ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
			b.ReportMetric(ms(up), "up-ms")
			b.ReportMetric(ms(down), "down-ms")
			b.ReportMetric(ms(gone), "gone-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
