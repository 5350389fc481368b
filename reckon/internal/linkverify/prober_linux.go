package linkverify

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
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// probePort is OWAMP's, the protocol for just this (RFC 4656).
const probePort = 861

// A Prober sends small UDP packets between hosts and sees when they arrive. All hosts
// share the machine's clock, so a one-way delay can be measured: from just before the packet is sent
// to when the kernel hands it to the other host's namespace. It is safe for concurrent use.
type Prober struct {
	clock clock.Clock
	hosts map[string]*host.Host

	mu      sync.Mutex
	ends    map[string]*net.UDPConn // by host; made when first needed
	trains  map[uint32]*train       // those that packets may arrive for
	last    uint32
	readers sync.WaitGroup
}

// A burst is probes that follow each other on a path.
type train struct {
	path link.Path

	// Guarded by prober.mu.
	sent    []time.Duration // when each was sent
	delays  []time.Duration // of those that arrived, in that order
	came    []time.Duration // when those arrived
	arrived []bool
	refused int // of sent, those that the host would not send: it has no way out
}

// NewProber returns a prober of the hosts, which are those by name.
func NewProber(c clock.Clock, hosts map[string]*host.Host) *Prober {
	return &Prober{clock: c, hosts: hosts, ends: map[string]*net.UDPConn{}, trains: map[uint32]*train{}}
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
func (p *Prober) read(name string, c *net.UDPConn) {
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
func (p *Prober) see(at string, b []byte, when time.Duration) {
	if len(b) != probePayload || crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x, i := p.trains[binary.BigEndian.Uint32(b)], int(binary.BigEndian.Uint32(b[4:]))
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
func (p *Prober) send(ctx context.Context, orders []order, gap time.Duration) (bs []*train, err error) {
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
		b := &train{path: o.path}
		p.last++
		ids[i] = p.last
		p.trains[p.last] = b
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

func (p *Prober) sendOne(from *net.UDPConn, id uint32, number int, b *train) error {
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
func (p *Prober) refusals(b *train) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.refused
}

// forget gives up on packets that have not arrived.
func (p *Prober) forget(bs []*train) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, b := range p.trains {
		if slices.Contains(bs, b) {
			delete(p.trains, id)
		}
	}
}

// await returns when done says so of all trains, or each was given its patience; ctx may end it earlier.
func (p *Prober) await(ctx context.Context, bs []*train, patience func(*train) time.Duration, done func(*train) bool) error {
	const look = 2 * time.Millisecond
	for {
		now := p.clock.Now()
		p.mu.Lock()
		waiting := slices.ContainsFunc(bs, func(b *train) bool {
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
func whole(b *train) bool { return len(b.delays) == len(b.sent) }

// reached says whether any did. mu is held.
func reached(b *train) bool { return len(b.delays) > 0 }

// account is what the burst measured: how many were sent, and the delays of those that arrived, sorted.
func (p *Prober) account(b *train) (sent int, delays []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(b.sent), slices.Sorted(slices.Values(b.delays))
}

// arrivals is how many of the burst's probes arrived before the instant, and how many later.
func (p *Prober) arrivals(b *train, instant time.Duration) (before, after int) {
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
