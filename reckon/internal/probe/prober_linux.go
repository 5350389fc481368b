// Package probe sends small UDP packets between hosts and measures when they arrive.
package probe

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/expect"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// probePort is OWAMP's, the protocol for just this (RFC 4656).
const probePort = 861

// A Prober sends small UDP packets between hosts and sees when they arrive. All hosts share the
// machine's clock, so a one-way delay can be measured: from just before the packet is sent to when
// the kernel hands it to the other host's namespace. It is safe for concurrent use.
type Prober struct {
	Clock clock.Clock
	hosts map[string]*host.Host

	mu      sync.Mutex
	ends    map[string]*net.UDPConn // by host; made when first needed
	trains  map[uint32]*Train       // those that packets may arrive for
	last    uint32
	readers sync.WaitGroup
}

// A Train is probes that follow each other on a path.
type Train struct {
	Path link.Path

	// Guarded by prober.mu.
	sent    []time.Duration // when each was sent
	delays  []time.Duration // of those that arrived, in that order
	came    []time.Duration // when those arrived
	arrived []bool
	refused int // of sent, those that the host would not send: it has no way out
}

// NewProber returns a prober of the hosts, which are those by name.
func NewProber(c clock.Clock, hosts map[string]*host.Host) *Prober {
	return &Prober{Clock: c, hosts: hosts, ends: map[string]*net.UDPConn{}, trains: map[uint32]*Train{}}
}

// Hosts returns the names of the hosts, in order.
func (p *Prober) Hosts() []string { return slices.SortedFunc(maps.Keys(p.hosts), link.CompareHosts) }

// Sent returns how many probes of the train were sent. It is for the functions that Await calls.
func (b *Train) Sent() int { return len(b.sent) }

// NewTrain returns a train of which so many probes were sent at 0, and those arrived that came at
// these instants.
func NewTrain(path link.Path, sent int, came ...time.Duration) *Train {
	return &Train{Path: path, sent: make([]time.Duration, sent), came: came, delays: came}
}

// Close ends the sockets; nothing is sent or seen any more.
func (p *Prober) Close() {
	p.mu.Lock()
	for _, c := range p.ends {
		_ = c.Close() // nothing was written that could be lost
	}
	p.mu.Unlock()
	p.readers.Wait()
}

// end is the host's socket. The caller holds mu.
func (p *Prober) end(name string) (*net.UDPConn, error) {
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

// stampArrivals has the kernel stamp what arrives, so that a delay does not count how long the
// runner took to read it.
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
func (p *Prober) read(name string, c *net.UDPConn) {
	buf, oob := make([]byte, 64), make([]byte, 64)
	for {
		n, m, _, _, err := c.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.see(name, buf[:n], p.Clock.Now()-age(oob[:m], time.Now()))
		}
	}
}

// age is how long ago the kernel stamped the packet; 0 where it did not, or the clock was set
// meanwhile.
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

// see notes that a packet arrived. What was corrupted on its way did not; of two that are the same
// the first counts.
func (p *Prober) see(at string, b []byte, when time.Duration) {
	if len(b) != expect.Payload || crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x, i := p.trains[binary.BigEndian.Uint32(b)], int(binary.BigEndian.Uint32(b[4:]))
	if x == nil || x.Path.To != at || i >= len(x.sent) || x.arrived[i] {
		return
	}
	x.arrived[i] = true
	x.delays, x.came = append(x.delays, when-x.sent[i]), append(x.came, when)
}

// An Order is how many probes are to be sent on a path.
type Order struct {
	Path link.Path
	N    int
}

// Send sends the probes in rounds, one on each path, and returns when they are all sent. forget
// must be called with what it returns.
func (p *Prober) Send(ctx context.Context, orders []Order, gap time.Duration) (bs []*Train, err error) {
	froms := make([]*net.UDPConn, len(orders))
	ids := make([]uint32, len(orders))
	p.mu.Lock()
	for i, o := range orders {
		if _, err = p.end(o.Path.To); err == nil {
			froms[i], err = p.end(o.Path.From)
		}
		if err != nil {
			p.mu.Unlock()
			p.Forget(bs)
			return nil, err
		}
		b := &Train{Path: o.Path}
		p.last++
		ids[i] = p.last
		p.trains[p.last] = b
		bs = append(bs, b)
	}
	p.mu.Unlock()
	for round := 0; ; round++ {
		more := false
		for i, o := range orders {
			if round >= o.N {
				continue
			}
			more = true
			if err := p.sendOne(froms[i], ids[i], round, bs[i]); err != nil {
				p.Forget(bs)
				return nil, fmt.Errorf("probe %s: %w", o.Path, err)
			}
		}
		if !more {
			return bs, nil
		}
		if err := clock.Rest(ctx, gap); err != nil {
			p.Forget(bs)
			return nil, err
		}
	}
}

func (p *Prober) sendOne(from *net.UDPConn, id uint32, number int, b *Train) error {
	to := netip.AddrPortFrom(p.hosts[b.Path.To].Port().Addr, probePort)
	x := binary.BigEndian.AppendUint32(make([]byte, 0, expect.Payload), id)
	x = binary.BigEndian.AppendUint32(x, uint32(number))
	x = binary.BigEndian.AppendUint32(x, crc32.ChecksumIEEE(x))
	p.mu.Lock()
	b.sent, b.arrived = append(b.sent, p.Clock.Now()), append(b.arrived, false)
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

// Refusals is how many of the train's probes the host would not send.
func (p *Prober) Refusals(b *Train) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.refused
}

// Forget gives up on packets that have not arrived.
func (p *Prober) Forget(bs []*Train) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, b := range p.trains {
		if slices.Contains(bs, b) {
			delete(p.trains, id)
		}
	}
}

// Await returns when done says so of all trains, or each was given its patience; ctx may end it
// earlier.
func (p *Prober) Await(ctx context.Context, bs []*Train, patience func(*Train) time.Duration, done func(*Train) bool) error {
	const look = 2 * time.Millisecond
	for {
		now := p.Clock.Now()
		p.mu.Lock()
		waiting := slices.ContainsFunc(bs, func(b *Train) bool {
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

// Whole reports whether all probes arrived. It is for the functions that Await calls.
func (b *Train) Whole() bool { return len(b.delays) == len(b.sent) }

// Reached reports whether any probe arrived. It is for the functions that Await calls.
func (b *Train) Reached() bool { return len(b.delays) > 0 }

// Account is what the burst measured: how many were sent, and the delays of those that arrived,
// sorted.
func (p *Prober) Account(b *Train) (sent int, delays []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(b.sent), slices.Sorted(slices.Values(b.delays))
}

// Arrivals is how many of the train's probes arrived before the instant, and how many later.
func (p *Prober) Arrivals(b *Train, instant time.Duration) (before, after int) {
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
