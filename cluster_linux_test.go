package reckon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/history"
	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// sleepers is a System whose members sleep. One that is alive is ready; the first leads.
type sleepers struct{}

func (sleepers) Command(Member, []Member) Command {
	return Command{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}
}

func (sleepers) Status(context.Context, Member, Dial) (Status, error) {
	return Status{}, errors.New("asked by hand in these tests")
}

func (sleepers) Dial(context.Context, []Member, Dial) (Client, error) {
	return nil, errors.New("nobody talks to a sleeper")
}

// bed is a cluster of sleepers on real hosts, with the events it logged.
type bed struct {
	*cluster
	mu     sync.Mutex
	events []string
}

func newBed(t *testing.T, names ...string) *bed {
	t.Helper()
	hosttest.Need(t)
	b := &bed{}
	b.cluster = &cluster{
		system: sleepers{}, clock: since{time.Now()}, timeout: 100 * time.Millisecond, bound: 10 * time.Second,
		open:    func(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		changed: make(chan struct{}), led: map[uint64]string{},
		event: func(e history.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, fmt.Sprintf("%s %s %s", e.Kind, e.Subject, e.Detail))
		},
	}
	b.doom = func(err error) { b.event(history.Event{Kind: history.Harness, Detail: err.Error()}) }
	for i, name := range names {
		h, err := host.New(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		if err := b.add(Member{Name: name, Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), Dir: t.TempDir()}, h); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(b.close)
	return b
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// state is what /proc says of the node's process: "S" asleep, "T" stopped, "" gone.
func (b *bed) state(t *testing.T, name string) string {
	t.Helper()
	n := b.find(name)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.process.PID()))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

func (b *bed) find(name string) *node {
	for _, n := range b.nodes {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

func (b *bed) hold(t *testing.T, strike int, s State) (release func()) {
	t.Helper()
	r, err := b.as(strike).Nodes()[0].Hold(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := r(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever overlaps heals in any order: a node is dead, or paused, while anyone holds it so.
func TestHoldsHealInAnyOrder(t *testing.T) {
	const running, stopped, gone = "S", "T", ""
	for _, c := range []struct {
		name string
		do   string // D and P hold dead and paused, d and p release the oldest such hold
		want []string
	}{
		{"one", "DdPp", []string{gone, running, stopped, running}},
		{"dead twice", "DDdd", []string{gone, gone, gone, running}},
		{"paused twice", "PPpp", []string{stopped, stopped, stopped, running}},
		{"a paused one is killed and started again: it is still paused", "PDdp", []string{stopped, gone, stopped, running}},
		{"a paused one is killed, and resumed while dead", "PDpd", []string{stopped, gone, gone, running}},
		{"a dead one is paused: when it starts, it is", "DPdp", []string{gone, gone, stopped, running}},
		{"and let go before it starts", "DPpd", []string{gone, gone, gone, running}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, "n1")
			held := map[rune][]func(){}
			for i, step := range c.do {
				switch step {
				case 'D':
					held['d'] = append(held['d'], b.hold(t, i, Dead))
				case 'P':
					held['p'] = append(held['p'], b.hold(t, i, Paused))
				default:
					held[step][0]()
					held[step] = held[step][1:]
				}
				if got := b.settledState(t, c.want[i]); got != c.want[i] {
					t.Fatalf("after %q: state %q, want %q", c.do[:i+1], got, c.want[i])
				}
			}
		})
	}
}

// settledState waits, bounded, for the state: a process that has just been started has yet to fall asleep.
func (b *bed) settledState(t *testing.T, want string) (got string) {
	t.Helper()
	for range 1000 {
		if got = b.state(t, "n1"); got == want {
			return got
		}
		time.Sleep(5 * time.Millisecond)
	}
	return got
}

func TestReleaseTwiceIsOnce(t *testing.T) {
	b := newBed(t, "n1")
	first, second := b.hold(t, 0, Dead), b.hold(t, 1, Dead)
	first()
	first()
	if got := b.state(t, "n1"); got != "" {
		t.Errorf("one holder let go twice, and the node runs (%s)", got)
	}
	second()
	if got := b.settledState(t, "S"); got != "S" {
		t.Errorf("nobody holds it, and its state is %q", got)
	}
}

// An answer that was under way when the node was killed is no sign of life.
func TestLateAnswerOfAKilledNode(t *testing.T) {
	b := newBed(t, "n1", "n2")
	n1 := b.find("n1")
	n1.see(Status{Ready: true, Leader: true, Term: 1}, nil)
	if b.leading.node != "n1" {
		t.Fatalf("leader %v", b.leading)
	}
	b.hold(t, 0, Dead)
	n1.see(Status{Ready: true, Leader: true, Term: 1}, nil)
	if b.leading.node != "" || n1.up {
		t.Errorf("a dead node leads: %v, up %v", b.leading, n1.up)
	}
}

func TestWhoLeads(t *testing.T) {
	b := newBed(t, "n1", "n2", "n3")
	see := func(name string, leads bool, term uint64) {
		b.find(name).see(Status{Ready: true, Leader: leads, Term: term}, nil)
	}
	want := func(what, node string, term uint64) {
		t.Helper()
		if b.leading != (leading{node, term}) {
			t.Errorf("%s: %v leads", what, b.leading)
		}
	}
	see("n1", true, 2)
	want("one claims", "n1", 2)
	see("n2", true, 3)
	want("an old leader that has not heard yet claims too", "n2", 3)
	see("n3", true, 3)
	want("a term has one leader: the second claim is a member in mid-election", "n2", 3)
	see("n2", false, 4)
	see("n3", true, 4)
	want("the next term", "n3", 4)
	b.find("n3").see(Status{}, errors.New("deadline exceeded"))
	want("an answer that is late is no election", "n3", 4)
	if b.find("n3").up {
		t.Error("a node that does not answer is up")
	}
	see("n1", false, 4)
	see("n3", false, 4)
	want("none", "", 0)
}

// One that someone else has stopped makes the run no result; one that a strike holds paused does not.
func TestStoppedByAnother(t *testing.T) {
	b := newBed(t, "n1")
	n1 := b.find("n1")
	harness := func() bool {
		n1.see(Status{}, errors.New("deadline exceeded"))
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(strings.Join(b.events, "\n"), "harness")
	}
	release := b.hold(t, 0, Paused)
	if harness() {
		t.Error("a paused node counts as stopped by another")
	}
	release()
	if err := n1.process.Pause(); err != nil { // behind the cluster's back
		t.Fatal(err)
	}
	if !harness() {
		t.Errorf("nobody noticed: %q", b.events)
	}
}

// A process that ends unasked makes the run no result, and says what it printed last.
func TestUnaskedEnd(t *testing.T) {
	b := newBed(t, "n1")
	if err := b.find("n1").process.Kill(); err != nil { // behind the cluster's back
		t.Fatal(err)
	}
	err := b.await(t.Context(), func() error { return errors.New("never") })
	if err == nil || !strings.Contains(err.Error(), "n1 ended by itself") {
		t.Errorf("got %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) == 0 || !strings.HasPrefix(b.events[0], "harness  n1 ended by itself") {
		t.Errorf("events %q", b.events)
	}
}
