package linktest

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A flow sends numbered datagrams from one host to another.
type flow struct {
	*Lab
	from, to *net.UDPConn
	addr     netip.AddrPort
	size     int         // of a datagram's payload
	sent     []time.Time // when each number was sent
}

// An arrival is a received datagram.
type arrival struct {
	number int
	intact bool // if not, the number may be wrong
	took   time.Duration
}

// udpPort is the destination port of the flows.
const udpPort = 7

func (l *Lab) flow(p link.Path) *flow { return l.flowTo(p, udpPort) }

func (l *Lab) flowTo(p link.Path, port uint16) *flow {
	f := &flow{Lab: l, size: 64}
	f.from, f.to = l.udp(l.host(p.From), 0), l.udp(l.host(p.To), port)
	f.addr = netip.AddrPortFrom(l.host(p.To).Port().Addr, port)
	return f
}

// udp opens a socket on the host that reports when the kernel received each datagram, and that
// sends without checksums, so that damage is visible and not merely lost.
func (l *Lab) udp(h *host.Host, port uint16) *net.UDPConn {
	var c *net.UDPConn
	l.must("open a UDP socket", h.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: h.Port().Addr.AsSlice(), Port: int(port)})
		return err
	}))
	l.later(func() { c.Close() })
	raw, err := c.SyscallConn()
	l.must("prepare a UDP socket", err)
	var failed error
	l.must("prepare a UDP socket", raw.Control(func(fd uintptr) {
		for _, option := range []int{unix.SO_TIMESTAMPNS, unix.SO_NO_CHECK} {
			if failed == nil {
				failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, 1)
			}
		}
	}))
	l.must("prepare a UDP socket", failed)
	l.must("enlarge a UDP socket's queue", c.SetReadBuffer(4<<20)) // the kernel grants what it allows
	return c
}

// payload returns the number, followed by bytes that are derived from it.
func (f *flow) payload(number int) []byte {
	b := bytes.Repeat([]byte{byte(number*31 + 7)}, f.size)
	binary.BigEndian.PutUint64(b, uint64(number))
	binary.BigEndian.PutUint64(b[8:], ^uint64(number))
	return b
}

// send sends the next n numbers.
func (f *flow) send(n int) {
	for range n {
		b := f.payload(len(f.sent))
		f.sent = append(f.sent, time.Now())
		_, err := f.from.WriteToUDPAddrPort(b, f.addr)
		f.must("send a datagram", err)
	}
}

// receive waits for the next datagram.
func (f *flow) receive() arrival {
	b, oob := make([]byte, f.size+1), make([]byte, 64)
	f.must("set a deadline", f.to.SetReadDeadline(time.Now().Add(patience)))
	n, m, _, _, err := f.to.ReadMsgUDPAddrPort(b, oob)
	if err != nil {
		f.fail("nothing more arrived in %v, of %d datagrams sent: %w", patience, len(f.sent), err)
	}
	now, a := time.Now(), arrival{}
	if n < 16 {
		return a
	}
	a.number = int(binary.BigEndian.Uint64(b))
	a.intact = a.number >= 0 && a.number < len(f.sent) && bytes.Equal(b[:n], f.payload(a.number))
	if a.intact {
		if at := stamp(oob[:m]); !at.IsZero() {
			now = at
		}
		a.took = now.Round(0).Sub(f.sent[a.number].Round(0)) // by the wall clock, which the kernel's timestamps use
	}
	return a
}

// stamp returns when the kernel received a datagram.
func stamp(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix())
		}
	}
	return time.Time{}
}

// round is a number of datagrams that the queues of sockets certainly hold; tail is a number of
// datagrams at the end of a round that are certainly not all lost.
const (
	round = 100
	tail  = 40
)

// through sends n datagrams, a multiple of round, over a path that may drop them but does not
// delay, and returns the arrivals in order. At the end it makes the path a perfect wire, which
// shows that nothing more will arrive.
func (f *flow) through(n int) []arrival {
	var got []arrival
	for range n / round {
		f.send(round)
		for last := len(f.sent) - tail; ; {
			a := f.receive()
			got = append(got, a)
			if a.intact && a.number >= last {
				break // everything sent before has arrived or been lost
			}
		}
	}
	f.shape(link.Shape{})
	return append(got, f.untilNext()...)
}

// untilNext sends one more datagram, and returns the arrivals before it.
func (f *flow) untilNext() (got []arrival) {
	f.send(1)
	for {
		a := f.receive()
		if a.intact && a.number == len(f.sent)-1 {
			return got
		}
		got = append(got, a)
	}
}

// all sends n datagrams over a path that drops none, many at a time, and returns the arrivals in
// order.
func (f *flow) all(n, many int) []arrival {
	var got []arrival
	for sent := 0; sent < n; sent += many {
		for left := many; left > 0; left -= round {
			f.send(min(left, round))
			f.counters() // a user-space fabric has read them now
		}
		for range many {
			got = append(got, f.receive())
		}
	}
	return got
}

// numbers returns the numbers of the datagrams that arrived intact.
func numbers(got []arrival) (ns []int) {
	for _, a := range got {
		if a.intact {
			ns = append(ns, a.number)
		}
	}
	return ns
}

// missing returns the numbers below n that did not arrive.
func missing(got []arrival, n int) []int {
	seen := make([]bool, n)
	for _, k := range numbers(got) {
		if k < n {
			seen[k] = true
		}
	}
	var out []int
	for k, ok := range seen {
		if !ok {
			out = append(out, k)
		}
	}
	return out
}

// inOrder reports whether no number arrived after a higher one.
func inOrder(got []arrival) bool { return slices.IsSorted(numbers(got)) }
