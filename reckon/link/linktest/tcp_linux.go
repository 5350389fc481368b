package linktest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

const tcpPort = 8

// listen opens a TCP listener on the host.
func (l *Lab) listen(name string) (net.Listener, netip.AddrPort) {
	addr := netip.AddrPortFrom(l.host(name).Port().Addr, tcpPort)
	var listener net.Listener
	l.must("listen", l.host(name).Do(func() (err error) {
		listener, err = net.Listen("tcp4", addr.String())
		return err
	}))
	return listener, addr
}

// transfer sends n bytes over a connection, and fails unless exactly these arrive. It returns how
// long that took, from the first byte to the last.
func (l *Lab) transfer(p link.Path, n int) time.Duration {
	listener, addr := l.listen(p.To)
	defer listener.Close()
	sent := make(chan error, 1)
	go func() {
		ctx, cancel := l.ctx()
		defer cancel()
		c, err := l.host(p.From).Dial(ctx, "tcp4", addr.String())
		if err == nil {
			c.SetDeadline(time.Now().Add(patience))
			_, err = io.Copy(c, io.LimitReader(&pattern{}, int64(n)))
			err = errors.Join(err, c.Close())
		}
		sent <- err
	}()
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := listener.Accept()
	l.must("accept a connection", err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	begin := time.Now()
	got, err := io.Copy(&pattern{}, c)
	took := time.Since(begin)
	if err != nil || got != int64(n) {
		l.fail("TCP received %d of %d bytes from %s: %w", got, n, p, err)
	}
	l.must("send over TCP", <-sent)
	return took
}

// A pattern is an endless stream whose bytes depend on their position. Writing to it compares.
type pattern struct{ at int }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p.at * 7 >> 3)
		p.at++
	}
	return len(b), nil
}

func (p *pattern) Write(b []byte) (int, error) {
	for i := range b {
		if b[i] != byte(p.at*7>>3) {
			return i, fmt.Errorf("byte %d is wrong", p.at)
		}
		p.at++
	}
	return len(b), nil
}
