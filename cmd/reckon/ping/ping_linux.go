// Package ping is a ping for machines that have none, such as small containers: it sends echo
// requests (RFC 792) from a socket that needs no privilege.
package ping

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
)

// Role is the name under which the binary is ping.
const Role = "ping"

// Main is the program. Its exit status is 1 if nobody answered, and 2 for wrong usage.
func Main() {
	p, err := parsePing(os.Args[1:], os.Stderr)
	if err == nil {
		err = p.run(os.Stdout)
	}
	var status exit.Status
	switch {
	case err == nil:
	case errors.Is(err, pflag.ErrHelp):
		os.Exit(2)
	case errors.As(err, &status):
		os.Exit(int(status))
	default:
		fmt.Fprintln(os.Stderr, "ping:", err)
		os.Exit(2)
	}
}

// pinger sends echo requests and measures how long the replies take.
type pinger struct {
	name     string
	addr     *net.UDPAddr // a ping socket (IPPROTO_ICMP of socket type SOCK_DGRAM) needs no privilege
	count    int          // 0: without end
	interval time.Duration
	wait     time.Duration
	size     int

	conn     *icmp.PacketConn
	sent     int
	received map[int]bool
	min, max time.Duration
	sum      time.Duration
}

func parsePing(args []string, complaints io.Writer) (*pinger, error) {
	p := &pinger{received: map[int]bool{}, min: math.MaxInt64}
	fs := pflag.NewFlagSet("ping", pflag.ContinueOnError)
	fs.IntVarP(&p.count, "count", "c", 0, "how many requests are sent; 0 is no end")
	interval := fs.Float64P("interval", "i", 1, "seconds between two requests")
	wait := fs.Float64P("wait", "W", 10, "seconds that the last reply is awaited")
	fs.IntVarP(&p.size, "size", "s", 56, "bytes of data in a request")
	fs.BoolP("numeric", "n", false, "print addresses, not names (always so)")
	fs.Usage = func() {
		fmt.Fprintf(complaints, "usage: ping [flags] HOST (this is the ping built into reckon, as the machine has none)\n%s", fs.FlagUsages())
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	const most = 65507
	if fs.NArg() != 1 || p.count < 0 || !(*interval >= 0.001) || !(*wait >= 0) || p.size < 0 || p.size > most {
		fs.Usage()
		return nil, pflag.ErrHelp
	}
	p.name, p.interval, p.wait = fs.Arg(0), seconds(*interval), seconds(*wait)
	addr, err := net.ResolveIPAddr("ip4", p.name)
	if err != nil {
		return nil, err
	}
	p.addr = &net.UDPAddr{IP: addr.IP}
	return p, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// run pings until all requests are answered or it is interrupted.
func (p *pinger) run(out io.Writer) (err error) {
	if p.conn, err = icmp.ListenPacket("udp4", "0.0.0.0"); err != nil {
		return err
	}
	defer p.conn.Close()
	replies := make(chan reply)
	go p.listen(replies)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, unix.SIGINT, unix.SIGTERM)
	fmt.Fprintf(out, "PING %s (%s): %d data bytes\n", p.name, p.addr.IP, p.size)
	next, last := time.NewTimer(0), make(<-chan time.Time)
	sentAt := map[int]time.Time{}
	for over := false; !over; {
		select {
		case <-next.C:
			p.sent++
			sentAt[p.sent] = time.Now()
			if err := p.send(p.sent); err != nil {
				fmt.Fprintln(out, "ping:", err)
			}
			if p.count == 0 || p.sent < p.count {
				next.Reset(p.interval)
			} else {
				last = time.After(p.wait)
			}
		case r := <-replies:
			p.note(out, r, r.at.Sub(sentAt[r.seq]))
			over = p.count > 0 && len(p.received) == p.count
		case <-last:
			over = true
		case <-interrupted:
			over = true
		}
	}
	return p.summarise(out)
}

type reply struct {
	seq, bytes int
	from       net.IP
	at         time.Time
}

func (p *pinger) send(seq int) error {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{Seq: seq & 0xffff, Data: binary.BigEndian.AppendUint64(make([]byte, 0, p.size+8), uint64(seq))[:max(p.size, 8)]}}
	b, err := m.Marshal(nil)
	if err != nil {
		return err
	}
	_, err = p.conn.WriteTo(b, p.addr)
	return err
}

// listen passes on the replies. The kernel gives the socket only those to its own requests.
func (p *pinger) listen(replies chan<- reply) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		if err != nil {
			continue
		}
		m, err := icmp.ParseMessage(1, buf[:n]) // 1 is ICMP for IPv4
		if err != nil {
			continue
		}
		if e, ok := m.Body.(*icmp.Echo); ok && m.Type == ipv4.ICMPTypeEchoReply && len(e.Data) >= 8 {
			replies <- reply{int(binary.BigEndian.Uint64(e.Data)), n, from.(*net.UDPAddr).IP, now}
		}
	}
}

func (p *pinger) note(out io.Writer, r reply, took time.Duration) {
	again := ""
	if p.received[r.seq] {
		again = " (again)"
	} else {
		p.received[r.seq] = true
		p.min, p.max, p.sum = min(p.min, took), max(p.max, took), p.sum+took
	}
	fmt.Fprintf(out, "%d bytes from %s: icmp_seq=%d time=%.3g ms%s\n", r.bytes, r.from, r.seq, milliseconds(took), again)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (p *pinger) summarise(out io.Writer) error {
	n := len(p.received)
	lost := 100 * float64(p.sent-n) / float64(max(p.sent, 1))
	fmt.Fprintf(out, "\n--- %s ping statistics ---\n%d packets transmitted, %d received, %.4g%% packet loss\n", p.name, p.sent, n, lost)
	if n == 0 {
		return exit.Status(1)
	}
	fmt.Fprintf(out, "rtt min/avg/max = %.3f/%.3f/%.3f ms\n", milliseconds(p.min), milliseconds(p.sum)/float64(n), milliseconds(p.max))
	return nil
}
