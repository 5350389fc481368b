package linktest

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The paths that most tests use.
var (
	there = link.Path{From: "n1", To: "n2"}
	back  = there.Back()
)

// testSeed is the seed of every fabric, except in tests about seeds.
const testSeed = 1

// start starts the fabric and n hosts.
func (l *Lab) start(seed uint64, n int) {
	var err error
	l.hub, err = host.New("hub")
	l.must("make the hub", err)
	l.later(func() { l.hub.Close() })
	l.fabric, err = l.setup.Start(l.hub, seed)
	l.must("start the fabric", err)
	l.later(func() { l.fabric.Close() })
	seats := make([]host.Seat, n)
	for i := range seats {
		seats[i] = host.Seat{Name: fmt.Sprintf("n%d", i+1), Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}
	}
	l.hosts, err = host.Star(l.hub, seats)
	l.must("make the hosts", err)
	l.later(func() { host.CloseAll(l.hosts) })
	ports := make([]host.Port, n)
	for i, h := range l.hosts {
		ports[i] = h.Port()
	}
	ctx, cancel := l.ctx()
	defer cancel()
	l.must("attach the hosts", l.fabric.Attach(ctx, ports))
}

// close closes everything, in reverse order.
func (l *Lab) close() {
	for i := len(l.closes) - 1; i >= 0; i-- {
		l.closes[i]()
	}
	l.closes = nil
}

func (l *Lab) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// host returns n1, n2, ...
func (l *Lab) host(name string) *host.Host {
	for _, h := range l.hosts {
		if h.Name() == name {
			return h
		}
	}
	panic("no host " + name) // a bug in the test
}

// apply gives paths their shapes, which are in effect when it returns.
func (l *Lab) apply(m link.Matrix) {
	ctx, cancel := l.ctx()
	defer cancel()
	l.must("apply "+m.String(), l.fabric.Apply(ctx, m))
}

// shape gives the path from n1 to n2 a shape.
func (l *Lab) shape(s link.Shape) { l.apply(link.Matrix{there: s}) }

// both gives the paths between n1 and n2 the same shape.
func (l *Lab) both(s link.Shape) { l.apply(link.Matrix{there: s, back: s}) }

// counters returns the counters of all paths.
func (l *Lab) counters() map[link.Path]link.Counters {
	ctx, cancel := l.ctx()
	defer cancel()
	c, err := l.fabric.Counters(ctx)
	l.must("read counters", err)
	return c
}

// overflow returns how many of the host's packets full queues dropped, whatever their destination.
func (l *Lab) overflow(from string) (n uint64) {
	for p, c := range l.counters() {
		if p.From == from {
			n += c.Overflow
		}
	}
	return n
}

// await waits until the condition holds.
func (l *Lab) await(what string, holds func() bool) {
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.fail("not after %v: %s", patience, what)
		}
	}
}
