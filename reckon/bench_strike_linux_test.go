package reckon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

func init() {
	// A victim holds as much memory as a small store, which the kernel has to take back when it dies.
	reexec.Register("test-victim", func() {
		held := make([]byte, 64<<20)
		for i := 0; i < len(held); i += 4096 {
			held[i] = 1
		}
		time.Sleep(time.Hour)
		fmt.Println(len(held))
	})
}

// victims is a System of those.
type victims struct{ sleepers }

func (victims) Command(Member, []Member) Command { return Command{Args: []string{"test-victim"}} }

// BenchmarkStrike measures from the planned instant of a strike to the strike in effect, the leader known, on real hosts. The
// promise is of the median of 100: a cut at most 2 ms, a kill at most 5 ms.
func BenchmarkStrike(b *testing.B) {
	for _, way := range []CutMode{Drop, Reset, LinkDown} {
		b.Run("cut/"+way.String(), func(b *testing.B) {
			benchStrikes(b, func(ctx context.Context, c Cluster) (Injection, error) {
				n, err := c.Leader(ctx)
				if err != nil {
					return Injection{}, err
				}
				heal, err := c.Cut(ctx, isolated(n.Name()), way)
				return Injection{Heal: heal}, err
			})
		})
	}
	b.Run("kill", func(b *testing.B) {
		benchStrikes(b, func(ctx context.Context, c Cluster) (Injection, error) {
			n, err := c.Leader(ctx)
			if err != nil {
				return Injection{}, err
			}
			heal, err := n.Hold(ctx, Dead)
			return Injection{Heal: heal}, err
		})
	})
}

// benchCount is how many strikes a measurement is of; benchApart how far they are from each other.
const (
	benchCount = 100
	benchApart = 60 * time.Millisecond
)

func benchStrikes(b *testing.B, inject func(context.Context, Cluster) (Injection, error)) {
	var late []time.Duration
	for b.Loop() {
		late = strikeOften(b, inject)
	}
	slices.Sort(late)
	ms := func(q float64) float64 { return float64(quantile(late, q).Microseconds()) / 1e3 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(float64(len(late)), "strikes")
}

// strikeOften carries out strikes as a run does, and says how long after its planned instant each was in effect.
func strikeOften(b *testing.B, inject func(context.Context, Cluster) (Injection, error)) (late []time.Duration) {
	hosttest.Need(b)
	clock := clock.NewMonotonic(clock.Epoch())
	r := &run{clock: clock}
	c := &cluster{
		system: victims{}, clock: clock, timeout: time.Second, bound: time.Minute, hosts: map[string]*host.Host{},
		open:    func(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		changed: make(chan struct{}), led: map[uint64]string{}, marks: map[int][]*mark{},
		doom: func(_ history.Event, err error) { b.Error(err) },
	}
	start := clock.Now() + time.Second
	var mu sync.Mutex
	c.event = func(e history.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case history.Missed:
			b.Errorf("strike %v missed: %s", e.Data["strike"], e.Detail)
		case history.Struck:
			late = append(late, e.At-start-time.Duration(e.Data["planned_from"]*1e9))
		}
	}
	end := benchHosts(b, c)
	defer end()
	leads := func() { c.nodes[0].see(Status{Ready: true, Leader: true, Term: 1}, nil) }
	leads()
	var strikes []strike
	for i := range benchCount { // each a line of its own, so that none waits for another
		from := time.Duration(i) * benchApart
		strikes = append(strikes, strike{fault: "bench", line: fmt.Sprint(i), index: i, Strike: Strike{From: from, To: from + benchApart/2,
			Inject: func(ctx context.Context, c Cluster) (Injection, error) {
				in, err := inject(ctx, c)
				heal := in.Heal
				in.Heal = func(ctx context.Context) error {
					if heal == nil {
						return errors.New("nothing to heal")
					}
					defer leads()
					return heal(ctx)
				}
				return in, err
			}}})
	}
	k := &striker{clock: clock, wait: r.waitUntil, start: start, event: c.event, timeout: c.timeout, bound: c.bound, look: c.look, cluster: c.as, undo: c.undo}
	k.run(b.Context(), start+benchCount*benchApart+time.Second, strikes)
	if err := k.release(context.Background()); err != nil {
		b.Error(err)
	}
	return late
}

// benchHosts gives the cluster three hosts with a victim each, and links between them.
func benchHosts(b *testing.B, c *cluster) (end func()) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	hub, err := host.New("hub")
	must(err)
	fabric, err := userspace.Start(hub, 1, io.Discard)
	must(err)
	var seats []host.Seat
	for i, name := range []string{"n1", "n2", "n3"} {
		seats = append(seats, host.Seat{Name: name, Addr: netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 1)})})
	}
	hosts, err := host.Star(hub, seats)
	must(err)
	var ports []host.Port
	for i, h := range hosts {
		c.hosts[h.Name()], ports = h, append(ports, h.Port())
		c.used = append(c.used, h.Name())
		must(c.add(Member{Name: h.Name(), Addr: seats[i].Addr, Dir: b.TempDir()}, h))
	}
	must(fabric.Attach(b.Context(), ports))
	c.net, err = link.NewNet(b.Context(), fabric, wires)
	must(err)
	return func() {
		c.close()
		must(errors.Join(host.CloseAll(hosts), fabric.Close(), hub.Close()))
	}
}
