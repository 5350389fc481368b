package netem

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A path is a class, and two queues in it. Its books say what each drop was: the kernel counts drops
// without their causes, so they are read whenever the cause changes.
type path struct {
	name     link.Path
	from, to *port
	shape    link.Shape
	doubtful bool    // a change has failed half way: what the queues do is not, or not all, the shape
	copies   *copies // nil until the path duplicates for the first time

	changes   map[string]int // of a queue: each change draws from a stream of its own
	tabled    bool           // pace has a table, which it cannot forget
	paceMajor uint32

	read       uint32 // the class's drops when they were last booked
	lost       uint64 // drops, by cause
	cut        uint64
	unexpected uint64 // nobody asked for these
	purged     uint64 // packets that a cut took out of the queue, and bytes
	purgedLen  uint64
	overflow   uint64 // of pace queues that have been replaced
}

// Handles, the same at every destination: of the htb queue, of a path's class, and the first of its queues. A
// replaced pace queue gets the other one's number, and back.
const (
	root      = 1 << 16
	firstFate = 0x0010
	firstPace = 0x4010
	otherPace = 0x4000 ^ 0x8000
)

// ceiling is the limit of queues that hold nothing, or whose limit is another's: packets.
const ceiling = 1 << 30

func (p *path) class() place {
	return place{device: p.to.device, handle: root | uint32(p.from.index+1), parent: root}
}

func (p *path) fate() place {
	return place{device: p.to.device, handle: uint32(firstFate+p.from.index) << 16, parent: p.class().handle}
}

func (p *path) pace() place {
	return place{device: p.to.device, handle: p.paceMajor << 16, parent: p.fate().handle | 1}
}

// lay makes a path that is a perfect wire.
func (f *Fabric) lay(from, to *port) error {
	p := &path{
		name: link.Path{From: from.Name, To: to.Name}, from: from, to: to,
		changes: map[string]int{}, paceMajor: uint32(firstPace + from.index),
	}
	if err := f.tc.class(p.class(), "htb", classOptions()); err != nil {
		return fmt.Errorf("add the class of %s: %w", p.name, err)
	}
	if err := f.tc.queue(create, p.fate(), "netem", p.fateQueue(f.seed, link.Shape{}).options()); err != nil {
		return fmt.Errorf("add the fate queue of %s: %w", p.name, err)
	}
	if err := f.tc.queue(create, p.pace(), "netem", p.paceQueue(f.seed, link.Shape{}).options()); err != nil {
		return fmt.Errorf("add the pace queue of %s: %w", p.name, err)
	}
	filter := bySource(from, to.device, root, p.class().handle)
	if err := inside(f.hub, func(nl *netlink.Handle) error { return nl.FilterAdd(filter) }); err != nil {
		return fmt.Errorf("add the filter of %s: %w", p.name, err)
	}
	f.paths[p.name] = p
	return nil
}

// bySource finds packets of a host by their source address, which is at byte 12 of the IPv4 header.
func bySource(from *port, device int, parent, class uint32) *netlink.U32 {
	a := from.Addr.As4()
	return &netlink.U32{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: device, Parent: parent, Priority: 1, Protocol: 0x0800},
		ClassId:     class,
		Sel: &netlink.TcU32Sel{
			Flags: netlink.TC_U32_TERMINAL,
			Keys:  []netlink.TcU32Key{{Mask: 0xffffffff, Val: uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3]), Off: 12}},
		},
	}
}

// draw is the seed for the next change of the path's queue: no stream is drawn from twice.
func (p *path) draw(s uint64, queue string) uint64 {
	p.changes[queue]++
	return seed.Derive(s, fmt.Sprintf("netem %s %s %d", p.name, queue, p.changes[queue]))
}

func (p *path) fateQueue(seed uint64, s link.Shape) queue {
	return queue{shape: fateOf(s), limit: ceiling, seed: p.draw(seed, "fate")}
}

func (p *path) paceQueue(seed uint64, s link.Shape) queue {
	q := queue{shape: paceOf(s), limit: uint32(s.QueueLimit()), seed: p.draw(seed, "pace")}
	if s.Jitter > 0 {
		if q.table = s.Distribution.Table(); q.table == nil && p.tabled {
			q.table = evenTable()
		}
		p.tabled = p.tabled || q.table != nil
	}
	return q
}

// reshape gives the path another shape. What enters a path that is cut or healed meets neither queue half done:
// a cut closes fate first, and a heal opens it last. After a change that failed the next one leaves no queue as it is.
func (f *Fabric) reshape(p *path, s link.Shape) error {
	if s == p.shape && !p.doubtful {
		return nil
	}
	err := f.change(p, s)
	p.doubtful = err != nil
	return err
}

func (f *Fabric) change(p *path, s link.Shape) error {
	if err := p.book(f, p.shape, p.shape); err != nil {
		return err
	}
	if err := f.duplicate(p, s); err != nil {
		return err
	}
	steps := []func(*path, link.Shape) error{f.setPace, f.setFate}
	if s.Cut {
		steps = []func(*path, link.Shape) error{f.setFate, f.setPace}
	}
	for _, step := range steps {
		if err := step(p, s); err != nil {
			return err
		}
	}
	p.from.choosy += count(perPacket(s)) - count(perPacket(p.shape))
	p.shape = s
	return nil
}

func (f *Fabric) setFate(p *path, s link.Shape) error {
	if fateOf(s) == fateOf(p.shape) && !p.doubtful {
		return nil
	}
	if err := f.tc.queue(change, p.fate(), "netem", p.fateQueue(f.seed, s).options()); err != nil {
		return fmt.Errorf("change the fate queue: %w", err)
	}
	return p.book(f, p.shape, s)
}

func (f *Fabric) setPace(p *path, s link.Shape) error {
	if s.Cut && !p.shape.Cut {
		return f.purge(p, s)
	}
	if paceOf(s) == paceOf(p.shape) && !p.doubtful {
		return nil
	}
	if err := f.tc.queue(change, p.pace(), "netem", p.paceQueue(f.seed, s).options()); err != nil {
		return fmt.Errorf("change the pace queue: %w", err)
	}
	return nil
}

// purge drops what is under way, by putting another pace queue in place of the one that holds it. Nothing
// enters any more, so what was queued before and has not left since is what is gone.
func (f *Fabric) purge(p *path, s link.Shape) error {
	before, err := f.tc.readClass(p.class())
	if err != nil {
		return fmt.Errorf("read the class: %w", err)
	}
	old, err := f.tc.readQueue(p.pace())
	if err != nil {
		return fmt.Errorf("read the pace queue: %w", err)
	}
	p.paceMajor ^= otherPace
	p.tabled = false
	if err := f.tc.queue(replace, p.pace(), "netem", p.paceQueue(f.seed, s).options()); err != nil {
		p.paceMajor ^= otherPace
		return fmt.Errorf("replace the pace queue: %w", err)
	}
	after, err := f.tc.readClass(p.class())
	if err != nil {
		return fmt.Errorf("read the class: %w", err)
	}
	p.overflow += uint64(old.drops)
	packets, bytes := gone(before, after)
	p.purged += packets
	p.purgedLen += bytes
	return nil
}

// gone is how much of what was queued before has not left until after. A super-frame is queued as one packet, so the bytes have a say.
func gone(before, after statistics) (packets, bytes uint64) {
	const frame = host.MTU + etherHeader
	left, leftLen := after.packets-before.packets, after.bytes-before.bytes
	if uint64(before.backlog) > leftLen {
		bytes = uint64(before.backlog) - leftLen
	}
	if uint64(before.queued) > left {
		packets = uint64(before.queued) - left
	}
	return max(packets, (bytes+frame-1)/frame), bytes
}

// book puts the class's drops since the last time down to their cause. While one shape was making way for
// another it is not known which of them dropped a packet: then the likelier cause.
func (p *path) book(f *Fabric, old, now link.Shape) error {
	c, err := f.tc.readClass(p.class())
	if err != nil {
		return fmt.Errorf("read the class: %w", err)
	}
	p.enter(c.drops, old, now)
	return nil
}

func (p *path) enter(drops uint32, old, now link.Shape) {
	n := uint64(drops - p.read) // also right where the kernel's 32 bits have overflowed
	p.read = drops
	lossy := func(s link.Shape) bool { return s.Loss > 0 || s.Burst != (link.Burst{}) }
	switch {
	case old.Cut || now.Cut:
		p.cut += n
	case lossy(old) || lossy(now):
		p.lost += n
	default:
		p.unexpected += n
	}
}

// counters are the path's, by its class's statistics and those of all queues.
func (p *path) counters(f *Fabric, c statistics, queues map[place]statistics) (link.Counters, error) {
	p.enter(c.drops, p.shape, p.shape)
	packets, bytes := c.packets+uint64(c.queued)+p.purged, c.bytes+uint64(c.backlog)+p.purgedLen
	bytes -= min(bytes, etherHeader*packets)
	more, moreLen, err := p.copies.made(f, queues)
	if err != nil {
		return link.Counters{}, err
	}
	n := link.Counters{
		Lost: p.lost, Cut: p.cut + p.purged,
		Overflow: p.unexpected + p.overflow + uint64(queues[place{device: p.to.device, handle: p.pace().handle}].drops),
	}
	n.Packets = packets - min(packets, more) + p.lost + p.cut + n.Overflow
	n.Bytes = bytes - min(bytes, moreLen)
	return n, nil
}
