package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/reckon-bench/reckon/reckon"
)

// The format is that of draft-ietf-opsawg-pcapng, little-endian, with one section and one
// interface.

// Types of blocks (section 4 and 10.1 of the draft).
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockNames      = 4
	blockStatistics = 5
	blockPacket     = 6
)

// Codes of options; each kind of block has its own.
const (
	optEnd     = 0
	optComment = 1 // in every block

	optSectionOS          = 3
	optSectionApplication = 4

	optInterfaceName        = 2
	optInterfaceDescription = 3
	optInterfaceResolution  = 9

	optPacketFlags = 2

	optStatisticsStart     = 2
	optStatisticsEnd       = 3
	optStatisticsReceived  = 4
	optStatisticsDropped   = 5 // isb_ifdrop, as of dumpcap: it is what Wireshark shows
	optStatisticsDelivered = 8
)

const (
	byteOrder  = 0x1a2b3c4d
	ethernet   = 1 // LINKTYPE_ETHERNET
	nanosecond = 9 // if_tsresol: 10^-9 s
)

// maxComment is the longest comment, in bytes: enough for a matrix of some size, and far below the
// 65535 that an option may have.
const maxComment = 2 << 10

// reserve is the part of a file's limit that is kept for its last packet and its statistics.
const reserve = 16 << 10

// lastBytes is how much is kept of the packet that no longer fits, to attach a comment to: its
// headers.
const lastBytes = 96

// LeastLimit is the smallest limit of a file's size that leaves room for packets, in bytes.
const LeastLimit = reckon.LeastPcapLimit

// A Head is the information at the start of a file.
type Head struct {
	Comment     string                // on the file as a whole
	System      string                // the operating system
	Application string                // the program that wrote the file
	Interface   string                // "eth0"
	Description string                // of the interface
	Names       map[netip.Addr]string // IPv4 addresses that are shown by name
}

// Direction is the direction of a packet, seen from the host. The zero value is unknown.
type Direction uint32

// The directions, as in the flags of a packet (section 4.3.1 of the draft).
const (
	Inbound  Direction = 1
	Outbound Direction = 2
)

// A Packet is one frame as it passed the host's interface.
type Packet struct {
	At        int64  // nanoseconds since 1970
	Data      []byte // what was captured of it
	Length    int    // the original length, at least len(Data)
	Direction Direction
	Comments  []string
}

// Stats are the statistics at the end of a file.
type Stats struct {
	Start, End int64  // nanoseconds since 1970
	Received   uint64 // packets that passed the interface
	Dropped    uint64 // those of them that the kernel had no room for
	Comments   []string
}

// A Writer writes one pcapng file of bounded size. Every call writes whole
// blocks, so a file can be read while it is written, and after a crash.
type Writer struct {
	w       io.Writer
	limit   int64
	written int64
	buf     []byte

	packets   uint64
	unwritten uint64
	full      bool
}

// NewWriter begins a file of at most limit bytes (LeastLimit at least).
func NewWriter(w io.Writer, h Head, limit int64) (*Writer, error) {
	if limit < LeastLimit {
		return nil, fmt.Errorf("begin a pcapng file: limit of %d bytes: must be at least %d", limit, LeastLimit)
	}
	p := &Writer{w: w, limit: limit}
	p.section(h)
	p.describe(h)
	p.names(h.Names)
	return p, p.flush()
}

// Packet writes the packet, unless the file is full. The first packet that does not fit ends the
// file: its headers are kept, with a comment that says so.
func (p *Writer) Packet(k Packet) error {
	if p.full {
		p.unwritten++
		return nil
	}
	if p.written+packetSize(k) > p.limit-reserve {
		p.full = true
		p.unwritten++
		k.Data = k.Data[:min(len(k.Data), lastBytes)]
		kept := k.Comments[:min(len(k.Comments), 2)] // which fit into the reserve
		k.Comments = append(slices.Clip(kept), fmt.Sprintf("the capture ends here: the file has reached its limit of %s", Size(p.limit)))
	} else {
		p.packets++
	}
	p.packet(k)
	return p.flush()
}

// Full reports whether the file has reached its limit.
func (p *Writer) Full() bool { return p.full }

// Close writes the statistics. It does not close the io.Writer.
func (p *Writer) Close(s Stats) error {
	if p.unwritten > 0 {
		s.Comments = append(s.Comments, fmt.Sprintf("the file reached its limit of %s: %d later packets are not in it", Size(p.limit), p.unwritten))
	}
	start := p.begin(blockStatistics)
	p.u32(0)
	p.instant(s.End)
	p.comments(s.Comments, reserve/2)
	p.instantOption(optStatisticsStart, s.Start)
	p.instantOption(optStatisticsEnd, s.End)
	p.u64Option(optStatisticsReceived, s.Received)
	p.u64Option(optStatisticsDropped, s.Dropped)
	p.u64Option(optStatisticsDelivered, p.packets)
	p.endOptions()
	p.end(start)
	return p.flush()
}

func (p *Writer) section(h Head) {
	start := p.begin(blockSection)
	p.u32(byteOrder)
	p.u16(1) // version 1.0
	p.u16(0)
	p.u64(^uint64(0)) // its length is not known yet
	if h.Comment != "" {
		p.text(optComment, h.Comment)
	}
	if h.System != "" {
		p.text(optSectionOS, h.System)
	}
	if h.Application != "" {
		p.text(optSectionApplication, h.Application)
	}
	p.endOptions()
	p.end(start)
}

func (p *Writer) describe(h Head) {
	start := p.begin(blockInterface)
	p.u16(ethernet)
	p.u16(0)
	p.u32(0) // no limit of a packet's length
	p.text(optInterfaceName, h.Interface)
	if h.Description != "" {
		p.text(optInterfaceDescription, h.Description)
	}
	p.option(optInterfaceResolution, []byte{nanosecond})
	p.endOptions()
	p.end(start)
}

// names writes a name resolution block, so that n1 is shown instead of its address.
func (p *Writer) names(names map[netip.Addr]string) {
	if len(names) == 0 {
		return
	}
	var addrs []netip.Addr
	for a := range names {
		if a.Is4() {
			addrs = append(addrs, a)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	start := p.begin(blockNames)
	const recordIPv4 = 1
	for _, a := range addrs {
		p.option(recordIPv4, slices.Concat(a.AsSlice(), []byte(names[a]), []byte{0}))
	}
	p.endOptions() // a record of type 0 and length 0 ends the records, too
	p.end(start)
}

func (p *Writer) packet(k Packet) {
	start := p.begin(blockPacket)
	p.u32(0) // interface
	p.instant(k.At)
	p.u32(uint32(len(k.Data)))
	p.u32(uint32(max(k.Length, len(k.Data))))
	p.buf = append(p.buf, k.Data...)
	p.pad()
	if len(k.Comments) > 0 || k.Direction != 0 {
		p.comments(k.Comments, reserve/2)
		if k.Direction != 0 {
			p.option(optPacketFlags, binary.LittleEndian.AppendUint32(nil, uint32(k.Direction)))
		}
		p.endOptions()
	}
	p.end(start)
}

// packetSize returns an upper bound on the size of the packet's block, in bytes.
func packetSize(k Packet) int64 {
	n := 32 + len(k.Data) + 4 + 16
	for _, c := range k.Comments {
		n += 8 + min(len(c), maxComment)
	}
	return int64(n)
}

// comments writes as many comments as fit into room bytes.
func (p *Writer) comments(all []string, room int) {
	for _, c := range all {
		if room -= 8 + min(len(c), maxComment); room < 0 {
			return
		}
		p.text(optComment, c)
	}
}

// begin opens a block; end closes it with its length before and after.
func (p *Writer) begin(kind uint32) (start int) {
	start = len(p.buf)
	p.u32(kind)
	p.u32(0)
	return start
}

func (p *Writer) end(start int) {
	n := uint32(len(p.buf) - start + 4)
	p.u32(n)
	binary.LittleEndian.PutUint32(p.buf[start+4:], n)
}

func (p *Writer) u16(v uint16) { p.buf = binary.LittleEndian.AppendUint16(p.buf, v) }
func (p *Writer) u32(v uint32) { p.buf = binary.LittleEndian.AppendUint32(p.buf, v) }
func (p *Writer) u64(v uint64) { p.buf = binary.LittleEndian.AppendUint64(p.buf, v) }

// instant writes a time in the interface's resolution, the upper half first.
func (p *Writer) instant(ns int64) {
	p.u32(uint32(uint64(ns) >> 32))
	p.u32(uint32(uint64(ns)))
}

func (p *Writer) option(code uint16, value []byte) {
	p.u16(code)
	p.u16(uint16(len(value)))
	p.buf = append(p.buf, value...)
	p.pad()
}

func (p *Writer) text(code uint16, s string) { p.option(code, []byte(abridge(s))) }

// abridge returns s as valid UTF-8 of at most maxComment bytes.
func abridge(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxComment {
		return s
	}
	n := maxComment - len("…")
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func (p *Writer) u64Option(code uint16, v uint64) {
	p.option(code, binary.LittleEndian.AppendUint64(nil, v))
}

func (p *Writer) instantOption(code uint16, ns int64) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(uint64(ns)>>32))
	p.option(code, binary.LittleEndian.AppendUint32(b, uint32(uint64(ns))))
}

func (p *Writer) endOptions() { p.u32(optEnd) }

func (p *Writer) pad() {
	for len(p.buf)%4 != 0 { // blocks begin at multiples of 4
		p.buf = append(p.buf, 0)
	}
}

// flush writes the completed blocks.
func (p *Writer) flush() error {
	n, err := p.w.Write(p.buf)
	p.written += int64(n)
	p.buf = p.buf[:0]
	if err != nil {
		return fmt.Errorf("write packets: %w", err)
	}
	return nil
}

// Size returns a number of bytes with its unit: "64 MiB".
func Size(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return fmt.Sprintf("%.4g %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
