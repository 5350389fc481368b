package cluster

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// cut cuts the paths as strike i and returns its heal.
func (l *lab) cut(i int, mode reckon.CutMode, paths ...link.Path) (heal func()) {
	l.Helper()
	h, err := l.cluster.As(i, nil).Cut(l.Context(), paths, mode)
	if err != nil {
		l.Fatal(err)
	}
	return l.took(i, h)
}

// took records that strike i took effect and returns its heal.
func (l *lab) took(i int, h func(context.Context) error) (heal func()) {
	data := map[string]float64{"strike": float64(i)}
	l.record(history.Event{Kind: history.Struck, Data: data})
	return func() {
		l.Helper()
		if err := h(l.Context()); err != nil {
			l.Fatal(err)
		}
		l.record(history.Event{Kind: history.Healed, Data: data})
	}
}

// isolated is every path from and to the host.
func isolated(name string) []link.Path {
	var others []string
	for _, n := range []string{"n1", "n2", "n3"} {
		if n != name {
			others = append(others, n)
		}
	}
	return link.Cut([]string{name}, others).Paths()
}

// connect joins two hosts by TCP, and returns both ends.
func (l *lab) connect(from, to string) (a, b net.Conn) {
	l.Helper()
	var listener net.Listener
	address := netip.AddrPortFrom(l.hosts[to].Port().Addr, 7000).String()
	if err := l.hosts[to].Do(func() (err error) { listener, err = net.Listen("tcp", address); return err }); err != nil {
		l.Fatal(err)
	}
	defer listener.Close()
	a, err := l.hosts[from].Dial(l.Context(), "tcp", address)
	if err == nil {
		b, err = listener.Accept()
	}
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// A connection that uses a path that is cut by reset ends at both ends at once; by drop, it learns
// nothing. Others live on.
func TestCutByReset(t *testing.T) {
	t.Parallel()
	if err := host.CanReset(); err != nil {
		t.Skip(err)
	}
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	a, b := l.connect("n1", "n2")
	c, d := l.connect("n1", "n3")
	heal := l.cut(0, reckon.Drop, path("n1", "n2"), path("n2", "n1"))
	for _, end := range []net.Conn{a, b} {
		if err := end.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := end.Read(make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
			t.Errorf("after a drop a read says %v", err)
		}
		if err := end.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	heal()
	heal = l.cut(1, reckon.Reset, path("n2", "n1")) // one way is enough: no connection lives on half a path
	for _, end := range []net.Conn{a, b} {
		if _, err := end.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNABORTED) {
			t.Errorf("after a reset a read says %v", err)
		}
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("a connection beside the cut: %v", err)
	}
	if _, err := d.Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection beside the cut: %v", err)
	}
	heal()
	why, strikes := l.verdict()
	if len(why) > 0 {
		t.Errorf("found out: %q", why)
	}
	if seen := strings.Join(strikes[1].Seen, "\n"); !strings.Contains(seen, "2 ends of connections were reset at 2 hosts, and none is left") || !strikes[1].Verified {
		t.Errorf("seen: %s", seen)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// carriers is a fabric that counts nothing of what is sent to a host that is down, as a kernel's
// does.
type carriers struct {
	link.Fabric
	downs *host.Holds

	mu   sync.Mutex
	last map[link.Path]link.Counters
}

func (c *carriers) Counters(ctx context.Context) (map[link.Path]link.Counters, error) {
	now, err := c.Fabric.Counters(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	down := c.downs.Held()
	for p := range now {
		if down[p.To] {
			now[p] = c.last[p]
		}
	}
	c.last = now
	return now, err
}

// An interface that is down carries nothing, whoever sends from there is told, and Links says so;
// when the last who holds it down lets go, all is as before.
func TestCutByLinkDown(t *testing.T) {
	t.Run("counted", func(t *testing.T) { testLinkDown(t, newLabOf(t, wires, honest)) })
	t.Run("not counted", func(t *testing.T) {
		l := newLabOf(t, wires, honest)
		l.verifier.Fabric = &carriers{Fabric: l.verifier.Fabric, downs: l.cluster.Links.Downs}
		testLinkDown(t, l)
	})
}

func testLinkDown(t *testing.T, l *lab) {
	t.Parallel()
	l.survey(wires)
	a, b := l.connect("n1", "n2")
	first := l.cut(0, reckon.LinkDown, isolated("n1")...)
	l.verifier.Wait()
	second := l.cut(1, reckon.LinkDown, isolated("n1")...)
	dropped := l.cut(2, reckon.Drop, path("n1", "n2"))
	for _, p := range isolated("n1") {
		if !l.net.Links()[p].Cut {
			t.Errorf("the links say that %s is not cut", p)
		}
	}
	first()
	l.verifier.Wait()
	if _, err := l.hosts["n1"].Dial(t.Context(), "tcp", l.hosts["n2"].Port().Addr.String()+":1"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("while another strike holds it down, who sends is told %v", err)
	}
	second()
	dropped()
	if _, err := a.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection does not outlive it: %v", err)
	}
	why, strikes := l.verdict()
	if len(why) > 0 {
		t.Errorf("found out: %q", why)
	}
	for i, want := range []string{"eth0 of n1 is down; no probe could even be sent on n1>n2 n1>n3; eth0 of n1 is still held down by another strike; 4 paths are still cut", "eth0 of n1 is down; eth0 of n1 is up again; probes pass", "probes pass n1>n2"} {
		seen := strings.Join(strikes[i].Seen, "; ")
		for w := range strings.SplitSeq(want, "; ") {
			if !strings.Contains(seen, w) {
				t.Errorf("strike %d: nobody saw %q in %s", i, w, seen)
			}
		}
		if !strikes[i].Verified {
			t.Errorf("strike %d is not verified: %s", i, seen)
		}
	}
}

func TestLinkDownIsForAllPathsOfAHost(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, wires, honest)
	for _, paths := range [][]link.Path{
		{path("n1", "n2"), path("n2", "n1")},
		isolated("n1")[:3],
		slices.Concat(isolated("n1"), []link.Path{path("n2", "n3")}),
	} {
		if _, err := l.cluster.As(0, nil).Cut(t.Context(), paths, reckon.LinkDown); err == nil || !strings.Contains(err.Error(), "want those of one host, both ways, and no others") {
			t.Errorf("%v: %v", paths, err)
		}
	}
	if l.net.Links().String() != wires.String() {
		t.Errorf("a cut that was refused has changed the links:\n%s", l.net.Links())
	}
}

// A cut made where packets are sent turns into an error of the sender's, as an OUTPUT rule does:
// that is no cut.
func TestCutWhichTheSenderIsToldOfIsFoundOut(t *testing.T) {
	for kind, want := range map[int]string{
		unix.RTN_PROHIBIT:    "failed: struck, but probe n1>n2:",
		unix.RTN_UNREACHABLE: "failed: struck, but n1 would not send to n2, though its interface is up",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			testSenderIsTold(t, kind, want)
		})
	}
}

func testSenderIsTold(t *testing.T, kind int, want string) {
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	to := &net.IPNet{IP: l.hosts["n2"].Port().Addr.AsSlice(), Mask: net.CIDRMask(32, 32)}
	if err := l.hosts["n1"].Netlink().RouteAdd(&netlink.Route{Dst: to, Type: kind}); err != nil {
		t.Fatal(err)
	}
	l.cut(0, reckon.Drop, path("n1", "n2"))
	if why, _ := l.verdict(); len(why) == 0 || !strings.Contains(strings.Join(why, "\n"), want) {
		t.Errorf("got %q", why)
	}
}

// What a strike left is undone, and said.
func TestWhatIsLeftIsUndone(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, wires, honest)
	v := l.cluster.As(3, nil)
	if _, err := v.Cut(t.Context(), []link.Path{path("n1", "n2")}, reckon.Drop); err != nil {
		t.Fatal(err)
	}
	heal, err := v.Cut(t.Context(), []link.Path{path("n1", "n3")}, reckon.Drop)
	if err != nil {
		t.Fatal(err)
	}
	if err := heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := l.cluster.Undo(t.Context(), 3); !strings.Contains(left, "n1>n2") || strings.Contains(left, "n1>n3") {
		t.Errorf("left: %q", left)
	}
	if l.net.Links().String() != wires.String() {
		t.Errorf("after that the links are\n%s", l.net.Links())
	}
	if left := l.cluster.Undo(t.Context(), 3); left != "" {
		t.Errorf("left after it was undone: %q", left)
	}
}
