package capture

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// A hostFile is one host's file while it is written.
type hostFile struct {
	host    string
	addr    netip.Addr
	names   map[netip.Addr]string
	ring    *ring
	file    *Writer
	started int64
	ended   int64 // packets from then on are not written; 0 while the capture runs
	err     error // of writing the file, after which nothing more is written

	seen  int             // how many changes have been applied
	notes []string        // for the next packet
	cut   map[string]bool // hosts to which the path is cut
}

// write writes the packet with the comments that belong on it.
func (p *hostFile) write(k Packet, o *updates) {
	p.apply(k.At, o.changes)
	if p.err != nil || p.ended != 0 && k.At >= p.ended {
		return
	}
	k.Comments = p.notes
	p.notes = nil
	if to, ok := p.cutTo(k); ok {
		k.Comments = append(k.Comments, fmt.Sprintf("lost: %s is cut", link.Path{From: p.host, To: to}))
	}
	if d, ok := o.dropped(p.host, k); ok {
		k.Comments = append(k.Comments, describe(d))
	}
	p.err = p.file.Packet(k)
}

// apply applies the changes up to the given instant.
func (p *hostFile) apply(at int64, changes []change) {
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

// cutTo returns the packet's destination, and reports whether the path to it is cut.
func (p *hostFile) cutTo(k Packet) (to string, lost bool) {
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

// isIPv4 reports whether the Ethernet frame has an IPv4 header.
func isIPv4(frame []byte) bool {
	return len(frame) >= etherLen+20 && frame[12] == 0x08 && frame[13] == 0x00
}

// close ends the file. Notes after its last packet go into its statistics.
func (p *hostFile) close() Account {
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
