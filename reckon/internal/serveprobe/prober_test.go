package serveprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
)

// since is a clock that counts from its making.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// liars is a store whose members all report that they know a leader. Those that are deaf answer no
// client, and those that are full acknowledge no write.
type liars struct {
	reckon.System
	deaf, full func(member string) bool
}

func (liars) Status(context.Context, reckon.Member, reckon.Dial) (reckon.Status, error) {
	return reckon.Status{Ready: true, Term: 2}, nil
}

func (l liars) Dial(_ context.Context, members []reckon.Member, _ reckon.Dial) (reckon.Client, error) {
	if len(members) != 1 {
		return nil, fmt.Errorf("a client of %d members", len(members))
	}
	return &client{l, members[0].Name}, nil
}

type client struct {
	store  liars
	member string
}

func (c *client) Do(ctx context.Context, op reckon.Op) reckon.Op {
	if c.store.deaf != nil && c.store.deaf(c.member) {
		<-ctx.Done()
		op.Outcome, op.Error = history.Failed, ctx.Err().Error()
		return op
	}
	time.Sleep(time.Millisecond)
	op.Outcome = history.OK
	if op.Kind == history.Write && c.store.full != nil && c.store.full(c.member) {
		op.Outcome, op.Error = history.Unknown, "no space"
	}
	return op
}

func (c *client) Close() error { return nil }

// bench is a prober of a store and the monitor that it reports to, as in a run.
type bench struct {
	*Prober
	clock   since
	monitor *clusterstate.Monitor
	stop    func()

	mu     sync.Mutex
	ops    []reckon.Op
	events []history.Event
}

func newBench(t *testing.T, store liars, members ...string) *bench {
	b := &bench{clock: since{time.Now()}, monitor: clusterstate.NewMonitor(reckon.ServingOf(store), time.Second)}
	c := Config{
		Client: "c1", Clients: 1, Clock: b.clock, ElectionTimeout: time.Second, OpTimeout: 5 * time.Second, Answer: b.answered,
		Dial: func(ctx context.Context, m reckon.Member) (reckon.Client, error) {
			return store.Dial(ctx, []reckon.Member{m}, nil)
		},
		Record: func(op reckon.Op) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ops = append(b.ops, op)
		},
	}
	for _, m := range members {
		b.monitor.Add(m)
		b.monitor.Ran(m)
		c.Members = append(c.Members, reckon.Member{Name: m})
	}
	b.Prober = New(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	b.stop = func() { cancel(); <-done }
	return b
}

func (b *bench) answered(a clusterstate.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, b.monitor.Answered(a)...)
}

// settled returns why the members have not settled that all report a leader, n1; nil where they have.
func (b *bench) settled(asked time.Duration) error {
	now := b.clock.Now()
	for _, m := range b.Members {
		st, _ := liars{}.Status(context.Background(), m, nil)
		st.Leader = m.Name == "n1"
		b.monitor.Saw(now, m.Name, st, nil)
	}
	_, _, why := b.monitor.Ask(func(v clusterstate.View) error { return v.Settled(now, asked) })
	return why
}

// A member that believes in a leader and answers no client does not serve, nor does one that answers
// reads and acknowledges no write; and it does from when it is answered again.
func TestAMemberThatBelievesAndDoesNotServe(t *testing.T) {
	for _, c := range []struct {
		name  string
		store func(broken func(string) bool) liars
		want  string
	}{
		{"deaf", func(b func(string) bool) liars { return liars{deaf: b} }, "n2 does not serve: a read through it alone is not answered"},
		{"full", func(b func(string) bool) liars { return liars{full: b} }, "n2 does not serve: a write through it alone is not acknowledged"},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			const healed = 20 * time.Second
			b := newBench(t, c.store(func(m string) bool { return m == "n2" && time.Since(start) < healed }), "n1", "n2")
			time.Sleep(5 * time.Second)
			_ = b.settled(0) // n1 leads from here on
			asked := b.clock.Now()
			b.Settle()
			time.Sleep(10 * time.Second)
			if why := b.settled(asked); why == nil || why.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.name, why, c.want)
			}
			time.Sleep(10 * time.Second)
			if why := b.settled(asked); why != nil {
				t.Errorf("%s, healed: %v", c.name, why)
			}
			if at := b.monitor.Steady(); at < healed || at > healed+every+10*time.Millisecond {
				t.Errorf("%s: it settled at %v, and was healed at %v", c.name, at, healed)
			}
			b.stop()
		})
	}
}

// What the prober does is on record as no load, by processes that are no client's own, of which none
// does two things at once or goes on after what has no outcome; and it is at most two a second.
func TestProbesOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, liars{deaf: func(m string) bool { return m == "n2" }, full: func(m string) bool { return m == "n3" }}, "n1", "n2", "n3")
		time.Sleep(20 * time.Second)
		b.stop()
		count, last := map[string]int{}, map[int]reckon.Op{}
		slices.SortStableFunc(b.ops, func(a, b reckon.Op) int { return int(a.Call - b.Call) })
		for _, op := range b.ops {
			count[op.Via]++
			if op.Stage != history.Probing || op.Key != history.ServingKey || op.Client != "c1" || op.Kind != history.Read || op.Process < history.ProbeProcess {
				t.Fatalf("recorded %+v", op)
			}
			if before, any := last[op.Process]; any && (op.Call < before.Return || before.Outcome == history.Unknown) {
				t.Fatalf("one process: %s, %s", before, op)
			}
			last[op.Process] = op
		}
		for _, m := range []string{"n1", "n2", "n3"} {
			if n := count[m]; n < 30 || n > 40 {
				t.Errorf("%d reads through %s in 20 s", n, m)
			}
		}
	})
}

// Where operations of the load go through a member, nobody else asks it until they have not for an
// election timeout.
func TestNobodyAsksWhatTheLoadTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, liars{}, "n1")
		for range 100 { // for 10 s
			time.Sleep(100 * time.Millisecond)
			now := b.clock.Now()
			b.Saw(reckon.Op{Via: "n1", Outcome: history.OK, Call: now - 1, Return: now})
		}
		b.mu.Lock()
		n := len(b.ops)
		b.mu.Unlock()
		if n > 1 { // before the first of the load had ended
			t.Errorf("asked %d times beside the load", n)
		}
		last := b.clock.Now()
		time.Sleep(2 * time.Second)
		b.stop()
		if n := len(b.ops); n == 0 || b.ops[n-1].Call < last+time.Second {
			t.Error("asked nothing once the load had ceased")
		}
		for _, op := range b.ops {
			if op.Call > time.Second && op.Call < last+time.Second {
				t.Errorf("asked at %v, and the load ceased at %v", op.Call, last)
			}
		}
	})
}

// Of the load what is new is passed on at once, and the same again only now and then; what was sent
// before others that have been answered says nothing when it is given up.
func TestWhatIsPassedOn(t *testing.T) {
	var got []string
	p := New(Config{Answer: func(a clusterstate.Answer) {
		got = append(got, fmt.Sprintf("%s %s %v %d", a.Node, a.Kind, a.OK, a.Return.Milliseconds()))
	}})
	saw := func(kind history.Kind, o history.Outcome, call, end time.Duration) {
		p.Saw(reckon.Op{Via: "n1", Kind: kind, Outcome: o, Call: call * time.Millisecond, Return: end * time.Millisecond})
	}
	for ms := time.Duration(0); ms < 600; ms += 10 {
		saw(history.Read, history.OK, ms, ms+1)
	}
	saw(history.Write, history.OK, 600, 601)
	saw(history.Read, history.Failed, 300, 700)
	saw(history.Read, history.Failed, 650, 701)
	saw(history.Read, history.Failed, 651, 702)
	saw(history.Read, history.OK, 703, 704)
	p.Saw(reckon.Op{Outcome: history.Failed, Error: "never sent"})
	want := "[n1 read true 1 n1 read true 251 n1 read true 501 n1 write true 601 n1 read false 701 n1 read true 704]"
	if fmt.Sprint(got) != want {
		t.Errorf("passed on %v, want %s", got, want)
	}
}

// A member for which no client can be made is not answered.
func TestAMemberThatCannotBeDialled(t *testing.T) {
	p := New(Config{Clock: since{time.Now()}, OpTimeout: time.Second,
		Dial: func(context.Context, reckon.Member) (reckon.Client, error) { return nil, errors.New("no such host") },
		Record: func(op reckon.Op) {
			if op.Outcome != history.Failed || op.Error != "never sent: no such host" {
				t.Errorf("recorded %+v", op)
			}
		},
		Answer: func(a clusterstate.Answer) {
			if a.OK || a.Node != "n1" {
				t.Errorf("answered %+v", a)
			}
		}})
	p.ask(t.Context(), reckon.Member{Name: "n1"}, true)
}

// Every member is asked from exactly one client host, the nearest where there is one.
func TestResponsible(t *testing.T) {
	members := []reckon.Member{{Name: "n1"}, {Name: "n2"}, {Name: "n3"}, {Name: "n4"}}
	for _, c := range []struct {
		s    reckon.Setting
		want []string // by client
	}{
		{reckon.Setting{Clients: []string{"c1"}, Nearest: map[string]string{"c1": "n3"}}, []string{"n1 n2 n3 n4 "}},
		{reckon.Setting{Clients: []string{"c1", "c2"}, Nearest: map[string]string{"c1": "n3", "c2": "n3"}}, []string{"n1 n3 ", "n2 n4 "}},
		{reckon.Setting{Clients: []string{"c1", "c2", "c3"}, Nearest: map[string]string{"c1": "n4", "c2": "n1", "c3": "n2"}}, []string{"n4 ", "n1 ", "n2 n3 "}},
	} {
		for client, want := range c.want {
			got := ""
			for _, m := range Responsible(c.s, members, client) {
				got += m.Name + " "
			}
			if got != want {
				t.Errorf("client %d of %v asks %q, want %q", client, c.s.Clients, got, want)
			}
		}
	}
}
