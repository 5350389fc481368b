package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/link"
)

// role is the name under which this program captures.
const role = "reckon-capture"

func init() { reexec.Register(role, runRole) }

func runRole() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // of this thread; whoever may not, captures all the same
	b, err := newBook(os.Stdin)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	accounts, err := b.keep()
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(accounts) // nobody is left to ask
}

// niceness is below that of everything that is measured: packets can wait in their rings.
const niceness = 10

// roundTime is how long a round waits for packets at most; also how long after its end a capture still
// waits for blocks: the kernel hands them over within blockTime.
const (
	roundTime = 2 * blockTime * time.Millisecond
	lastTime  = 3 * blockTime * time.Millisecond
)

// A book is what one capture process keeps: its pages, one for each host, and what it is told.
type book struct {
	orders orders
	pages  []*page
	waits  bool // for reports of drops
}

func newBook(stdin *os.File) (*book, error) {
	b := &book{orders: orders{fd: int(stdin.Fd())}}
	var j job
	if err := b.orders.first(&j); err != nil {
		return nil, fmt.Errorf("started by hand? It is a part of reckon: %w", err)
	}
	b.waits = j.Config.Drops
	for i, name := range j.Hosts {
		r, err := mapRing(3+2*i, j.Blocks)
		if err != nil {
			return nil, err
		}
		p := &page{host: name, ring: r, started: time.Now().UnixNano(), names: j.Names, addr: j.address(name)}
		h := j.Head
		h.Description = h.Interface + " of " + name
		if p.file, err = NewWriter(os.NewFile(uintptr(4+2*i), name), h, j.Limit); err != nil {
			return nil, err
		}
		b.pages = append(b.pages, p)
	}
	return b, nil
}

// keep writes packets down until there are no more orders, and then those that are still in the rings.
func (b *book) keep() ([]Account, error) {
	for !b.orders.over {
		if err := b.round(); err != nil {
			return nil, err
		}
	}
	end := time.Now()
	for _, p := range b.pages {
		p.ended = end.UnixNano()
	}
	for time.Since(end) < lastTime { // what passes now is not written, so this ends also under load
		if err := b.round(); err != nil {
			return nil, err
		}
	}
	accounts := make([]Account, len(b.pages))
	for i, p := range b.pages {
		p.apply(p.ended, b.orders.changes)
		accounts[i] = p.close()
	}
	return accounts, nil
}

// round waits until there is something, and takes a block of every ring that has one.
func (b *book) round() error {
	var fds []unix.PollFd
	if !b.orders.over {
		fds = append(fds, unix.PollFd{Fd: int32(b.orders.fd), Events: unix.POLLIN})
	}
	timeout := roundTime
	for _, p := range b.pages {
		if b.holds(p) {
			timeout = holdStep
			continue
		}
		fds = append(fds, unix.PollFd{Fd: int32(p.ring.fd), Events: unix.POLLIN})
	}
	if _, err := unix.Poll(fds, int(timeout.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	for _, f := range fds {
		if f.Revents&unix.POLLERR != 0 { // the interface went down; asked, the socket forgets it
			_, _ = unix.GetsockoptInt(int(f.Fd), unix.SOL_SOCKET, unix.SO_ERROR)
		}
	}
	for _, p := range b.pages {
		if !p.ring.ready() || b.holds(p) {
			continue
		}
		// Read now, every order that was given before a packet of this block is known to it.
		if err := b.orders.read(); err != nil {
			return err
		}
		p.ring.take(func(k Packet) { p.write(k, &b.orders) })
	}
	return b.orders.read()
}

// A block is held for so long after its last packet that reports of drops can come first, and looked at again at every step.
const (
	holdTime = 100 * time.Millisecond
	holdStep = 2 * time.Millisecond
)

// holds says whether the page's next block is there but is not to be written yet.
func (b *book) holds(p *page) bool {
	return b.waits && !b.orders.over && p.ring.ready() && !p.ring.crowded() && time.Now().UnixNano() < p.ring.latest()+int64(holdTime)
}

// orders are the changes that the process was told of so far.
type orders struct {
	fd      int
	partial []byte // of a line
	changes []change
	drops   map[printOf][]link.Drop
	over    bool // there will be no more
}

// mostChanges bounds what is kept; a run has some thousands.
const mostChanges = 1 << 16

// printOf is what a drop is found by.
type printOf struct {
	from   string
	packet link.Fingerprint
}

// mostDrops bounds the drops that no packet was found for: where the rings overflow, some never are.
const mostDrops = 1 << 15

// drop notes drops until their packets are written.
func (o *orders) drop(drops []link.Drop) {
	if len(o.drops)+len(drops) > mostDrops || o.drops == nil {
		o.drops = map[printOf][]link.Drop{}
	}
	for _, d := range drops {
		k := printOf{d.Path.From, d.Packet}
		o.drops[k] = append(o.drops[k], d)
	}
}

// dropped takes the drop of the packet, if it was. Packets that are the same were dropped in the order in which they were sent.
func (o *orders) dropped(from string, k Packet) (link.Drop, bool) {
	if k.Direction != Outbound || len(o.drops) == 0 || !isIPv4(k.Data) {
		return link.Drop{}, false
	}
	key := printOf{from, link.FingerprintOf(k.Data[etherLen:])}
	found := o.drops[key]
	switch len(found) {
	case 0:
		return link.Drop{}, false
	case 1:
		delete(o.drops, key)
	default:
		o.drops[key] = found[1:]
	}
	return found[0], true
}

// describe is the drop in words.
func describe(d link.Drop) string {
	part := func(n int, why string) string {
		switch {
		case n == 0:
			return ""
		case d.Of == 1:
			return fmt.Sprintf("lost: %s %s", d.Path, why)
		}
		return fmt.Sprintf("lost: %d of its %d wire packets, %s %s", n, d.Of, d.Path, why)
	}
	lost, overflow := part(d.Lost, "is lossy"), part(d.Overflow, "has a full queue")
	if lost != "" && overflow != "" {
		return lost + "; " + overflow
	}
	return lost + overflow
}

// first waits for the first line.
func (o *orders) first(v any) error {
	var line []byte
	for b := make([]byte, 1); ; { // byte by byte, as the next line is no part of it
		n, err := unix.Read(o.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		case b[0] == '\n':
			return json.Unmarshal(line, v)
		}
		line = append(line, b[0])
	}
}

// read reads the lines that are there, without waiting.
func (o *orders) read() error {
	buf := make([]byte, 64<<10)
	for !o.over {
		fds := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
			return nil // nothing there, or a signal: the next round asks again
		}
		n, err := unix.Read(o.fd, buf)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("read orders: %w", err)
		}
		o.over = err == nil && n == 0
		o.take(buf[:max(n, 0)])
	}
	return nil
}

func (o *orders) take(b []byte) {
	o.partial = append(o.partial, b...)
	for {
		line, rest, ok := bytes.Cut(o.partial, []byte{'\n'})
		if !ok {
			return
		}
		var c change
		switch err := json.Unmarshal(line, &c); { // a line that is lost costs a comment
		case err != nil:
		case c.Drops != nil:
			o.drop(c.Drops)
		case len(o.changes) < mostChanges:
			o.changes = append(o.changes, c)
		}
		o.partial = slices.Clone(rest)
	}
}

// A page is one host's file while it is written.
type page struct {
	host    string
	addr    netip.Addr
	names   map[netip.Addr]string
	ring    *ring
	file    *Writer
	started int64
	ended   int64 // packets from then on are not written; 0 while it goes on
	err     error // of the file, which ends with it

	seen  int             // how many changes this page has applied
	notes []string        // for the next packet
	cut   map[string]bool // hosts to which the path is cut
}

// write writes the packet with the comments that are due on it.
func (p *page) write(k Packet, o *orders) {
	p.apply(k.At, o.changes)
	if p.err != nil || p.ended != 0 && k.At >= p.ended {
		return
	}
	k.Comments = p.notes
	p.notes = nil
	if to, ok := p.lostTo(k); ok {
		k.Comments = append(k.Comments, fmt.Sprintf("lost: %s is cut", link.Path{From: p.host, To: to}))
	}
	if d, ok := o.dropped(p.host, k); ok {
		k.Comments = append(k.Comments, describe(d))
	}
	p.err = p.file.Packet(k)
}

// apply takes note of the changes up to the instant.
func (p *page) apply(at int64, changes []change) {
	for ; p.seen < len(changes) && changes[p.seen].At <= at; p.seen++ {
		c := changes[p.seen]
		if c.Note != "" {
			p.notes = append(p.notes, time.Unix(0, c.At).UTC().Format("15:04:05.000000 UTC  ")+c.Note)
		}
		if c.Cut == nil {
			continue
		}
		p.cut = map[string]bool{}
		for _, path := range c.Cut {
			if path.From == p.host {
				p.cut[path.To] = true
			}
		}
	}
}

// lostTo is the host that a packet does not get to because the path is cut.
func (p *page) lostTo(k Packet) (to string, lost bool) {
	if k.Direction != Outbound || len(p.cut) == 0 {
		return "", false
	}
	if !isIPv4(k.Data) {
		return "", false
	}
	const destination = etherLen + 16 // RFC 791
	to = p.names[netip.AddrFrom4([4]byte(k.Data[destination:]))]
	return to, p.cut[to]
}

const etherLen = 14

// isIPv4 says whether there is an IPv4 header in the Ethernet frame.
func isIPv4(frame []byte) bool {
	return len(frame) >= etherLen+20 && frame[12] == 0x08 && frame[13] == 0x00
}

// close ends the file. What was noted after its last packet goes to its statistics.
func (p *page) close() Account {
	received, dropped := p.ring.counts()
	a := Account{Host: p.host, Packets: p.file.packets, Dropped: dropped, Unwritten: p.file.unwritten}
	if p.err == nil {
		p.err = p.file.Close(Stats{Start: p.started, End: p.ended, Received: received, Dropped: dropped, Comments: p.notes})
	}
	if p.err != nil {
		a.Error = p.err.Error()
	}
	a.Bytes = p.file.written
	return a
}
