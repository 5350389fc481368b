package reckon

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// probePort is OWAMP's, the protocol for just this (RFC 4656).
const probePort = 861

// A prober sends small UDP packets between hosts and sees when they arrive. All hosts
// share the machine's clock, so a one-way delay can be measured: from just before the packet is sent
// to when the kernel hands it to the other host's namespace. It is safe for concurrent use.
type prober struct {
	clock clock.Clock
	hosts map[string]*host.Host

	mu      sync.Mutex
	ends    map[string]*net.UDPConn // by host; made when first needed
	bursts  map[uint32]*burst       // those that packets may arrive for
	last    uint32
	readers sync.WaitGroup
}

// A burst is probes that follow each other on a path.
type burst struct {
	path link.Path

	// Guarded by prober.mu.
	sent    []time.Duration // when each was sent
	delays  []time.Duration // of those that arrived, in that order
	came    []time.Duration // when those arrived
	arrived []bool
	refused int // of sent, those that the host would not send: it has no way out
}

func newProber(clock clock.Clock, hosts map[string]*host.Host) *prober {
	return &prober{clock: clock, hosts: hosts, ends: map[string]*net.UDPConn{}, bursts: map[uint32]*burst{}}
}

// close ends the sockets; nothing is sent or seen any more.
func (p *prober) close() {
	p.mu.Lock()
	for _, c := range p.ends {
		_ = c.Close() // nothing was written that could be lost
	}
	p.mu.Unlock()
	p.readers.Wait()
}

// end is the host's socket. The caller holds mu.
func (p *prober) end(name string) (*net.UDPConn, error) {
	if c := p.ends[name]; c != nil {
		return c, nil
	}
	h := p.hosts[name]
	if h == nil {
		return nil, fmt.Errorf("probe %s: there is no such host", name)
	}
	var c *net.UDPConn
	err := h.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.Port().Addr, probePort)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", name, err)
	}
	if err := stampArrivals(c); err != nil {
		return nil, errors.Join(fmt.Errorf("probe %s: %w", name, err), c.Close())
	}
	p.ends[name] = c
	p.readers.Go(func() { p.read(name, c) })
	return c, nil
}

// stampArrivals has the kernel stamp what arrives, so that a delay does not count how long the runner took to read it.
func stampArrivals(c *net.UDPConn) error {
	_ = c.SetReadBuffer(1 << 20) // what does not fit is lost, and then says so
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = raw.Control(func(fd uintptr) { serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	return cmp.Or(err, serr)
}

// read notes what arrives at the host, until the socket is closed.
func (p *prober) read(name string, c *net.UDPConn) {
	buf, oob := make([]byte, 64), make([]byte, 64)
	for {
		n, m, _, _, err := c.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.see(name, buf[:n], p.clock.Now()-age(oob[:m], time.Now()))
		}
	}
}

// age is how long ago the kernel stamped the packet; 0 where it did not, or the clock was set meanwhile.
func age(oob []byte, now time.Time) time.Duration {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			s, ns := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
			if d := now.Round(0).Sub(time.Unix(int64(s), int64(ns))); d > 0 && d < 10*time.Second {
				return d
			}
		}
	}
	return 0
}

// see notes that a packet arrived. What was corrupted on its way did not; of two that are the same the first counts.
func (p *prober) see(at string, b []byte, when time.Duration) {
	if len(b) != probePayload || crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x, i := p.bursts[binary.BigEndian.Uint32(b)], int(binary.BigEndian.Uint32(b[4:]))
	if x == nil || x.path.To != at || i >= len(x.sent) || x.arrived[i] {
		return
	}
	x.arrived[i] = true
	x.delays, x.came = append(x.delays, when-x.sent[i]), append(x.came, when)
}

// An order is how many probes are to be sent on a path.
type order struct {
	path link.Path
	n    int
}

// send sends the probes in rounds, one on each path, and returns when they are all sent. forget must be called with what it returns.
func (p *prober) send(ctx context.Context, orders []order, gap time.Duration) (bs []*burst, err error) {
	froms := make([]*net.UDPConn, len(orders))
	ids := make([]uint32, len(orders))
	p.mu.Lock()
	for i, o := range orders {
		if _, err = p.end(o.path.To); err == nil {
			froms[i], err = p.end(o.path.From)
		}
		if err != nil {
			p.mu.Unlock()
			p.forget(bs)
			return nil, err
		}
		b := &burst{path: o.path}
		p.last++
		ids[i] = p.last
		p.bursts[p.last] = b
		bs = append(bs, b)
	}
	p.mu.Unlock()
	for round := 0; ; round++ {
		more := false
		for i, o := range orders {
			if round >= o.n {
				continue
			}
			more = true
			if err := p.sendOne(froms[i], ids[i], round, bs[i]); err != nil {
				p.forget(bs)
				return nil, fmt.Errorf("probe %s: %w", o.path, err)
			}
		}
		if !more {
			return bs, nil
		}
		if err := clock.Rest(ctx, gap); err != nil {
			p.forget(bs)
			return nil, err
		}
	}
}

func (p *prober) sendOne(from *net.UDPConn, id uint32, number int, b *burst) error {
	to := netip.AddrPortFrom(p.hosts[b.path.To].Port().Addr, probePort)
	x := binary.BigEndian.AppendUint32(make([]byte, 0, probePayload), id)
	x = binary.BigEndian.AppendUint32(x, uint32(number))
	x = binary.BigEndian.AppendUint32(x, crc32.ChecksumIEEE(x))
	p.mu.Lock()
	b.sent, b.arrived = append(b.sent, p.clock.Now()), append(b.arrived, false)
	p.mu.Unlock()
	_, err := from.WriteToUDPAddrPort(x, to)
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETDOWN) {
		p.mu.Lock()
		defer p.mu.Unlock()
		b.refused++
		return nil
	}
	return err
}

// refusals is how many of the burst's probes the host would not send.
func (p *prober) refusals(b *burst) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.refused
}

// forget gives up on packets that have not arrived.
func (p *prober) forget(bs []*burst) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, b := range p.bursts {
		if slices.Contains(bs, b) {
			delete(p.bursts, id)
		}
	}
}

// await returns when done says so of all bursts, or each was given its patience; ctx may end it earlier.
func (p *prober) await(ctx context.Context, bs []*burst, patience func(*burst) time.Duration, done func(*burst) bool) error {
	const look = 2 * time.Millisecond
	for {
		now := p.clock.Now()
		p.mu.Lock()
		waiting := slices.ContainsFunc(bs, func(b *burst) bool {
			return !done(b) && len(b.sent) > 0 && now < b.sent[len(b.sent)-1]+patience(b)
		})
		p.mu.Unlock()
		if !waiting {
			return nil
		}
		if err := clock.Rest(ctx, look); err != nil {
			return err
		}
	}
}

// whole says whether all packets of the burst arrived. mu is held.
func whole(b *burst) bool { return len(b.delays) == len(b.sent) }

// reached says whether any did. mu is held.
func reached(b *burst) bool { return len(b.delays) > 0 }

// account is what the burst measured: how many were sent, and the delays of those that arrived, sorted.
func (p *prober) account(b *burst) (sent int, delays []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(b.sent), slices.Sorted(slices.Values(b.delays))
}

// arrivals is how many of the burst's probes arrived before the instant, and how many later.
func (p *prober) arrivals(b *burst, instant time.Duration) (before, after int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range b.came {
		if at < instant {
			before++
		} else {
			after++
		}
	}
	return before, after
}

// How long probes are waited for, beyond what their shape and the slack explain. One that must
// arrive is worth more patience than one that may be lost: the former hardly ever takes it all.
const (
	patienceSure  = 3 * time.Second
	patienceLossy = 250 * time.Millisecond
	probeGap      = time.Millisecond
)

// patience is how long after the last probe of a path all that will arrive has.
func patience(s link.Shape, n int, slack time.Duration) time.Duration {
	p := latest(s) + time.Duration(n)*onTheWire(s, probeBytes) + slack
	if survives(s) == 1 {
		return p + patienceSure
	}
	return p + patienceLossy
}

// probe measures the paths before anything else uses them, and records what they should have been.
func (r *run) probe(ctx context.Context) error {
	r.phase("probe")
	r.prober = newProber(r.clock, r.hosts)
	r.witness = &witness{
		prober: r.prober, net: r.net, fabric: r.fabric.backend, event: r.event, slack: r.plan.Bounds.Late, life: r.life,
		changes: map[link.Path]int{},
	}
	var names []string
	for _, h := range r.plan.Hosts {
		names = append(names, h.Name)
	}
	paths := toProbe(names, maxProbed, seed.Stream(r.plan.Options.Seed, "probe"))
	began := r.clock.Now()
	sent, err := r.prober.survey(ctx, paths, r.plan.Links, r.plan.Bounds.Late, r.event)
	if err != nil {
		return fmt.Errorf("probe the links: %w", err)
	}
	r.event(history.Event{Kind: history.Probed, Data: map[string]float64{
		"paths": float64(len(names) * (len(names) - 1)), "probed": float64(len(paths)), "packets": float64(sent),
		"took_s": (r.clock.Now() - began).Seconds(),
	}})
	return nil
}

// survey probes the paths, whose shapes are in plan, and records what each measured and what it may have.
func (p *prober) survey(ctx context.Context, paths []link.Path, plan link.Matrix, slack time.Duration, event func(history.Event)) (packets int, err error) {
	var orders []order
	for _, path := range paths {
		n := probePackets
		if survives(plan[path]) < 1 {
			n = min(max(probeBudget/len(paths), probePackets), lossyPackets)
		}
		orders = append(orders, order{path, n})
		packets += n
	}
	bs, err := p.send(ctx, orders, probeGap)
	if err != nil {
		return 0, err
	}
	defer p.forget(bs)
	err = p.await(ctx, bs, func(b *burst) time.Duration { return patience(plan[b.path], len(b.sent), slack) }, whole)
	if err != nil {
		return 0, err
	}
	for _, b := range bs {
		if n := p.refusals(b); n > 0 {
			return 0, fmt.Errorf("%s would not send %d probes to %s", b.path.From, n, b.path.To)
		}
		sent, delays := p.account(b)
		event(probeEvent(b.path, plan[b.path], sent, delays, slack))
	}
	return packets, nil
}

// probeEvent is what a path's probes measured beside what they may have.
func probeEvent(path link.Path, s link.Shape, sent int, delays []time.Duration, slack time.Duration) history.Event {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	e := expect(s, sent, slack)
	data := map[string]float64{
		"sent": float64(sent), "lost": float64(sent - len(delays)), "fewest": float64(e.fewest), "most": float64(e.most),
	}
	if len(delays) > 0 {
		data["p50_ms"], data["p99_ms"] = ms(quantile(delays, 0.5)), ms(quantile(delays, 0.99))
	}
	if !s.Cut {
		data["floor_ms"], data["ceiling_ms"] = ms(e.floor), ms(e.ceiling)
	}
	return history.Event{Kind: history.Probe, Subject: path.String(), Detail: s.String(), Data: data}
}
