package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
)

const ms = time.Millisecond

// counter is a program that counts its starts on its disk, and answers what it gets.
type counter struct {
	env *Env
	got *[]string
}

type counting struct{ got []string }

func (c *counting) Start(env *Env) (Program, error) {
	b, _ := env.Disk().ReadFile("d/starts")
	b = append(b, 'x')
	if err := env.Disk().Write("d/starts", 0, b, nil); err != nil {
		return nil, err
	}
	env.Disk().Sync("d/starts", env.Done(func(error) {
		env.Disk().SyncDir("d", env.Done(func(error) { c.got = append(c.got, fmt.Sprint(env.Name(), " durable")) }))
	}))
	return &counter{env, &c.got}, nil
}

func (c *counter) Memory() Memory { return Memory{Entries: len(*c.got)} }

func (c *counter) Receive(from int, payload any) {
	switch s := payload.(string); s {
	case "panic":
		panic("boom")
	case "exit":
		c.env.Exit(errors.New("enough"))
	case "later":
		c.env.After(10*ms, func() { *c.got = append(*c.got, fmt.Sprint(c.env.Name(), " later ", c.env.Now())) })
	default:
		*c.got = append(*c.got, c.env.Name()+" "+s)
	}
}

type world struct {
	*testing.T
	loop *loop.Loop
	net  *network.Network
	*counting
	n1, n2 *Node
}

func newWorld(t *testing.T) *world {
	l := loop.New(1)
	net := network.New(l, []string{"n1", "n2"})
	w := &world{T: t, loop: l, net: net, counting: &counting{}}
	w.n1 = New(l, net, 0, disk.New(l, 0, "n1", disk.NVMe), w.counting)
	w.n2 = New(l, net, 1, disk.New(l, 1, "n2", disk.NVMe), w.counting)
	w.n1.Start(0)
	w.n2.Start(0)
	w.run()
	return w
}

func (w *world) run() {
	w.Helper()
	if err := w.loop.Run(loop.Stop{}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) tell(n *Node, s string) {
	w.net.Inject(network.Packet{From: n.ID, To: n.ID, Payload: s})
}

func (w *world) starts(n *Node) string {
	b, _ := n.Disk.ReadFile("d/starts")
	return string(b)
}

func TestKillKeepsTheCacheAndAPowerCutLosesIt(t *testing.T) {
	w := newWorld(t)
	w.n1.Reboot()
	w.loop.Step() // it has written, but not synced
	w.n1.Reboot()
	w.loop.Step()
	if got := w.starts(w.n1); got != "xxx" {
		t.Errorf("killed twice: the disk has %q", got)
	}
	w.n1.PowerCut(disk.Lose)
	if w.n1.State() != Off {
		t.Errorf("is %v", w.n1.State())
	}
	w.n1.Start(0)
	w.loop.Step()
	if got := w.starts(w.n1); got != "xx" { // the first start was synced
		t.Errorf("power cut: the disk has %q", got)
	}
}

func TestTheDeadHearNothing(t *testing.T) {
	w := newWorld(t)
	w.got = nil
	w.tell(w.n1, "later")
	w.loop.Step()
	w.n1.Kill()
	w.tell(w.n1, "hello")
	w.run()
	if len(w.got) != 0 {
		t.Errorf("a dead program got %v", w.got)
	}
	w.n1.Start(5 * ms)
	w.n1.Start(6 * ms) // runs by then
	w.run()
	if w.n1.Starts() != 2 {
		t.Errorf("started %d times", w.n1.Starts())
	}
}

func TestFreezeKeepsWorkBack(t *testing.T) {
	w := newWorld(t)
	w.got = nil
	thaw := w.n1.Freeze()
	w.tell(w.n1, "one")
	w.tell(w.n2, "two")
	w.run()
	if !slices.Equal(w.got, []string{"n2 two"}) || !w.n1.Frozen() {
		t.Errorf("frozen: got %v", w.got)
	}
	thaw()
	w.run()
	if !slices.Equal(w.got, []string{"n2 two", "n1 one"}) {
		t.Errorf("thawed: got %v", w.got)
	}
	w.got = nil
	thaw = w.n1.FreezeAfter(2)
	for _, s := range []string{"a", "b", "c"} {
		w.tell(w.n1, s)
	}
	w.run()
	if !slices.Equal(w.got, []string{"n1 a", "n1 b"}) {
		t.Errorf("frozen after two events: got %v", w.got)
	}
	w.n1.Kill() // what a frozen program has not handled dies with it
	thaw()
	w.run()
	if len(w.got) != 2 {
		t.Errorf("killed while frozen: got %v", w.got)
	}
}

func TestPanicsAndExitsEndTheProgramAlone(t *testing.T) {
	w := newWorld(t)
	var ended []string
	w.n1.OnEnd(func(err error) { ended = append(ended, err.Error()) })
	for _, s := range []string{"panic", "exit"} {
		w.tell(w.n1, s)
		w.run()
		if w.n1.State() != Stopped || w.n2.State() != Running {
			t.Errorf("after %s: %v and %v", s, w.n1.State(), w.n2.State())
		}
		w.n1.Start(0)
		w.run()
	}
	if strings.Join(ended, "; ") != "panic: boom; enough" {
		t.Errorf("ended: %q", ended)
	}
}

func TestSwapDisks(t *testing.T) {
	w := newWorld(t)
	w.n2.Reboot()
	w.run()
	w.n1.Kill()
	w.n2.Kill()
	SwapDisks(w.n1, w.n2)
	w.n1.Start(0)
	w.run()
	if got := w.starts(w.n1); got != "xxx" {
		t.Errorf("n1 on n2's disk has %q", got)
	}
}

func TestClock(t *testing.T) {
	w := newWorld(t)
	now := w.loop.Now()
	w.n1.Skew(time.Hour)
	w.n1.Jump(-time.Minute)
	if got := w.n1.Clock.Now(); got != now+59*time.Minute {
		t.Errorf("skewed and moved: %v off", got-now)
	}
	w.n1.Drift(2)
	w.got = nil
	w.tell(w.n1, "later") // 10 ms by a clock that runs twice as fast
	w.run()
	if w.loop.Now() != now+5*ms || w.n1.Clock.Now() != now+59*time.Minute+10*ms {
		t.Errorf("timer after %v, clock off by %v", w.loop.Now()-now, w.n1.Clock.Now()-now)
	}
}

func TestMemory(t *testing.T) {
	w := newWorld(t)
	if m, ok := w.n1.Memory(); !ok || m.Entries != len(w.got) {
		t.Errorf("holds %+v, %v", m, ok)
	}
	w.n1.Kill()
	if _, ok := w.n1.Memory(); ok {
		t.Error("a dead program holds memory")
	}
}
