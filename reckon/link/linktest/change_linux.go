package linktest

import (
	"context"
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

var changeRules = []Rule{
	{"a one-way cut drops everything in that direction and nothing in the other", "partial partitions are made of one-way cuts", cutOneWay},
	{"a two-way cut separates two hosts and no third", "a partition would separate others too", cutBothWays},
	{"a cut drops what is queued", "a node would receive from the other side after the partition began", cutDropsQueued},
	{"packets under way keep their delivery when the shape changes", "changing a link would lose packets that no shape asks to lose", changeKeepsQueued},
	{"overlays heal in any order", "two faults at once would leave the network broken, or heal each other", overlaysHeal},
	{"a connection survives a cut and its heal", "a fault would outlast its heal", connectionSurvives},
}

func cutOneWay(l *Lab) {
	l.start(testSeed, 2)
	forth, home := l.flow(there), l.flow(back)
	l.shape(link.Shape{Cut: true})
	forth.send(50)
	l.await("50 packets are counted as cut", func() bool { return l.counters()[there].Cut == 50 })
	home.all(50, 50)
	l.shape(link.Shape{})
	if got := forth.untilNext(); len(got) > 0 {
		l.fail("number %d passed the cut", got[0].number)
	}
	if c := l.counters()[there]; c.Packets != 51 || c.Cut != 50 || c.Lost+c.Overflow != 0 {
		l.fail("50 packets cut and one delivered are counted as %+v", c)
	}
}

func cutBothWays(l *Lab) {
	l.start(testSeed, 3)
	forth, home, third := l.flow(there), l.flow(back), l.flow(link.Path{From: "n1", To: "n3"})
	l.apply(link.Cut([]string{"n1"}, []string{"n2"}))
	forth.send(20)
	home.send(20)
	third.all(20, 20)
	l.await("40 packets are counted as cut", func() bool { return l.counters()[there].Cut+l.counters()[back].Cut == 40 })
	l.both(link.Shape{})
	if got := append(forth.untilNext(), home.untilNext()...); len(got) > 0 {
		l.fail("number %d passed the cut", got[0].number)
	}
}

func cutDropsQueued(l *Lab) {
	slow := link.Shape{Delay: 300 * time.Millisecond}
	l.start(testSeed, 3)
	cut, whole := l.flow(there), l.flow(link.Path{From: "n1", To: "n3"})
	l.apply(link.Matrix{there: slow, {From: "n1", To: "n3"}: slow})
	cut.send(20)
	whole.send(20)
	l.shape(link.Shape{Cut: true})
	if c := l.counters()[there]; c.Packets != 20 || c.Cut != 20 {
		l.fail("20 packets that a cut found in the queue are counted as %+v", c)
	}
	// Packets sent now take longer than any that were queued before.
	l.shape(link.Shape{Delay: 2 * slow.Delay})
	if got := cut.untilNext(); len(got) > 0 {
		l.fail("number %d was queued when its path was cut, and arrived", got[0].number)
	}
	for range 20 { // all packets on the other path arrive
		whole.receive()
	}
}

func changeKeepsQueued(l *Lab) {
	slow := link.Shape{Delay: 300 * time.Millisecond}
	l.start(testSeed, 2)
	f := l.flow(there)
	l.shape(slow)
	f.send(10)
	l.shape(link.Shape{})
	if got := f.untilNext(); len(got) > 0 {
		l.fail("number %d arrived first although it was delayed before the wire became perfect", got[0].number)
	}
	for i := range 10 {
		if a := f.receive(); !a.intact || a.number != i || a.took < slow.Delay-100*time.Microsecond {
			l.fail("number %d arrived as %+v, want it after %v", i, a, slow.Delay)
		}
	}
	// Packets that wait for the slow wire keep waiting, and later ones queue behind them.
	s := link.Shape{Rate: 1_000_000}
	f.size = 1222
	l.shape(s)
	f.send(10)
	l.shape(link.Shape{Rate: 100_000_000, Loss: 1e-9})
	f.send(10)
	for i := range 20 {
		if a := f.receive(); !a.intact || a.number != 11+i {
			l.fail("number %d arrived as %+v", 11+i, a)
		}
	}
}

func overlaysHeal(l *Lab) {
	const ms = time.Millisecond
	l.start(testSeed, 2)
	f := l.flow(there)
	overlays := []link.Matrix{{there: {Cut: true}}, {there: {Delay: 20 * ms}}, {there: {Cut: true}, back: {Cut: true}}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		ctx, cancel := l.ctx()
		net, err := link.NewNet(ctx, l.fabric, link.Matrix{there: {Delay: 5 * ms}, back: {}})
		l.must("apply the baseline", err)
		var heals []func(context.Context) error
		for _, o := range overlays {
			heal, err := net.Degrade(ctx, o)
			l.must("apply an overlay", err)
			heals = append(heals, heal)
		}
		l.meets(f, net.Links()[there], "with three overlays")
		for i, k := range order {
			l.must("heal", heals[k](ctx))
			l.meets(f, net.Links()[there], fmt.Sprintf("healed %v", order[:i+1]))
		}
		cancel()
	}
}

// meets fails unless a datagram meets the shape's cut or delay.
func (l *Lab) meets(f *flow, s link.Shape, when string) {
	before := l.counters()[there].Cut
	f.send(1)
	if s.Cut {
		l.await(when+": a packet is cut", func() bool { return l.counters()[there].Cut == before+1 })
		return
	}
	a := f.receive()
	if a.number != len(f.sent)-1 || a.took < s.Delay-100*time.Microsecond || a.took > s.Delay+slack() {
		l.fail("%s: datagram %d arrived as %+v %s", when, len(f.sent)-1, a, describe(s))
	}
}

func connectionSurvives(l *Lab) {
	l.start(testSeed, 2)
	listener, addr := l.listen("n2")
	defer listener.Close()
	ctx, cancel := l.ctx()
	defer cancel()
	from, err := l.host("n1").Dial(ctx, "tcp4", addr.String())
	l.must("dial", err)
	defer from.Close()
	to, err := listener.Accept()
	l.must("accept", err)
	defer to.Close()
	to.SetDeadline(time.Now().Add(patience))
	l.apply(link.Cut([]string{"n1"}, []string{"n2"}))
	_, err = from.Write([]byte("x"))
	l.must("write into the cut", err)
	l.await("it is cut", func() bool { return l.counters()[there].Cut > 0 })
	l.both(link.Shape{})
	b := make([]byte, 1)
	_, err = to.Read(b)
	l.must("read what was sent during a cut", err)
}
