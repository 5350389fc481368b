package host_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
)

// configuration returns the addresses, routes and neighbours of the host's eth0, as the kernel
// lists them.
func configuration(t *testing.T, h *host.Host) string {
	t.Helper()
	eth0, err := h.Netlink().LinkByName(host.Interface)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	addrs, err := h.Netlink().AddrList(eth0, netlink.FAMILY_ALL)
	for _, a := range addrs {
		all = append(all, "address "+a.String())
	}
	routes, rerr := h.Netlink().RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: 0}, netlink.RT_FILTER_TABLE)
	for _, r := range routes {
		all = append(all, fmt.Sprintf("route %s flags %#x", r, r.Flags))
	}
	neighbours, nerr := h.Netlink().NeighList(eth0.Attrs().Index, netlink.FAMILY_V4)
	for _, n := range neighbours {
		all = append(all, fmt.Sprintf("neighbour %s state %#x", n.String(), n.State))
	}
	if err := errors.Join(err, rerr, nerr); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func TestUnplugAndPlugAgain(t *testing.T) {
	hub := newHost(t, "hub")
	hosts, err := host.Star(hub, seats(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.CloseAll(hosts) })
	n1 := hosts[0]
	var local net.Listener
	if err := n1.Do(func() (err error) { local, err = net.Listen("tcp4", addr(1).String()+":80"); return err }); err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	plugged := func(want bool) {
		t.Helper()
		if got, err := n1.Plugged(); err != nil || got != want {
			t.Fatalf("plugged in: %v, %v", got, err)
		}
	}
	before := configuration(t, n1)
	for range 3 {
		plugged(true)
		if err := n1.Unplug(); err != nil {
			t.Fatal(err)
		}
		plugged(false)
		if _, err := n1.Dial(t.Context(), "tcp", addr(2).String()+":80"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("sending fails with %v", err)
		}
		c, err := n1.Dial(t.Context(), "tcp", addr(1).String()+":80")
		if err != nil {
			t.Fatalf("a connection inside the host is gone: %v", err)
		}
		c.Close()
		if err := n1.Plug(); err != nil {
			t.Fatal(err)
		}
		if after := configuration(t, n1); after != before {
			t.Fatalf("before:\n%s\nafter:\n%s", before, after)
		}
	}
	if !strings.Contains(before, "neighbour "+host.Gateway.String()) || !strings.Contains(before, "address 10.0.0.1/32") {
		t.Errorf("the configuration listed is incomplete:\n%s", before)
	}
}

// A reset ends the connections with the named peers, under either family, and nothing else.
func TestReset(t *testing.T) {
	n1 := newHost(t, "n1")
	if err := host.CanReset(); err != nil {
		t.Skip(err)
	}
	me, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	var ends, kept []net.Conn
	for network, at := range map[string]string{"tcp4": "127.0.0.1:81", "tcp": "127.0.0.1:82", "tcp ": "[::]:83", " tcp": "127.0.0.2:84"} {
		var l net.Listener
		if err := n1.Do(func() (err error) { l, err = net.Listen(strings.TrimSpace(network), at); return err }); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		to := strings.Replace(at, "[::]", "127.0.0.1", 1)
		if at == "127.0.0.2:84" { // from 127.0.0.2 too, or the accepting end would be connected to 127.0.0.1
			kept = append(kept, selfJoined(t, n1, l, other)...)
			continue
		}
		a, err := n1.Dial(t.Context(), "tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, a, b)
		defer func() { // the listener must outlive the connections that it accepted
			if c, err := n1.Dial(t.Context(), "tcp", to); err != nil {
				t.Errorf("nobody listens at %s any more: %v", to, err)
			} else {
				c.Close()
			}
		}()
	}
	if n, err := n1.Connections(me); err != nil || n != len(ends) {
		t.Fatalf("%d connections, %v", n, err)
	}
	if n, err := n1.Reset(me); err != nil || n == 0 {
		t.Fatalf("%d were reset, %v", n, err)
	}
	for _, c := range ends {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNABORTED) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s>%s reads %v", c.LocalAddr(), c.RemoteAddr(), err)
		}
		c.Close()
	}
	if n, err := n1.Connections(me); err != nil || n != 0 {
		t.Errorf("%d connections are left, %v", n, err)
	}
	if n, err := n1.Connections(other); err != nil || n != len(kept) {
		t.Errorf("of %d connections with another peer %d are left, %v", len(kept), n, err)
	}
}

func selfJoined(t *testing.T, h *host.Host, l net.Listener, from netip.Addr) []net.Conn {
	t.Helper()
	var a net.Conn
	err := h.Do(func() (err error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
		a, err = d.DialContext(t.Context(), "tcp", l.Addr().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return []net.Conn{a, b}
}

// Where the kernel cannot reset connections the error says why; any other error is a bug.
func TestCanReset(t *testing.T) {
	newHost(t, "n1") // skips where no hosts can be made
	if err := host.CanReset(); err != nil && !strings.Contains(err.Error(), "CONFIG_INET_DIAG_DESTROY") {
		t.Error(err)
	}
}
