package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

func init() {
	// An echo says that it is ready, and repeats its lines.
	reexec.Register("test-echo", func() {
		fmt.Println("ready")
		io.Copy(os.Stdout, os.Stdin)
	})
}

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

// A new host has a loopback that works, no IPv6, and nothing else.
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

// Many dials to nowhere keep neither each other nor the host waiting.
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
	// The names are free again as soon as the kernel has removed the cables.
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

// awaitLinks waits until the host has n interfaces, tunnels that the kernel puts everywhere not counted.
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

// A host that happened to live on the process's main thread would never end.
func TestNoHostOnTheMainThread(t *testing.T) {
	hub := newHost(t, "hub")
	own := func() string {
		s, err := os.Readlink("/proc/self/ns/net") // the main thread's
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := own()
	for range 20 {
		hosts, err := host.Star(hub, seats(5))
		if err != nil {
			t.Fatal(err)
		}
		if err := host.CloseAll(hosts); err != nil {
			t.Fatal(err)
		}
		awaitLinks(t, hub, 1)
	}
	if after := own(); after != before {
		t.Errorf("the process moved from %s to %s", before, after)
	}
}

// start starts an echo and waits until it is ready.
func start(t testing.TB, h *host.Host) (p *host.Process, in io.Writer, out *bufio.Reader) {
	t.Helper()
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err = h.Start(host.Command{Args: []string{"test-echo"}, Stdin: stdin, Stdout: stdout, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	stdout.Close()
	t.Cleanup(func() { w.Close(); r.Close() })
	out = bufio.NewReader(r)
	if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	return p, w, out
}

func state(t testing.TB, p *host.Process) byte {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0
	}
	s := string(b)
	return s[strings.LastIndex(s, ") ")+2]
}

func TestProcessLivesInTheNamespace(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	of := func(pid string) string {
		s, err := os.Readlink("/proc/" + pid + "/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if own, its := of("self"), of(fmt.Sprint(p.PID())); own == its {
		t.Errorf("the process is in the test's namespace, %s", own)
	}
}

func TestKill(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	for range 2 {
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if s := state(t, p); s != 0 {
		t.Errorf("killed, it is in state %c", s)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
	if err := p.Pause(); err == nil {
		t.Error("a dead process was paused")
	}
	if err := p.Signal(1); err == nil {
		t.Error("a dead process was signalled")
	}
}

func TestPauseAndResume(t *testing.T) {
	h := newHost(t, "n1")
	p, in, out := start(t, h)
	for i := range 20 {
		if err := p.Pause(); err != nil {
			t.Fatal(err)
		}
		if s := state(t, p); s != 'T' {
			t.Fatalf("paused, it is in state %c", s)
		}
		if err := p.Pause(); err != nil { // it is already
			t.Fatal(err)
		}
		fmt.Fprintln(in, i)
		if s := state(t, p); s != 'T' {
			t.Fatalf("written to, it is in state %c", s)
		}
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); err != nil || line != fmt.Sprintln(i) {
			t.Fatalf("resumed, it said %q, %v", line, err)
		}
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil { // also from a pause
		t.Fatal(err)
	}
}

func TestExitStatus(t *testing.T) {
	h := newHost(t, "n1")
	var out strings.Builder
	p, err := h.Start(host.Command{
		Path: "sh", Args: []string{"sh", "-c", "echo $WORD; exit 3"}, Env: []string{"WORD=hello"}, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.State().ExitCode() != 3 || p.Err() == nil || out.String() != "hello\n" {
		t.Errorf("status %v, error %v, output %q", p.State(), p.Err(), out.String())
	}
	for _, c := range []host.Command{{}, {Path: "/no/such/program", Args: []string{"x"}}} {
		if _, err := h.Start(c); err == nil {
			t.Errorf("%+v was started", c)
		}
	}
}

// Close ends what was started, and what that started.
func TestCloseKills(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := h.Start(host.Command{Path: "sh", Args: []string{"sh", "-c", "sleep 1000 & echo up; wait"}, Stdout: w}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if _, err := io.ReadAll(r); err != nil { // ends with the last who could write
		t.Fatal(err)
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
