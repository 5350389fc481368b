package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// sleepers is a System whose members sleep. One that is alive is ready; the first leads.
type sleepers struct{}

func (sleepers) Command(reckon.Member, []reckon.Member) reckon.Command {
	return reckon.Command{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}
}

func (sleepers) Status(context.Context, reckon.Member, reckon.Dial) (reckon.Status, error) {
	return reckon.Status{}, errors.New("asked by hand in these tests")
}

func (sleepers) Dial(context.Context, []reckon.Member, reckon.Dial) (reckon.Client, error) {
	return nil, errors.New("nobody talks to a sleeper")
}

// since is a clock that counts from its making; under synctest it is virtual.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// bed is a cluster of sleepers on real hosts, with the events it logged.
type bed struct {
	*Cluster
	mu     sync.Mutex
	events []string
}

func newBed(t *testing.T, names ...string) *bed {
	t.Helper()
	hosttest.Need(t)
	b := &bed{}
	record := func(e history.Event) {
		if seen := []history.EventKind{history.Up, history.Down, history.Leads}; slices.Contains(seen, e.Kind) && e.At == 0 {
			t.Errorf("%s %s gets its time only when it is recorded", e.Kind, e.Subject)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, fmt.Sprintf("%s %s %s", e.Kind, e.Subject, e.Detail))
	}
	b.Cluster = New(Config{
		System: sleepers{}, Clock: since{time.Now()}, ElectionTimeout: 100 * time.Millisecond, Bound: 10 * time.Second,
		Log:   func(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		Event: record, Fatal: func(e history.Event, _ error) { record(e) },
	})
	for i, name := range names {
		h, err := host.New(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		if err := b.Start(reckon.Member{Name: name, Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), Dir: t.TempDir()}, h); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(b.Close)
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

func (b *bed) hold(t *testing.T, strike int, s reckon.State) (release func()) {
	t.Helper()
	r, err := b.As(strike, nil).Nodes()[0].Hold(t.Context(), s)
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
		{"paused while it is dead", "DPdp", []string{gone, gone, stopped, running}},
		{"paused while it is dead, and let go of", "DPpd", []string{gone, gone, gone, running}},
		{"paused twice while it is dead", "DPPpdp", []string{gone, gone, gone, gone, stopped, running}},
		{"paused and killed twice", "PDDdpd", []string{stopped, gone, gone, gone, gone, running}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, "n1")
			held := map[rune][]func(){}
			for i, step := range c.do {
				switch step {
				case 'D':
					held['d'] = append(held['d'], b.hold(t, i, reckon.Dead))
				case 'P':
					held['p'] = append(held['p'], b.hold(t, i, reckon.Paused))
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

// settledState waits, bounded, for the state: a process that has just been started has yet to fall
// asleep.
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
	first, second := b.hold(t, 0, reckon.Dead), b.hold(t, 1, reckon.Dead)
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
	n1.see(reckon.Status{Ready: true, Leader: true, Term: 1}, nil)
	if b.monitor.Leading().Node != "n1" {
		t.Fatalf("leader %v", b.monitor.Leading())
	}
	b.hold(t, 0, reckon.Dead)
	n1.see(reckon.Status{Ready: true, Leader: true, Term: 1}, nil)
	if b.monitor.Leading().Node != "" || b.monitor.Node("n1").Up {
		t.Errorf("a dead node leads: %v, up %v", b.monitor.Leading(), b.monitor.Node("n1").Up)
	}
}

// One that someone else has stopped makes the run no result; one that a strike holds paused does
// not.
func TestStoppedByAnother(t *testing.T) {
	b := newBed(t, "n1")
	n1 := b.find("n1")
	harness := func() bool {
		n1.see(reckon.Status{}, errors.New("deadline exceeded"))
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(strings.Join(b.events, "\n"), "harness")
	}
	release := b.hold(t, 0, reckon.Paused)
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
	err := b.await(t.Context(), func(clusterstate.View) error { return errors.New("never") })
	if err == nil || !strings.Contains(err.Error(), "n1 ended by itself") {
		t.Errorf("got %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) == 0 || !strings.HasPrefix(b.events[0], "harness  n1 ended by itself") {
		t.Errorf("events %q", b.events)
	}
}

// One that ends by itself once all were ready is the store's doing, unless the machine, or someone
// else, ended it.
func TestEndsByItself(t *testing.T) {
	const stack = "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1d\n"
	for _, c := range []struct {
		name    string
		signal  syscall.Signal
		printed string
		early   bool // before all were ready
		want    string
	}{
		{"a panic", syscall.SIGABRT, "up\npanic: tocommit(11) is out of range\n\n" + stack, false, "ended n1 signal: aborted, after: panic: tocommit(11) is out of range"},
		{"zap", syscall.SIGABRT, "{\"level\":\"fatal\",\"msg\":\"bad\"}\nbye\n", false, `ended n1 signal: aborted, after: {"level":"fatal","msg":"bad"}`},
		{"without a word", syscall.SIGSEGV, "", false, "ended n1 signal: segmentation fault, after: it printed nothing"},
		{"many stacks", syscall.SIGABRT, "fatal error: concurrent map writes\n" + strings.Repeat(stack, 10_000), false, "ended n1 signal: aborted, after: fatal error: concurrent map writes"},
		{"full memory, many stacks", syscall.SIGABRT, "fatal error: runtime: out of memory\n" + strings.Repeat(stack, 10_000), false, "harness  n1 ended by itself"},
		{"a full disk", syscall.SIGABRT, "panic: write wal: no space left on device\n" + stack, false, "harness  n1 ended by itself (signal: aborted); it last printed:"},
		{"a disk that takes no more", syscall.SIGABRT, "panic: open member/snap/db: read-only file system\n" + stack, false, "harness  n1 ended by itself"},
		{"no more files", syscall.SIGABRT, "panic: open wal/1.tmp: too many open files\n" + stack, false, "harness  n1 ended by itself"},
		{"no more files on the machine", syscall.SIGABRT, "panic: open wal/1.tmp: too many open files in system\n" + stack, false, "harness  n1 ended by itself"},
		{"full memory", syscall.SIGABRT, "fatal error: runtime: out of memory\n" + stack, false, "harness  n1 ended by itself"},
		{"the machine's choice when memory is full", syscall.SIGKILL, "panic: no\n", false, "harness  n1 ended by itself (signal: killed)"},
		{"someone else", syscall.SIGTERM, "", false, "harness  n1 ended by itself (signal: terminated)"},
		{"before all were ready", syscall.SIGABRT, "panic: bad flag\n", true, "harness  n1 ended by itself (signal: aborted)"},
	} {
		b := newBed(t, "n1")
		if !c.early {
			b.monitor.Start()
		}
		n := b.find("n1")
		for part := range slices.Chunk([]byte(c.printed), 7) {
			if _, err := n.log.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		_ = b.await(t.Context(), func(clusterstate.View) error { return errors.New("never") })
		b.mu.Lock()
		if len(b.events) == 0 || !strings.HasPrefix(b.events[0], c.want) {
			t.Errorf("%s: %q, want %q", c.name, b.events, c.want)
		}
		b.mu.Unlock()
	}
}

// What the end of the run finds ended has ended by itself as well, and is said once.
func TestEndsByItselfAtLast(t *testing.T) {
	b := newBed(t, "n1")
	b.monitor.Start()
	n := b.find("n1")
	n.mu.Lock() // nobody notices
	if err := n.process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	<-n.process.Done()
	n.end()
	n.mu.Unlock()
	b.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) != 1 || !strings.HasPrefix(b.events[0], "ended n1 signal: aborted") {
		t.Errorf("events %q", b.events)
	}
}

func (b *bed) said(what string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(strings.Join(b.events, "\n"), what)
}

// What is claimed of a node is what was seen of its process.
func TestHoldsSayWhatIs(t *testing.T) {
	b := newBed(t, "n1")
	pid := b.find("n1").process.PID()
	first, second := b.hold(t, 0, reckon.Dead), b.hold(t, 1, reckon.Dead)
	for _, want := range []string{
		fmt.Sprintf("verified n1 struck: process %d of n1 is gone (signal: killed)\n", pid),
		fmt.Sprintf("verified n1 struck: process %d of n1 is gone (signal: killed), and was before: held so by strike 1", pid),
	} {
		if !b.said(want) {
			t.Errorf("nobody said %q: %q", want, b.events)
		}
	}
	if _, err := b.As(clusterstate.ByHand, nil).Nodes()[0].Hold(t.Context(), reckon.Paused); err == nil || !strings.Contains(err.Error(), "pause n1: it is dead, held so by strike 1, strike 2") {
		t.Errorf("a dead node is paused by hand: %v", err)
	}
	b.hold(t, 2, reckon.Paused)()
	if want := "verified n1 struck: n1 is dead, held so by strike 1, strike 2, and is stopped as soon as it is started"; !b.said(want) {
		t.Errorf("nobody said %q: %q", want, b.events)
	}
	if got := b.find("n1").State(); got != reckon.Dead {
		t.Errorf("its state is %s", got)
	}
	first()
	if !b.said("healed: n1 is still held dead by strike 2") {
		t.Errorf("events %q", b.events)
	}
	second()
	b.find("n1").see(reckon.Status{}, nil)
	b.verifying.Wait()
	pid = b.find("n1").process.PID()
	if !b.said(fmt.Sprintf("verified n1 healed: process %d of n1 runs, and answers again after", pid)) {
		t.Errorf("events %q", b.events)
	}
	pause := b.hold(t, 3, reckon.Paused)
	if !b.said(fmt.Sprintf("struck: process %d of n1 is stopped, all of its 1 threads", pid)) {
		t.Errorf("events %q", b.events)
	}
	pause()
	b.hold(t, 4, reckon.Dead)
	b.verifying.Wait()
	if !b.said(fmt.Sprintf("healed: process %d of n1 runs, and was struck again before it was asked", pid)) {
		t.Errorf("events %q", b.events)
	}
}

// A pause that someone undid behind the cluster's back is not claimed by the next strike.
func TestAPauseIsLookedAt(t *testing.T) {
	b := newBed(t, "n1")
	b.hold(t, 0, reckon.Paused)
	if err := b.find("n1").process.Resume(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.As(1, nil).Nodes()[0].Hold(t.Context(), reckon.Paused); err == nil || !strings.Contains(err.Error(), "1 of 1 threads") {
		t.Errorf("got %v", err)
	}
	if got := b.find("n1").holds.By(reckon.Paused); len(got) != 1 {
		t.Errorf("a hold that failed holds: %v", got)
	}
}

// A process that had ended by itself was not killed by the strike.
func TestNobodyKillsWhatHasEnded(t *testing.T) {
	b := newBed(t, "n1")
	n := b.find("n1")
	if err := n.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.As(0, nil).Nodes()[0].Hold(t.Context(), reckon.Dead); err == nil || !strings.Contains(err.Error(), "its process has ended by itself") {
		t.Errorf("got %v", err)
	}
	if left := b.Undo(t.Context(), 0); left != "" {
		t.Errorf("a strike that failed left %s", left)
	}
	b.hold(t, clusterstate.ByHand, reckon.Dead)() // people start it again so
	if got := b.settledState(t, "S"); got != "S" {
		t.Errorf("state %q", got)
	}
}

// Nodes that are held together are all held, or none is.
func TestHoldAll(t *testing.T) {
	b := newBed(t, "n1", "n2", "n3")
	v := b.As(0, nil).(*view)
	release, err := v.HoldAll(t.Context(), v.Nodes(), reckon.Dead)
	if err != nil {
		t.Fatal(err)
	}
	states := func() (all []string) {
		for _, n := range v.Nodes() {
			all = append(all, n.State().String())
		}
		return all
	}
	if got := states(); !slices.Equal(got, []string{"dead", "dead", "dead"}) {
		t.Errorf("held they are %v", got)
	}
	if err := release(t.Context()); err != nil {
		t.Fatal(err)
	}
	n2 := b.find("n2")
	n2.mu.Lock()
	n2.killed = true // its end is no event: it is to be found at the strike
	n2.mu.Unlock()
	if err := n2.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.HoldAll(t.Context(), v.Nodes(), reckon.Dead); err == nil || !strings.Contains(err.Error(), "kill n2: its process has ended by itself") {
		t.Errorf("got %v", err)
	}
	if got := states(); !slices.Equal(got, []string{"running", "running", "running"}) {
		t.Errorf("after one could not be held they are %v", got)
	}
	if left := b.Undo(t.Context(), 0); left != "" {
		t.Errorf("it left %s", left)
	}
}

// Who leads first since a snapshot when nobody did, may have been dead then: whoever asks for the
// leader is told how things are now.
func TestALeaderThatCameBack(t *testing.T) {
	b := newBed(t, "n1")
	release := b.hold(t, 0, reckon.Dead)
	told := b.Look()
	release()
	b.find("n1").see(reckon.Status{Ready: true, Leader: true, Term: 2}, nil)
	if n, err := b.As(1, told).Leader(t.Context()); err != nil || n.State() != reckon.Running {
		t.Errorf("%v leads, and is told to be %s, %v", n.Name(), n.State(), err)
	}
}

// Strikes that are due together are told who led before any of them struck, and how the nodes were.
func TestTheSnapshotIsOfBefore(t *testing.T) {
	b := newBed(t, "n1", "n2")
	b.find("n1").see(reckon.Status{Ready: true, Leader: true, Term: 1}, nil)
	told := b.Look()
	first, second := b.As(0, told), b.As(1, told)
	n, err := first.Leader(t.Context())
	if err != nil || n.Name() != "n1" {
		t.Fatalf("%v leads, %v", n, err)
	}
	if _, err := n.Hold(t.Context(), reckon.Dead); err != nil {
		t.Fatal(err)
	}
	if n, err := second.Leader(t.Context()); err != nil || n.Name() != "n1" || n.State() != reckon.Running {
		t.Errorf("the second is told that %v led, %v", n, err)
	}
	if got := b.As(2, b.Look()).Nodes()[0].State(); got != reckon.Dead {
		t.Errorf("a later strike is told that n1 is %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := b.As(2, b.Look()).Leader(ctx); err == nil {
		t.Errorf("a later strike is told that %s leads", n.Name())
	}
	later := b.Look() // nobody leads: who is found first, is for all that are told by it
	b.find("n2").see(reckon.Status{Ready: true, Leader: true, Term: 2}, nil)
	if n, err := b.As(3, later).Leader(t.Context()); err != nil || n.Name() != "n2" {
		t.Errorf("%v leads, %v", n, err)
	}
	b.find("n2").see(reckon.Status{Ready: true}, nil)
	if n, err := b.As(4, later).Leader(ctx); err != nil || n.Name() != "n2" {
		t.Errorf("the next is told that %v leads, %v", n, err)
	}
}

// No leader for twenty election timeouts is an error that has the strike be told anew.
func TestNoLeader(t *testing.T) {
	b := newBed(t, "n1")
	b.ElectionTimeout = time.Millisecond
	if _, err := b.As(0, b.Look()).Leader(t.Context()); !errors.Is(err, reckon.ErrNoLeader) {
		t.Errorf("got %v", err)
	}
}

// What a strike does first is known to the instant before it was done, however long it then takes
// to be seen.
func TestWhenAViewActed(t *testing.T) {
	b := newBed(t, "n1")
	v := b.As(0, b.Look()).(*view)
	if at, ok := v.Acted(); ok {
		t.Fatalf("before it did anything, it acted at %v", at)
	}
	before := b.Clock.Now()
	release, err := v.Nodes()[0].Hold(t.Context(), reckon.Dead)
	if err != nil {
		t.Fatal(err)
	}
	first, ok := v.Acted()
	if held := b.Clock.Now(); !ok || first < before || first >= held {
		t.Errorf("it acted at %v, %v; it was asked at %v and held at %v", first, ok, before, held)
	}
	if err := release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Nodes()[0].Hold(t.Context(), reckon.Paused); err != nil {
		t.Fatal(err)
	}
	if at, _ := v.Acted(); at != first {
		t.Errorf("what it did later counts: %v, and the first was %v", at, first)
	}
}
