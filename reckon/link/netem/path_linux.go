package netem

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A path is a class with two queues in it. The kernel counts drops without their causes, so the
// path reads them whenever the cause changes, and counts them by cause.
type path struct {
	name      link.Path
	from, to  *port
	shape     link.Shape
	uncertain bool    // a change failed half way, so the queues may not match the shape
	copies    *copies // nil until the path duplicates for the first time

	changes    map[string]int // number of changes by queue: each draws from a stream of its own
	tabled     bool           // the delay queue has a table, which cannot be removed
	delayMajor uint32

	read       uint32 // the class's drops when they were last read
	lost       uint64 // drops, by cause
	cut        uint64
	unexpected uint64 // drops that no shape asked for
	purged     uint64 // packets that cuts removed from the queue, and bytes
	purgedLen  uint64
	overflow   uint64 // of delay queues that have been replaced
}

// Handles, the same at every destination: of the htb queue, of a path's class, and the first of
// each kind of queue. Replacing a delay queue toggles its handle between two numbers.
const (
	root       = 1 << 16
	firstLoss  = 0x0010
	firstDelay = 0x4010
	otherDelay = 0x4000 ^ 0x8000
)

// ceiling is the limit, in packets, of queues that hold nothing or that another queue limits.
const ceiling = 1 << 30

func (p *path) class() place {
	return place{device: p.to.device, handle: root | uint32(p.from.index+1), parent: root}
}

func (p *path) lossPlace() place {
	return place{device: p.to.device, handle: uint32(firstLoss+p.from.index) << 16, parent: p.class().handle}
}

func (p *path) delayPlace() place {
	return place{device: p.to.device, handle: p.delayMajor << 16, parent: p.lossPlace().handle | 1}
}

// addPath makes a path that is a perfect wire.
func (f *Fabric) addPath(from, to *port) error {
	p := &path{
		name: link.Path{From: from.Name, To: to.Name}, from: from, to: to,
		changes: map[string]int{}, delayMajor: uint32(firstDelay + from.index),
	}
	if err := f.tc.class(p.class(), "htb", classOptions()); err != nil {
		return fmt.Errorf("add the class of %s: %w", p.name, err)
	}
	if err := f.tc.queue(create, p.lossPlace(), "netem", p.lossQueue(f.seed, link.Shape{}).options()); err != nil {
		return fmt.Errorf("add the loss queue of %s: %w", p.name, err)
	}
	if err := f.tc.queue(create, p.delayPlace(), "netem", p.delayQueue(f.seed, link.Shape{}).options()); err != nil {
		return fmt.Errorf("add the delay queue of %s: %w", p.name, err)
	}
	filter := bySource(from, to.device, root, p.class().handle)
	if err := inside(f.hub, func(nl *netlink.Handle) error { return nl.FilterAdd(filter) }); err != nil {
		return fmt.Errorf("add the filter of %s: %w", p.name, err)
	}
	f.paths[p.name] = p
	return nil
}

// bySource returns a filter for packets of a host, by the source address at byte 12 of the IPv4
// header.
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

// draw returns the seed for the next change of the path's queue, so that no stream is used twice.
// Names of queues are part of the stream's name: another name gives other draws for the same seed.
func (p *path) draw(s uint64, queue string) uint64 {
	p.changes[queue]++
	return seed.Derive(s, fmt.Sprintf("netem %s %s %d", p.name, queue, p.changes[queue]))
}

func (p *path) lossQueue(seed uint64, s link.Shape) queue {
	return queue{shape: lossPart(s), limit: ceiling, seed: p.draw(seed, "fate")}
}

func (p *path) delayQueue(seed uint64, s link.Shape) queue {
	q := queue{shape: delayPart(s), limit: uint32(s.QueueLimit()), seed: p.draw(seed, "pace")}
	if s.Jitter > 0 {
		if q.table = s.Distribution.Table(); q.table == nil && p.tabled {
			q.table = evenTable()
		}
		p.tabled = p.tabled || q.table != nil
	}
	return q
}

// reshape gives the path another shape. No packet meets a path that is half cut or half healed: a
// cut closes the loss queue first, and a heal opens it last. After a failed change, the next one
// sets every queue again.
func (f *Fabric) reshape(p *path, s link.Shape) error {
	if s == p.shape && !p.uncertain {
		return nil
	}
	err := f.change(p, s)
	p.uncertain = err != nil
	return err
}

func (f *Fabric) change(p *path, s link.Shape) error {
	if err := p.readDrops(f, p.shape, p.shape); err != nil {
		return err
	}
	if err := f.duplicate(p, s); err != nil {
		return err
	}
	steps := []func(*path, link.Shape) error{f.setDelay, f.setLoss}
	if s.Cut {
		steps = []func(*path, link.Shape) error{f.setLoss, f.setDelay}
	}
	for _, step := range steps {
		if err := step(p, s); err != nil {
			return err
		}
	}
	p.from.perPacketPaths += count(perPacket(s)) - count(perPacket(p.shape))
	p.shape = s
	return nil
}

func (f *Fabric) setLoss(p *path, s link.Shape) error {
	if lossPart(s) == lossPart(p.shape) && !p.uncertain {
		return nil
	}
	if err := f.tc.queue(change, p.lossPlace(), "netem", p.lossQueue(f.seed, s).options()); err != nil {
		return fmt.Errorf("change the loss queue: %w", err)
	}
	return p.readDrops(f, p.shape, s)
}

func (f *Fabric) setDelay(p *path, s link.Shape) error {
	if s.Cut && !p.shape.Cut {
		return f.purge(p, s)
	}
	if delayPart(s) == delayPart(p.shape) && !p.uncertain {
		return nil
	}
	if err := f.tc.queue(change, p.delayPlace(), "netem", p.delayQueue(f.seed, s).options()); err != nil {
		return fmt.Errorf("change the delay queue: %w", err)
	}
	return nil
}

// purge drops the packets under way by replacing the delay queue that holds them. No packet enters
// any more, so what was queued before and has not left since is what was dropped.
func (f *Fabric) purge(p *path, s link.Shape) error {
	before, err := f.tc.readClass(p.class())
	if err != nil {
		return fmt.Errorf("read the class: %w", err)
	}
	old, err := f.tc.readQueue(p.delayPlace())
	if err != nil {
		return fmt.Errorf("read the delay queue: %w", err)
	}
	p.delayMajor ^= otherDelay
	p.tabled = false
	if err := f.tc.queue(replace, p.delayPlace(), "netem", p.delayQueue(f.seed, s).options()); err != nil {
		p.delayMajor ^= otherDelay
		return fmt.Errorf("replace the delay queue: %w", err)
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

// gone returns how much of what was queued before had not left by after. A super-frame is queued as
// one packet, so the bytes are considered too.
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

// readDrops reads the class's drops and counts those since the last time by their cause. While one
// shape replaces another it is unknown which of them dropped a packet; then the likelier cause is
// assumed.
func (p *path) readDrops(f *Fabric, old, now link.Shape) error {
	c, err := f.tc.readClass(p.class())
	if err != nil {
		return fmt.Errorf("read the class: %w", err)
	}
	p.countDrops(c.drops, old, now)
	return nil
}

func (p *path) countDrops(drops uint32, old, now link.Shape) {
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

// counters returns the path's counters, from its class's statistics and those of all queues.
func (p *path) counters(f *Fabric, c statistics, queues map[place]statistics) (link.Counters, error) {
	p.countDrops(c.drops, p.shape, p.shape)
	packets, bytes := c.packets+uint64(c.queued)+p.purged, c.bytes+uint64(c.backlog)+p.purgedLen
	bytes -= min(bytes, etherHeader*packets)
	more, moreLen, err := p.copies.made(f, queues)
	if err != nil {
		return link.Counters{}, err
	}
	n := link.Counters{
		Lost: p.lost, Cut: p.cut + p.purged,
		Overflow: p.unexpected + p.overflow + uint64(queues[place{device: p.to.device, handle: p.delayPlace().handle}].drops),
	}
	n.Packets = packets - min(packets, more) + p.lost + p.cut + n.Overflow
	n.Bytes = bytes - min(bytes, moreLen)
	return n, nil
}
