package linktest

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// rounds is how often fabric and bridge alternate; medians are reported.
const rounds = 5

// throughput measures one TCP stream on a perfect wire.
func (t *table) throughput() {
	fabric, plain := t.labs(2)
	var ours, theirs []float64
	for range rounds {
		ours = append(ours, fabric.pump(2<<30))
		theirs = append(theirs, plain.pump(2<<30))
	}
	a, b := middle(ours), middle(theirs)
	t.add(a >= 0.7*b, "TCP, one stream, no delay, of the bridge's", ">= 0.70", "%.2f (%.1f of %.1f Gbit/s)", a/b, a, b)
	t.b.ReportMetric(a, "Gbit/s")
	t.b.ReportMetric(b, "bridge-Gbit/s")
}

// longPipe measures one TCP stream at 10 ms each way.
func (t *table) longPipe() {
	l := t.lab()
	defer l.close()
	l.start(testSeed, 2)
	l.both(link.Shape{Delay: 10 * time.Millisecond})
	var got []float64
	for range rounds {
		got = append(got, l.pump(3<<30))
	}
	t.add(middle(got) >= 5, "TCP, one stream, 10 ms each way", ">= 5 Gbit/s", "%.1f Gbit/s (%d packets overflowed)", middle(got), l.overflow("n1"))
	t.b.ReportMetric(middle(got), "Gbit/s")
}

// pump sends n arbitrary bytes over one connection, and returns the rate in Gbit/s.
func (l *Lab) pump(n int) float64 {
	from, to := l.connect()
	defer to.Close()
	go func() {
		defer from.Close()
		b := make([]byte, 1<<20)
		for left := n; left > 0; left -= len(b) {
			if _, err := from.Write(b); err != nil {
				return // the receiver will miss it
			}
		}
	}()
	b, got, begin := make([]byte, 1<<20), 0, time.Now()
	for got < n {
		k, err := to.Read(b)
		l.must("receive over TCP", err)
		got += k
	}
	return float64(n) * 8 / time.Since(begin).Seconds() / 1e9
}

// connect returns both ends of a connection from n1 to n2.
func (l *Lab) connect() (from, to net.Conn) {
	listener, addr := l.listen("n2")
	defer listener.Close()
	ctx, cancel := l.ctx()
	defer cancel()
	from, err := l.host("n1").Dial(ctx, "tcp4", addr.String())
	l.must("dial", err)
	to, err = listener.Accept()
	l.must("accept", err)
	return from, to
}

// requests measures how long 1 KiB takes to n2 and back over TCP, 1,000 times a second.
func (t *table) requests() {
	fabric, plain := t.labs(2)
	var ours, theirs []time.Duration
	for range rounds {
		ours = append(ours, median(fabric.request(1000)))
		theirs = append(theirs, median(plain.request(1000)))
	}
	a, b := median(ours), median(theirs)
	t.add(a-b <= 50*time.Microsecond, "1 KiB request and response at 1,000/s, median above the bridge", "<= 50us", "%v (fabric %v, bridge %v)", micro(a-b), micro(a), micro(b))
	t.b.ReportMetric(float64(a-b)/1e3, "p50-us")
}

func (l *Lab) request(n int) (took []time.Duration) {
	from, to := l.connect()
	defer from.Close()
	go func() {
		defer to.Close()
		b := make([]byte, 1024)
		for {
			if _, err := io.ReadFull(to, b); err != nil {
				return
			}
			to.Write(b)
		}
	}()
	b := make([]byte, 1024)
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	for at := ts.Nano(); len(took) < n; at += int64(time.Millisecond) {
		due := unix.NsecToTimespec(at) // the runtime's timers count whole milliseconds
		unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &due, nil)
		begin := time.Now()
		_, err := from.Write(b)
		l.must("send a request", err)
		_, err = io.ReadFull(from, b)
		l.must("await a response", err)
		took = append(took, time.Since(begin))
	}
	return took
}

// smallPackets measures how many 64-byte datagrams a second arrive, one way, and what each costs
// the switch.
func (t *table) smallPackets() {
	const during = time.Second
	fabric, plain := t.labs(2)
	var ours, theirs, costs []float64
	for range rounds {
		before, carried := fabric.cost(), fabric.counters()[there].Packets
		ours = append(ours, fabric.flood(during))
		carried = fabric.counters()[there].Packets - carried
		costs = append(costs, float64(fabric.cost()-before)/float64(carried)/1e3)
		theirs = append(theirs, plain.flood(during))
	}
	a, b, cost := middle(ours), middle(theirs), middle(costs)
	t.add(a >= 0.85*b, "small packets, of the bridge's", ">= 0.85", "%.2f (%.0f of %.0f k/s)", a/b, a/1e3, b/1e3)
	t.b.ReportMetric(a, "packets/s")
	t.b.ReportMetric(b, "bridge-packets/s")
	if t.setup.Switch != nil {
		t.add(cost < 7, "CPU time of the switch for each small packet", "< 7us (packet sockets)", "%.1fus", cost)
		t.b.ReportMetric(cost, "switch-us/packet")
	}
}

// flood returns how many datagrams arrived each second.
func (l *Lab) flood(during time.Duration) float64 {
	f := l.flow(there)
	defer f.from.Close()
	defer f.to.Close()
	var stop atomic.Bool
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for b := make([]byte, 64); !stop.Load(); {
			if _, err := f.from.WriteToUDPAddrPort(b, f.addr); err != nil {
				return
			}
		}
	}()
	b, got, begin := make([]byte, 64), 0, time.Now()
	f.must("set a deadline", f.to.SetReadDeadline(begin.Add(patience)))
	for time.Since(begin) < during {
		_, _, err := f.to.ReadFromUDPAddrPort(b)
		f.must("receive a datagram", err)
		got++
	}
	took := time.Since(begin)
	stop.Store(true)
	<-sent
	return float64(got) / took.Seconds()
}

// cost returns the CPU time that the switch has used.
func (l *Lab) cost() (sum time.Duration) {
	if l.setup.Switch == nil {
		return 0
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", l.setup.Switch(l.fabric)))
	for _, name := range tasks {
		b, _ := os.ReadFile(name)
		field, _, _ := strings.Cut(string(b), " ")
		ns, _ := strconv.ParseInt(field, 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}

// manyHosts measures how long 100 hosts take until every path between them has its shape, from a
// ready fabric, and how much memory the switch uses by then.
func (t *table) manyHosts() {
	const n = 100
	var up []time.Duration
	var memory []float64
	for range rounds {
		took, kib := t.oneStar(n)
		up, memory = append(up, took), append(memory, kib)
		time.Sleep(300 * time.Millisecond) // the kernel removes namespaces in the background and does not report when it is done
	}
	t.add(median(up) < 300*time.Millisecond, "100 hosts up, once the switch is ready", "< 300ms", "%v", median(up).Round(time.Millisecond))
	t.b.ReportMetric(float64(median(up))/1e6, "up-ms")
	if t.setup.Switch != nil {
		t.add(middle(memory) < 16<<10, "private memory of the switch (RssAnon)", "< 16 MiB", "%.1f MiB", middle(memory)/1024)
	}
}

func (t *table) oneStar(n int) (took time.Duration, kib float64) {
	l := t.lab()
	defer l.close()
	start := t.setup.Start
	var begin time.Time
	l.setup.Start = func(hub *host.Host, seed uint64) (Fabric, error) {
		f, err := start(hub, seed)
		begin = time.Now()
		return f, err
	}
	l.start(testSeed, n)
	m := link.Matrix{}
	for _, a := range l.hosts {
		for _, b := range l.hosts {
			if a != b {
				m[link.Path{From: a.Name(), To: b.Name()}] = link.Shape{Delay: 10 * time.Millisecond}
			}
		}
	}
	l.apply(m)
	took = time.Since(begin)
	if l.setup.Switch != nil {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.setup.Switch(l.fabric)))
		_, rest, _ := strings.Cut(string(status), "RssAnon:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			kib, _ = strconv.ParseFloat(fields[0], 64)
		}
	}
	return took, kib
}

// middle returns the median.
func middle(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
