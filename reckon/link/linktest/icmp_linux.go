package linktest

import (
	"encoding/binary"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A pinger is a raw ICMP socket on n1.
type pinger struct {
	*Lab
	conn net.PacketConn
}

// pingID marks the test's echoes.
const pingID = 0x7265

func (l *Lab) pinger() *pinger {
	p := &pinger{Lab: l}
	l.must("open a raw ICMP socket", l.host("n1").Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "ping")
		defer f.Close() // FilePacketConn duplicates it
		p.conn, err = net.FilePacketConn(f)
		return err
	}))
	l.later(func() { p.conn.Close() })
	return p
}

// send sends an echo request.
func (p *pinger) send(to string, number uint16) {
	b := make([]byte, 64)
	b[0] = 8
	binary.BigEndian.PutUint16(b[4:], pingID)
	binary.BigEndian.PutUint16(b[6:], number)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	_, err := p.conn.WriteTo(b, &net.IPAddr{IP: p.host(to).Port().Addr.AsSlice()})
	p.must("send a ping", err)
}

// receive returns the number of the next reply.
func (p *pinger) receive() uint16 {
	b := make([]byte, 1500)
	p.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, _, err := p.conn.ReadFrom(b)
		p.must("await the reply to a ping", err)
		if n >= 8 && b[0] == 0 && binary.BigEndian.Uint16(b[4:]) == pingID { // net strips the IP header
			return binary.BigEndian.Uint16(b[6:])
		}
	}
}

// ping pings a host from n1, and fails unless the reply takes at least the given time, and not much
// longer.
func (l *Lab) ping(to string, least time.Duration) {
	p := l.pinger()
	for i := range uint16(5) {
		begin := time.Now()
		p.send(to, i)
		if n := p.receive(); n != i {
			l.fail("ping %d was answered with %d", i, n)
		}
		if took := time.Since(begin); took < least || took > least+slack() {
			l.fail("a ping took %v, want from %v to %v", took, least, least+slack())
		}
	}
}

// checksum returns the Internet checksum of b, which has an even length.
func checksum(b []byte) uint16 {
	s := uint32(0)
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
