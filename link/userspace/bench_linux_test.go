package userspace_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/link/userspace"
)

// quantiles reports the median and the 99th percentile, in the unit given.
func quantiles(b *testing.B, name string, ds []time.Duration, unit time.Duration) {
	b.Helper()
	slices.Sort(ds)
	b.ReportMetric(float64(ds[len(ds)/2])/float64(unit), name+"-p50")
	b.ReportMetric(float64(ds[len(ds)*99/100])/float64(unit), name+"-p99")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTopology counts from the moment the switch is ready to a star whose every path has its shape, and
// down from there to the end of every host and of the switch. What the kernel still tidies up afterwards is reported as gone.
func BenchmarkTopology(b *testing.B) {
	for _, n := range []int{3, 10, 50, 100} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			hosttest.Need(b)
			matrix := link.Matrix{}
			for _, x := range seats(n) {
				for _, y := range seats(n) {
					if x.Name != y.Name {
						matrix[link.Path{From: x.Name, To: y.Name}] = link.Shape{Delay: 10 * time.Millisecond}
					}
				}
			}
			var start, up, down, gone []time.Duration
			for b.Loop() {
				must := func(err error) {
					if err != nil {
						b.Fatal(err)
					}
				}
				ctx := context.Background()
				begin := time.Now()
				hub, err := host.New("hub")
				must(err)
				fabric, err := userspace.Start(hub, 1, os.Stderr)
				must(err)
				start = append(start, time.Since(begin))
				begin = time.Now()
				hosts, err := host.Star(hub, seats(n))
				must(err)
				must(fabric.Attach(ctx, ports(hosts)))
				must(fabric.Apply(ctx, matrix))
				up = append(up, time.Since(begin))
				begin = time.Now()
				must(host.CloseAll(hosts))
				must(fabric.Close())
				down = append(down, time.Since(begin))
				for alone := false; !alone; {
					links, err := hub.Netlink().LinkList()
					alone = err == nil && !slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Type() == "veth" })
				}
				gone = append(gone, time.Since(begin))
				must(hub.Close())
				// The kernel takes namespaces down in the background, and shows nobody when
				// it is done. A run comes up where nothing of that kind goes on.
				time.Sleep(200 * time.Millisecond)
			}
			quantiles(b, "start-ms", start, time.Millisecond)
			quantiles(b, "up-ms", up, time.Millisecond)
			quantiles(b, "down-ms", down, time.Millisecond)
			quantiles(b, "gone-ms", gone, time.Millisecond)
		})
	}
}

// BenchmarkRTT is how much longer than twice the delay a datagram takes there and back.
func BenchmarkRTT(b *testing.B) {
	for _, d := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		b.Run(fmt.Sprintf("delay=%v", d), func(b *testing.B) {
			l := newLab(b, 1, 2)
			l.echo("n2")
			c := l.udp("n1")
			l.apply(link.Matrix{there: {Delay: d}, there.Back(): {Delay: d}})
			var errs []time.Duration
			for b.Loop() {
				errs = append(errs, l.rtt(c, l.addr("n2"))-2*d)
			}
			quantiles(b, "error-us", errs, time.Microsecond)
			late, err := l.fabric.Lateness(l.ctx())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(late.P50, "late-us-p50")
			b.ReportMetric(late.P99, "late-us-p99")
		})
	}
}

// BenchmarkApply is how long until a cut, and its healing, are in effect.
func BenchmarkApply(b *testing.B) {
	l := newLab(b, 1, 10)
	names := make([]string, 10)
	for i := range names {
		names[i] = l.hosts[i].Name()
	}
	cut := link.Cut(names[:5], names[5:])
	heal := link.Matrix{}
	for p := range cut {
		heal[p] = link.Shape{}
	}
	var took []time.Duration
	for b.Loop() {
		for _, m := range []link.Matrix{cut, heal} {
			begin := time.Now()
			l.apply(m)
			took = append(took, time.Since(begin))
		}
	}
	quantiles(b, "apply-us", took, time.Microsecond)
}

// BenchmarkTCP is the throughput of one connection.
func BenchmarkTCP(b *testing.B) {
	for _, s := range []link.Shape{{}, {Delay: 10 * time.Millisecond}, {Delay: 10 * time.Millisecond, Loss: 0.001}} {
		b.Run(s.String(), func(b *testing.B) {
			l := newLab(b, 1, 2)
			l.apply(link.Matrix{there: s, there.Back(): {Delay: s.Delay}})
			n := 1 << 30
			if s.Loss > 0 {
				n = 16 << 20
			}
			var bits, seconds float64
			for b.Loop() {
				bits += float64(8 * n)
				seconds += l.pump("n1", "n2", n).Seconds()
			}
			b.ReportMetric(bits/seconds/1e9, "Gbit/s")
			b.ReportMetric(0, "ns/op")
			all, err := l.fabric.Counters(l.ctx())
			if err != nil {
				b.Fatal(err)
			}
			var over uint64
			for _, c := range all {
				over += c.Overflow
			}
			b.ReportMetric(float64(over), "overflow")
		})
	}
}

// pump sends n bytes of no interest over one connection.
func (l *lab) pump(from, to string, n int) time.Duration {
	l.Helper()
	listener, sent := l.listen(to), make(chan error, 1)
	defer listener.Close()
	go func() {
		c, err := l.host(from).Dial(l.ctx(), "tcp4", l.addr(to).String())
		if err == nil {
			b := make([]byte, 1<<20)
			for left := n; left > 0 && err == nil; left -= len(b) {
				_, err = c.Write(b)
			}
			c.Close()
		}
		sent <- err
	}()
	c, err := listener.Accept()
	if err != nil {
		l.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	b, got := make([]byte, 1<<20), 0
	for got < n {
		k, err := c.Read(b)
		if err != nil {
			l.Fatal(err)
		}
		got += k
	}
	took := time.Since(begin)
	if err := <-sent; err != nil {
		l.Fatal(err)
	}
	return took
}

// BenchmarkSmallPackets is how many 64-byte packets a second pass, one way.
func BenchmarkSmallPackets(b *testing.B) {
	l := newLab(b, 1, 2)
	from, to := l.udp("n1"), l.udp("n2")
	to.SetReadBuffer(4 << 20)
	go func() {
		p := make([]byte, 64)
		for {
			if _, err := from.WriteToUDPAddrPort(p, l.addr("n2")); err != nil {
				return
			}
		}
	}()
	p := make([]byte, 64)
	begin, got := time.Now(), 0
	for b.Loop() {
		if _, _, err := to.ReadFromUDPAddrPort(p); err != nil {
			b.Fatal(err)
		}
		got++
	}
	b.ReportMetric(float64(got)/time.Since(begin).Seconds()/1000, "kpackets/s")
}
