package capture_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// lab is two hosts on a fabric, n1 with a socket that sends to one of n2.
type lab struct {
	hub    *host.Host
	hosts  []*host.Host
	fabric *userspace.Fabric
	dir    string
	out    net.Conn
	in     *net.UDPConn
}

func newLab(t *testing.T) *lab {
	t.Helper()
	hosttest.Need(t)
	hub, err := host.New("hub")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{hub: hub, dir: t.TempDir()}
	t.Cleanup(func() { hub.Close() })
	if l.fabric, err = userspace.Start(hub, 1, io.Discard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.fabric.Close() })
	if l.hosts, err = host.Star(hub, []host.Seat{{Name: "n1", Addr: n1}, {Name: "n2", Addr: n2}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.CloseAll(l.hosts) })
	if err := l.fabric.Attach(t.Context(), []host.Port{l.hosts[0].Port(), l.hosts[1].Port()}); err != nil {
		t.Fatal(err)
	}
	err = l.hosts[1].Do(func() error {
		l.in, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.in.Close() })
	if l.out, err = l.hosts[0].Dial(t.Context(), "udp4", netip.AddrPortFrom(n2, 9).String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.out.Close() })
	return l
}

var n1, n2 = netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.1.0.2")

func (l *lab) capture(t *testing.T, limit int64) *capture.Capture {
	t.Helper()
	var sources []capture.Source
	for _, h := range l.hosts {
		f, err := os.Create(filepath.Join(l.dir, h.Name()+".pcapng"))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, capture.Source{Host: h, File: f})
	}
	c, err := capture.Start(l.hub, capture.Config{Head: head, Limit: limit, Drops: true}, sources)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// send sends the text from n1 to n2, and waits for it there unless it will be lost.
func (l *lab) send(t *testing.T, text string, arrives bool) {
	t.Helper()
	if _, err := l.out.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if !arrives {
		return
	}
	l.in.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 2000)
	if n, err := l.in.Read(buf); err != nil || string(buf[:n]) != text {
		t.Fatalf("n2 received %.40q, %v, want %.40q", buf[:n], err, text)
	}
}

// read lists the packets of a host's file: direction, payload, comments without their times.
func (l *lab) read(t *testing.T, name string) (packets []string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(l.dir, name+".pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	blocks(t, file)
	for ; len(file) > 0; file = file[binary.LittleEndian.Uint32(file[4:]):] {
		if binary.LittleEndian.Uint32(file) != 6 {
			continue
		}
		n := binary.LittleEndian.Uint32(file[20:])
		data := file[28 : 28+n]
		const udp = 14 + 20 + 8
		packet := fmt.Sprintf("%.20s", data[udp:])
		for o := file[28+(n+3)/4*4:]; ; {
			code, length := binary.LittleEndian.Uint16(o), binary.LittleEndian.Uint16(o[2:])
			value := string(o[4 : 4+length])
			if code == 0 {
				break
			}
			if code == 2 {
				packet = map[byte]string{1: "in ", 2: "out "}[value[0]] + packet
			} else {
				_, text, timed := strings.Cut(value, " UTC  ")
				if !timed {
					text = value
				}
				packet += "; " + text
			}
			o = o[4+(length+3)/4*4:]
		}
		packets = append(packets, packet)
	}
	return packets
}

// Every packet is in the files of both hosts, in order. Events of the run are comments on the first
// packet after them, and packets sent into a cut are marked as lost.
func TestCapture(t *testing.T) {
	l := newLab(t)
	links, err := link.NewNet(t.Context(), l.fabric, link.Matrix{})
	if err != nil {
		t.Fatal(err)
	}
	c := l.capture(t, 1<<20)
	l.send(t, "one", true)
	c.Note(time.Now(), "struck leader: killed n2")
	c.Note(time.Now(), "n1 leads term 3")
	l.send(t, "two", true)

	cut := []link.Path{{From: "n1", To: "n2"}}
	heal, err := links.Degrade(t.Context(), link.Matrix{cut[0]: {Cut: true}})
	if err != nil {
		t.Fatal(err)
	}
	c.Cut(time.Now(), cut)
	l.send(t, "three", false)
	c.Cut(time.Now(), nil)
	if err := heal(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.send(t, "four", true)
	c.Note(time.Now(), "phase done")

	accounts, err := c.Close()
	if err != nil {
		t.Fatal(err)
	}
	const noted = "; struck leader: killed n2; n1 leads term 3"
	if d := cmp.Diff([]string{"out one", "out two" + noted, "out three; lost: n1>n2 is cut", "out four"}, l.read(t, "n1")); d != "" {
		t.Errorf("n1: %s", d)
	}
	if d := cmp.Diff([]string{"in one", "in two" + noted, "in four"}, l.read(t, "n2")); d != "" {
		t.Errorf("n2: %s", d)
	}
	if len(accounts) != 2 || accounts[0].Packets != 4 || accounts[1].Packets != 3 || accounts[0].Dropped != 0 {
		t.Errorf("accounts %+v", accounts)
	}
	// Notes after the last packet are kept.
	if b, err := os.ReadFile(filepath.Join(l.dir, "n2.pcapng")); err != nil || !strings.Contains(string(b), "phase done") {
		t.Errorf("the last note is missing: %v", err)
	}
	if again, err := c.Close(); again != nil || err != nil {
		t.Errorf("closed again: %v, %v", again, err)
	}
}

// The packets that the fabric reports as dropped are marked, those and no others, with the reason.
func TestDropsAreMarked(t *testing.T) {
	l := newLab(t)
	there := link.Path{From: "n1", To: "n2"}
	if err := l.fabric.Apply(t.Context(), link.Matrix{there: {Loss: 0.3}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.fabric.Drops(t.Context()); err != nil { // recording starts here
		t.Fatal(err)
	}
	c := l.capture(t, 1<<20)
	const sent = 200
	for i := range sent {
		l.send(t, fmt.Sprintf("number %d", i), false)
	}
	// A queue for 1 kbit/s holds 64 packets, and the counters show when all have reached the
	// fabric.
	if err := l.fabric.Apply(t.Context(), link.Matrix{there: {Rate: 1000}}); err != nil {
		t.Fatal(err)
	}
	for i := range sent {
		l.send(t, fmt.Sprintf("slow %d", i), false)
	}
	counters := func() link.Counters {
		all, err := l.fabric.Counters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all[there]
	}
	for counters().Packets < 2*sent {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
	drops, omitted, err := l.fabric.Drops(t.Context())
	if err != nil || omitted != 0 {
		t.Fatalf("%d omitted, %v", omitted, err)
	}
	c.Drops(drops)
	if _, err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var lost, full int
	arrived := map[string]bool{}
	for _, p := range l.read(t, "n2") {
		arrived[strings.TrimPrefix(p, "in ")] = true
	}
	for _, p := range l.read(t, "n1") {
		payload, comment, marked := strings.Cut(strings.TrimPrefix(p, "out "), "; ")
		switch comment {
		case "lost: n1>n2 is lossy":
			lost++
		case "lost: n1>n2 has a full queue":
			full++
		case "":
		default:
			t.Errorf("comment %q", comment)
		}
		if strings.HasPrefix(payload, "number") && marked == arrived[payload] {
			t.Errorf("%q: marked as lost %v, arrived %v", payload, marked, arrived[payload])
		}
	}
	if n := counters(); lost == 0 || full == 0 || uint64(lost) != n.Lost || uint64(full) != n.Overflow {
		t.Errorf("%d marked as lost by chance and %d by a full queue, counted %+v", lost, full, n)
	}
}

// A capture whose file is full lets the packets pass and counts them.
func TestCaptureIsFull(t *testing.T) {
	l := newLab(t)
	c := l.capture(t, capture.LeastLimit)
	const sent = 100
	for i := range sent {
		l.send(t, fmt.Sprintf("%d %s", i, strings.Repeat(".", 1200)), true)
	}
	accounts, err := c.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		if a.Packets == 0 || a.Unwritten == 0 || a.Packets+a.Unwritten+a.Dropped != sent || a.Bytes > capture.LeastLimit {
			t.Errorf("%+v", a)
		}
	}
}

// If the interface does not exist the error says so, and no process is left.
func TestCaptureRefuses(t *testing.T) {
	l := newLab(t)
	f, err := os.Create(filepath.Join(l.dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	h := head
	h.Interface = "eth7"
	_, err = capture.Start(l.hub, capture.Config{Head: h, Limit: 1 << 20}, []capture.Source{{Host: l.hosts[0], File: f}})
	if err == nil || !strings.Contains(err.Error(), "at n1: find interface eth7: no such device") {
		t.Errorf("got %v", err)
	}
}
