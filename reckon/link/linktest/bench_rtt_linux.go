package linktest

import (
	"fmt"
	"math"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

// roundTrips measures how much longer than twice the delay a round trip takes, less what the bridge
// takes in the same minute after an equally long pause.
func (t *table) roundTrips() {
	for _, d := range []struct {
		delay time.Duration
		n     int
	}{{0, 2000}, {time.Millisecond, 1000}, {10 * time.Millisecond, 300}, {100 * time.Millisecond, 100}} {
		t.roundTrip(d.delay, d.n, idle)
		t.root.close() // otherwise all would be up at once
	}
}

// loadedRoundTrips is roundTrips while both processors are busy with something else.
func (t *table) loadedRoundTrips() {
	var busy []*exec.Cmd
	for range 4 {
		c := exec.Command("/bin/sh", "-c", "while :; do :; done")
		c.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if c.Start() == nil {
			busy = append(busy, c)
		}
	}
	defer func() {
		for _, c := range busy {
			c.Process.Kill()
			c.Wait()
		}
	}()
	t.roundTrip(10*time.Millisecond, 300, "four busy processes,")
}

// idle measures on a machine with nothing else to do, as far as the benchmark knows.
const idle = "idle"

func (t *table) roundTrip(delay time.Duration, n int, state string) {
	fabric, plain := t.labs(2)
	fabric.both(link.Shape{Delay: delay})
	a, b := fabric.echo(), plain.echo()
	var errs, base []time.Duration
	for range n {
		errs = append(errs, a.roundTrip()-2*delay)
		time.Sleep(2 * delay) // otherwise the bridge would find everything awake
		base = append(base, b.roundTrip())
	}
	p50, p99 := median(errs)-median(base), high(errs)-high(base)
	what := fmt.Sprintf("%s RTT error at 2 x %v above the bridge, p50 / p99", state, delay)
	reached := fmt.Sprintf("%v / %v (fabric %v / %v, bridge %v / %v)", micro(p50), micro(p99), micro(median(errs)), micro(high(errs)), micro(median(base)), micro(high(base)))
	t.b.ReportMetric(float64(p50)/1e3, fmt.Sprintf("p50-us-%v", delay))
	t.b.ReportMetric(float64(p99)/1e3, fmt.Sprintf("p99-us-%v", delay))
	if state == idle {
		t.add(p50 < 100*time.Microsecond && p99 < 300*time.Microsecond, what, "< 100us / 300us", "%s", reached)
	} else {
		t.add(true, what, "", "%s", reached)
	}
	alone := fabric.linksAlone(delay, min(n, 100))
	p50, p99 = median(alone), high(alone)
	what = fmt.Sprintf("  the links' share at 2 x %v, %s by the kernel's stamps", delay, state)
	target := ""
	if exact {
		target = "< 100us / 100us"
	}
	t.add(max(p50, p99) < 100*time.Microsecond, what, target, "%v / %v", micro(p50), micro(p99))
}

// linksAlone measures how much longer than twice the delay datagrams take, one each way, from
// sending until the receiving kernel has them: without the time that a busy machine takes to wake a
// program.
func (l *Lab) linksAlone(delay time.Duration, n int) (errs []time.Duration) {
	forth, home := l.flowTo(there, udpPort+1), l.flowTo(back, udpPort+1)
	for range n {
		forth.send(1)
		errs = append(errs, forth.receive().took-2*delay)
		home.send(1)
		errs[len(errs)-1] += home.receive().took
	}
	return errs
}

// echo is a flow whose datagrams are sent back.
func (l *Lab) echo() *flow {
	f := l.flow(there)
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := f.to.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			f.to.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return f
}

func (f *flow) roundTrip() time.Duration {
	b := make([]byte, f.size)
	f.must("set a deadline", f.from.SetReadDeadline(time.Now().Add(patience)))
	begin := time.Now()
	_, err := f.from.WriteToUDPAddrPort(b, f.addr)
	f.must("send a datagram", err)
	_, _, err = f.from.ReadFromUDPAddrPort(b)
	f.must("await a datagram", err)
	return time.Since(begin)
}

func median(ds []time.Duration) time.Duration { return sortedQuantile(ds, 0.5) }
func high(ds []time.Duration) time.Duration   { return sortedQuantile(ds, 0.99) }

func sortedQuantile(ds []time.Duration, p float64) time.Duration {
	slices.Sort(ds)
	return stats.Quantile(ds, p)
}

func micro(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

// lossRows measures how many of 100,000 datagrams are lost.
func (t *table) lossRows() {
	const n = 100_000
	for _, p := range []float64{0.001, 0.01, 0.05, 0.3} {
		lost := n - len(numbers(t.sent(link.Shape{Loss: p}, n)))
		width := sigma999 * math.Sqrt(p*(1-p)/n)
		ok := math.Abs(float64(lost)/n-p) <= width
		t.add(ok, fmt.Sprintf("loss of %v %% over %d packets", 100*p, n), fmt.Sprintf("%.3f to %.3f %%", 100*(p-width), 100*(p+width)), "%.3f %%", 100*float64(lost)/n)
	}
	if !t.setup.Seeded {
		return
	}
	first, again := numbers(t.sent(link.Shape{Loss: 0.05}, n)), numbers(t.sent(link.Shape{Loss: 0.05}, n))
	t.add(slices.Equal(first, again), "the same seed and packets again", "the same drops", "%d and %d dropped, the same: %v", n-len(first), n-len(again), slices.Equal(first, again))
}

// burstRow measures the mean burst of the Gilbert-Elliott model.
func (t *table) burstRow() {
	const n = 100_000
	b := link.Burst{P: 0.01, R: 0.25, Bad: 1}
	lost := missing(t.sent(link.Shape{Burst: b}, n), n)
	lengths := runs(lost)
	mean, width := float64(len(lost))/float64(len(lengths)), sigma999*math.Sqrt((1-b.R)/float64(len(lengths)))/b.R
	t.add(bursts(lengths, b.R, sigma999) == nil, fmt.Sprintf("mean burst with p %v, r %v over %d packets", b.P, b.R, n), fmt.Sprintf("%.2f to %.2f", 1/b.R-width, 1/b.R+width), "%.2f", mean)
}

// sent returns what arrives of n datagrams on a fresh fabric.
func (t *table) sent(s link.Shape, n int) []arrival {
	l := t.lab()
	defer l.close()
	l.start(testSeed, 2)
	l.shape(s)
	return l.flow(there).through(n)
}
