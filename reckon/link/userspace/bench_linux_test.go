package userspace_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

// quantiles reports the median and the 99th percentile in the given unit.
func quantiles(b *testing.B, name string, ds []time.Duration, unit time.Duration) {
	b.Helper()
	slices.Sort(ds)
	b.ReportMetric(float64(ds[len(ds)/2])/float64(unit), name+"-p50")
	b.ReportMetric(float64(ds[len(ds)*99/100])/float64(unit), name+"-p99")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTopology measures from a ready switch to a star whose every path has its shape, and back
// down from there to the end of every host and of the switch. What the kernel still cleans up
// afterwards is reported as gone.
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
				// The kernel removes namespaces in the background and does not report when it is
				// done. A real run does not start while that goes on.
				time.Sleep(200 * time.Millisecond)
			}
			quantiles(b, "start-ms", start, time.Millisecond)
			quantiles(b, "up-ms", up, time.Millisecond)
			quantiles(b, "down-ms", down, time.Millisecond)
			quantiles(b, "gone-ms", gone, time.Millisecond)
		})
	}
}

// BenchmarkApply measures how long a cut, and its healing, take to be in effect.
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
