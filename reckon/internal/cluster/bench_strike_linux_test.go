package cluster

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

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/internal/links"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/stats"
)

func init() {
	// A victim holds as much memory as a small store, which the kernel has to take back when it
	// dies.
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

func (victims) Command(reckon.Member, []reckon.Member) reckon.Command {
	return reckon.Command{Args: []string{"test-victim"}}
}

// BenchmarkStrike measures from the planned instant of a strike to the strike in effect, the leader
// known, on real hosts. The promise is of the median of 100: a cut at most 2 ms, a kill at most 5
// ms.
func BenchmarkStrike(b *testing.B) {
	for _, mode := range []reckon.CutMode{reckon.Drop, reckon.Reset, reckon.LinkDown} {
		b.Run("cut/"+mode.String(), func(b *testing.B) {
			benchStrikes(b, func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
				n, err := c.Leader(ctx)
				if err != nil {
					return reckon.Injection{}, err
				}
				heal, err := c.Cut(ctx, isolated(n.Name()), mode)
				return reckon.Injection{Heal: heal}, err
			})
		})
	}
	b.Run("kill", func(b *testing.B) {
		benchStrikes(b, func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
			n, err := c.Leader(ctx)
			if err != nil {
				return reckon.Injection{}, err
			}
			heal, err := n.Hold(ctx, reckon.Dead)
			return reckon.Injection{Heal: heal}, err
		})
	})
}

// benchCount is how many strikes a measurement is of; benchApart how far they are from each other.
const (
	benchCount = 100
	benchApart = 60 * time.Millisecond
)

func benchStrikes(b *testing.B, inject func(context.Context, reckon.Cluster) (reckon.Injection, error)) {
	var late []time.Duration
	for b.Loop() {
		late = strikeOften(b, inject)
	}
	slices.Sort(late)
	ms := func(q float64) float64 { return float64(stats.Quantile(late, q).Microseconds()) / 1e3 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(float64(len(late)), "strikes")
}

// strikeOften carries out strikes as a run does, and returns how long after its planned instant
// each was in effect.
func strikeOften(b *testing.B, inject func(context.Context, reckon.Cluster) (reckon.Injection, error)) (late []time.Duration) {
	hosttest.Need(b)
	mono := clock.NewMonotonic(clock.Epoch())
	start := mono.Now() + time.Second
	var mu sync.Mutex
	record := func(e history.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case history.Missed:
			b.Errorf("strike %v missed: %s", e.Data["strike"], e.Detail)
		case history.Struck:
			late = append(late, e.At-start-time.Duration(e.Data["planned_from"]*1e9))
		}
	}
	c, end := benchCluster(b, mono, record)
	defer end()
	leads := func() { c.all()[0].see(reckon.Status{Ready: true, Leader: true, Term: 1}, nil) }
	leads()
	var strikes []plan.Strike
	for i := range benchCount { // each in a queue of its own, so that none waits for another
		from := time.Duration(i) * benchApart
		strikes = append(strikes, plan.Strike{Fault: "bench", Queue: fmt.Sprint(i), Index: i, Strike: reckon.Strike{From: from, To: from + benchApart/2,
			Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
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
	n := nemesis.New(nemesis.Config{
		Clock: mono, Start: start, Event: record, ElectionTimeout: c.ElectionTimeout, Bound: c.Bound, Look: c.Look, Cluster: c.As, Undo: c.Undo,
		Wait: func(ctx context.Context, until time.Duration) error { return clock.WaitUntil(ctx, mono, until) },
	})
	n.Run(b.Context(), start+benchCount*benchApart+time.Second, strikes)
	if err := n.Release(context.Background()); err != nil {
		b.Error(err)
	}
	return late
}

// benchCluster returns a cluster of three hosts with a victim each, and links between them.
func benchCluster(b *testing.B, c clock.Clock, record func(history.Event)) (cluster *Cluster, end func()) {
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
	byName, used := map[string]*host.Host{}, []string{}
	for _, h := range hosts {
		byName[h.Name()], ports, used = h, append(ports, h.Port()), append(used, h.Name())
	}
	must(fabric.Attach(b.Context(), ports))
	net, err := link.NewNet(b.Context(), fabric, wires)
	must(err)
	cluster = New(Config{
		System: victims{}, Clock: c, ElectionTimeout: time.Second, Bound: time.Minute, Event: record,
		Log:   func(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		Fatal: func(_ history.Event, err error) { b.Error(err) },
		Links: links.New(links.Config{Clock: c, Event: record, Net: net, Hosts: byName, Used: used, Downs: new(host.Holds)}),
	})
	for i, h := range hosts {
		must(cluster.Start(reckon.Member{Name: h.Name(), Addr: seats[i].Addr, Dir: b.TempDir()}, h))
	}
	return cluster, func() {
		cluster.Close()
		must(errors.Join(host.CloseAll(hosts), fabric.Close(), hub.Close()))
	}
}
