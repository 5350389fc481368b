package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/internal/links"
	"github.com/reckon-bench/reckon/reckon/internal/linkverify"
	"github.com/reckon-bench/reckon/reckon/internal/probe"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

// A lab is hosts on a fabric that may lie, with a cluster whose links can be struck and a record of
// what was seen.
type lab struct {
	*testing.T
	cluster  *Cluster
	prober   *probe.Prober
	verifier *linkverify.Verifier
	hosts    map[string]*host.Host
	net      *link.Net

	mu sync.Mutex
	h  history.History
}

// liar is a fabric that does something else than it is told.
type liar struct {
	link.Fabric
	lie func(link.Path, link.Shape) link.Shape
}

func (l liar) Apply(ctx context.Context, m link.Matrix) error {
	told := link.Matrix{}
	for p, s := range m {
		told[p] = l.lie(p, s)
	}
	return l.Fabric.Apply(ctx, told)
}

const ms = time.Millisecond

// labSlack is generous: these tests run beside others on few processors.
const labSlack = 500 * ms

func newLabOf(t *testing.T, plan link.Matrix, lie func(link.Path, link.Shape) link.Shape) *lab {
	t.Helper()
	hosttest.Need(t)
	hub, err := host.New("hub")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	fabric, err := userspace.Start(hub, 1, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fabric.Close() })
	var seats []host.Seat
	for i, name := range []string{"n1", "n2", "n3"} {
		seats = append(seats, host.Seat{Name: name, Addr: netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 1)})})
	}
	hosts, err := host.Star(hub, seats)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.CloseAll(hosts) })
	by, ports := map[string]*host.Host{}, []host.Port{}
	for _, h := range hosts {
		by[h.Name()], ports = h, append(ports, h.Port())
	}
	if err := fabric.Attach(t.Context(), ports); err != nil {
		t.Fatal(err)
	}
	f := liar{fabric, lie}
	net, err := link.NewNet(t.Context(), f, plan)
	if err != nil {
		t.Fatal(err)
	}
	clock := since{time.Now()}
	l := &lab{T: t, prober: probe.NewProber(clock, by), hosts: by, net: net}
	t.Cleanup(l.prober.Close)
	life, end := context.WithCancel(context.Background())
	var downs host.Holds
	l.verifier = linkverify.New(linkverify.Config{Prober: l.prober, Net: net, Fabric: f, Event: l.record, Slack: labSlack, Life: life, Down: downs.Held})
	t.Cleanup(func() { end(); l.verifier.Wait() })
	l.cluster = New(Config{Clock: clock, Event: l.record, Links: links.New(links.Config{
		Clock: clock, Event: l.record, Net: net, Verifier: l.verifier, Hosts: by, Used: slices.Sorted(maps.Keys(by)), Downs: &downs,
	})})
	return l
}

func honest(_ link.Path, s link.Shape) link.Shape { return s }

func (l *lab) record(e history.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.Events = append(l.h.Events, e)
}

// survey probes all paths against the plan.
func (l *lab) survey(plan link.Matrix) {
	l.Helper()
	if err := l.prober.Survey(l.Context(), []string{"n1", "n2", "n3"}, plan, labSlack, nil, l.record); err != nil {
		l.Fatal(err)
	}
}

// strike lays the overlay as strike i and returns its heal.
func (l *lab) strike(i int, overlay link.Matrix) (heal func()) {
	l.Helper()
	h, err := l.cluster.As(i, nil).Degrade(l.Context(), overlay)
	if err != nil {
		l.Fatal(err)
	}
	return l.took(i, h)
}

// verdict is what the record amounts to once everything has been looked at, and why.
func (l *lab) verdict() (harness []string, strikes []results.Strike) {
	l.verifier.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.Events = append(l.h.Events, history.Event{Kind: history.Phase, Subject: "load"}, history.Event{Kind: history.Phase, Subject: "done"})
	s := summary.Of(&l.h, summary.Info{Backend: "userspace", ElectionTimeout: 10 * labSlack, LagBound: labSlack, LateBound: labSlack}, nil)
	for _, why := range s.Harness {
		if strings.Contains(why, "path") || strings.Contains(why, "probe") || strings.Contains(why, "strike") {
			harness = append(harness, why)
		}
	}
	return harness, s.Strikes
}

func path(from, to string) link.Path { return link.Path{From: from, To: to} }

var labPlan = link.Matrix{
	path("n1", "n2"): {Delay: 20 * ms}, path("n2", "n1"): {Delay: 5 * ms},
	path("n1", "n3"): {Loss: 0.3}, path("n3", "n1"): {Delay: 10 * ms, Jitter: 5 * ms},
	path("n2", "n3"): {Delay: 10 * ms, Jitter: 3 * ms, Distribution: link.Normal, Duplicate: 0.1}, path("n3", "n2"): {Rate: 1_000_000, Delay: 5 * ms},
}

// Links that are what the plan says pass, whatever a plan can say.
func TestHonestLinksPass(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, labPlan, honest)
	l.survey(labPlan)
	if why, _ := l.verdict(); len(why) > 0 {
		t.Errorf("found out: %q", why)
	}
}

// A fabric that does not do what it is told is found out before the load.
func TestLyingLinksAreFoundOut(t *testing.T) {
	for _, c := range []struct {
		name string
		lie  func(link.Path, link.Shape) link.Shape
		want string
	}{
		{"no delay", func(p link.Path, s link.Shape) link.Shape {
			if p == path("n1", "n2") {
				s.Delay = 0
			}
			return s
		}, "path n1>n2, planned 20ms, delays by"},
		{"half of the delay", func(p link.Path, s link.Shape) link.Shape {
			if p == path("n1", "n2") {
				s.Delay /= 2
			}
			return s
		}, "path n1>n2, planned 20ms, delays by"},
		{"a long delay", func(p link.Path, s link.Shape) link.Shape {
			if p == path("n2", "n1") {
				s.Delay += 2 * labSlack
			}
			return s
		}, "path n2>n1, planned 5ms, delays by"},
		{"no loss", func(p link.Path, s link.Shape) link.Shape {
			s.Loss = 0
			return s
		}, "path n1>n3, planned loss 30%, lost 0 of 200 probes"},
		{"a loss that nobody asked for", func(p link.Path, s link.Shape) link.Shape {
			if p == path("n1", "n2") {
				s.Loss = 0.9
			}
			return s
		}, "of 10 probes, expected 0"},
		{"a path that is cut", func(p link.Path, s link.Shape) link.Shape {
			s.Cut = s.Cut || p == path("n2", "n1")
			return s
		}, "path n2>n1, planned 5ms, lost 10 of 10 probes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLabOf(t, labPlan, c.lie)
			l.survey(labPlan)
			if why, _ := l.verdict(); len(why) != 1 || !strings.Contains(why[0], c.want) {
				t.Errorf("got %q, want %q", why, c.want)
			}
		})
	}
}

var wires = link.Matrix{
	path("n1", "n2"): {Delay: 2 * ms}, path("n2", "n1"): {Delay: 2 * ms}, path("n1", "n3"): {Delay: 2 * ms},
	path("n3", "n1"): {Delay: 2 * ms}, path("n2", "n3"): {Delay: 2 * ms}, path("n3", "n2"): {Delay: 2 * ms},
}

// Strikes on links are seen to take effect and to end, without those who strike doing anything for
// it.
func TestStrikesOnLinksAreWitnessed(t *testing.T) {
	cut := link.Cut([]string{"n1"}, []string{"n2"})
	slow := link.Matrix{path("n1", "n2"): {Delay: 20 * ms}, path("n2", "n1"): {Delay: 20 * ms}}
	for _, c := range []struct {
		name string
		do   func(l *lab)
		want []string // for each strike, what was seen
	}{
		{"a cut", func(l *lab) { l.strike(0, cut)() }, []string{"10 probes on n1>n2 n2>n1 were cut and none arrived; probes still pass n1>n3", "probes pass n1>n2 n2>n1"}},
		{"one way", func(l *lab) { l.strike(0, link.Matrix{path("n1", "n2"): {Cut: true}})() }, []string{"5 probes on n1>n2 were cut", "probes still pass n1>n3"}},
		{"everything", func(l *lab) { l.strike(0, link.Cut([]string{"n1", "n2", "n3"}, []string{"n1", "n2", "n3"}))() }, []string{"30 probes", "probes pass"}},
		{"slow", func(l *lab) { l.strike(0, slow)() }, []string{"probes on n1>n2 n2>n1 met 22ms", "probes pass"}},
		{"lossy", func(l *lab) { l.strike(0, link.Matrix{path("n2", "n3"): {Loss: 0.3}})() }, []string{"met 2ms, loss 30%", "probes pass n2>n3"}},
		{"a cut over a cut", func(l *lab) {
			a, b := l.strike(0, cut), l.strike(1, cut)
			a()
			l.verifier.Wait()
			b()
		}, []string{"2 paths are still cut by another strike", "probes pass n1>n2 n2>n1"}},
		{"a cut over a slow link", func(l *lab) {
			a, b := l.strike(0, slow), l.strike(1, cut)
			l.verifier.Wait() // or the slow link is healed before anybody can see it
			b()
			a()
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLabOf(t, wires, honest)
			l.survey(wires)
			c.do(l)
			why, strikes := l.verdict()
			if len(why) > 0 {
				t.Errorf("found out: %q", why)
			}
			all := fmt.Sprint(strikes)
			for _, w := range c.want {
				if !strings.Contains(all, w) {
					t.Errorf("nobody saw %q in %v", w, all)
				}
			}
		})
	}
}

// A cut that does not cut, a heal that does not heal, a cut that cuts too much: the run is no
// result.
func TestStrikesThatLieAreFoundOut(t *testing.T) {
	cut := link.Cut([]string{"n1"}, []string{"n2"})
	for _, c := range []struct {
		name    string
		overlay link.Matrix
		lie     func(heard int, p link.Path, s link.Shape) link.Shape
		want    string
	}{
		{"it lets packets through", cut, func(_ int, p link.Path, s link.Shape) link.Shape {
			s.Cut = s.Cut && p != path("n2", "n1")
			return s
		}, "failed: struck, but the links counted 0 packets as cut on n2>n1, where 5 probes were sent"},
		{"it slows instead", link.Matrix{path("n1", "n2"): {Loss: 0.5}}, func(_ int, p link.Path, s link.Shape) link.Shape {
			s.Loss = 0
			return s
		}, "failed: struck, but n1>n2, which is to be 2ms, loss 50%, lost 0 of"},
		{"it never heals", cut, func(heard int, p link.Path, s link.Shape) link.Shape {
			s.Cut = s.Cut || heard > 1 && p == path("n1", "n2")
			return s
		}, "failed: healed, but 3 packets were cut on n1>n2, which is cut no more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			heard := map[link.Path]int{}
			l := newLabOf(t, wires, func(p link.Path, s link.Shape) link.Shape {
				heard[p]++ // the Net asks one at a time
				return c.lie(heard[p]-1, p, s)
			})
			l.survey(wires)
			l.strike(0, c.overlay)()
			if why, _ := l.verdict(); len(why) != 1 || !strings.Contains(why[0], c.want) {
				t.Errorf("got %q, want %q", why, c.want)
			}
		})
	}
}

// What is cut beside the overlay is found out as well, and so is a fabric that only says that it
// cuts.
func TestCutsTooMuch(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	behind := l.verifier.Fabric // not by the Net, which would know
	if err := behind.Apply(t.Context(), link.Matrix{path("n2", "n3"): {Cut: true}}); err != nil {
		t.Fatal(err)
	}
	l.strike(0, link.Cut([]string{"n1"}, []string{"n2"}))()
	if why, _ := l.verdict(); len(why) != 1 || !strings.Contains(why[0], "came through n2>n3, which is not cut") {
		t.Errorf("got %q", why)
	}
}

// allSeen wants every strike seen, and nothing found out.
func (l *lab) allSeen() {
	l.Helper()
	why, strikes := l.verdict()
	if len(why) > 0 {
		l.Errorf("found out: %q", why)
	}
	for i, s := range strikes {
		if !s.Verified {
			l.Errorf("strike %d was not seen: %v", i, s.Seen)
		}
	}
}

// Flapping links are witnessed each time, however soon they are healed, and the strikes do not wait
// for it.
func TestFlappingIsWitnessed(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	cut := link.Cut([]string{"n1"}, []string{"n2"})
	for i := range 10 {
		heal := l.strike(i, cut)
		heal()
	}
	l.allSeen()
}

// flood sends packets from one host to the other as fast as it can, until the test ends.
func (l *lab) flood(from, to string) {
	l.Helper()
	conn, err := l.hosts[from].Dial(l.Context(), "udp", netip.AddrPortFrom(l.hosts[to].Port().Addr, 9).String())
	if err != nil {
		l.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := conn.Write(make([]byte, 100)); errors.Is(err, net.ErrClosed) { // others say that nobody listens there
				return
			}
			time.Sleep(20 * time.Microsecond)
		}
	}()
	l.Cleanup(func() { conn.Close(); <-done })
}

// Others' packets on the same paths, which are cut and counted too, make nobody believe too early
// that the probes were: every one of many short cuts is seen, and no probe that a heal let pass is
// held against the cut.
func TestFlappingUnderLoadIsWitnessed(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	l.flood("n1", "n2")
	l.flood("n2", "n1")
	cut := link.Cut([]string{"n1"}, []string{"n2"})
	for i := range 60 {
		l.strike(i, cut)()
	}
	l.allSeen()
}

// A heal that does not heal is found out each time, not only the last, though the next cut comes at
// once.
func TestFlappingThatNeverHeals(t *testing.T) {
	t.Parallel()
	heard := 0
	l := newLabOf(t, wires, func(p link.Path, s link.Shape) link.Shape {
		if p == path("n1", "n2") { // the Net asks one at a time
			heard++
			s.Cut = heard > 1 && heard < 20 // the first is the plan
		}
		return s
	})
	l.survey(wires)
	l.flood("n1", "n2")
	for i := range 10 {
		l.strike(i, link.Cut([]string{"n1"}, []string{"n2"}))()
	}
	if why, _ := l.verdict(); len(why) < 5 || !strings.Contains(why[0], "which is cut no more") {
		t.Errorf("got %q", why)
	}
}

// A degraded link that is cut while probes are on their way, and healed below the cut, has been
// seen to be degraded: what the cut took says nothing against it, and what arrived must be as late
// as it was to be.
func TestACutOverProbesOnTheirWay(t *testing.T) {
	t.Parallel()
	p := path("n1", "n2")
	t.Run("strikes", func(t *testing.T) {
		t.Parallel()
		l := newLabOf(t, wires, honest)
		l.survey(wires)
		before := l.packets(p)
		straighten := l.strike(0, link.Matrix{p: {Delay: 400 * ms}})
		for l.packets(p) < before+10 { // of its probes; they are on their way for as long
			time.Sleep(ms)
		}
		time.Sleep(100 * ms) // and the verifier knows
		mend := l.strike(1, link.Matrix{p: {Cut: true}})
		straighten()
		l.verifier.Wait()
		mend()
		l.allSeen()
	})
}

// packets is how many have entered the path.
func (l *lab) packets(p link.Path) uint64 {
	l.Helper()
	c, err := l.verifier.Fabric.Counters(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	return c[p].Packets
}

// Of two cuts of a path the second may heal while the heal of the first is looked at: what it cut
// until then is not held against either.
func TestHealsAtOneInstant(t *testing.T) {
	t.Parallel()
	p := path("n1", "n2")
	l := newLabOf(t, wires, honest)
	l.survey(wires)
	l.flood("n1", "n2")
	cut := link.Matrix{p: {Cut: true}}
	first, second := l.strike(0, cut), l.strike(1, cut)
	l.verifier.Wait()
	f := &heard{Fabric: l.verifier.Fabric}
	f.then = func() { // once the counters have been read
		for before := l.packets(p); l.packets(p) == before; {
			time.Sleep(ms)
		}
		second()
	}
	l.verifier.Fabric = f
	first()
	l.allSeen()
}

// heard is a fabric that does something once its counters have been read.
type heard struct {
	link.Fabric
	first atomic.Bool
	then  func()
}

func (h *heard) Counters(ctx context.Context) (map[link.Path]link.Counters, error) {
	c, err := h.Fabric.Counters(ctx)
	if h.first.CompareAndSwap(false, true) {
		h.then()
	}
	return c, err
}
