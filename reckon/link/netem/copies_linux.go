package netem

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/link"
)

// copies is where a path's packets are duplicated: an intermediate device with a netem queue of its
// own, which returns the packets that it gets, some of them twice, to where they came from. It
// stays in place, duplicating nothing, when the shape no longer duplicates.
type copies struct {
	device int
	name   string
	filter *netlink.U32 // sends the path's packets through the device
}

func (c *copies) queue() place {
	return place{device: c.device, handle: root, parent: netlink.HANDLE_ROOT}
}

// duplicate applies the shape's duplication.
func (f *Fabric) duplicate(p *path, s link.Shape) error {
	if duplicatePart(s) == duplicatePart(p.shape) && (!p.uncertain || p.copies == nil) {
		return nil
	}
	q := queue{shape: duplicatePart(s), limit: ceiling, seed: p.draw(f.seed, "copies")}
	if p.copies != nil {
		if err := f.tc.queue(change, p.copies.queue(), "netem", q.options()); err != nil {
			return fmt.Errorf("change the queue that duplicates: %w", err)
		}
		return nil
	}
	c, err := f.newCopies(p, q)
	if err != nil {
		return fmt.Errorf("duplicate, for which netem needs ifb, clsact and act_mirred: %w", err)
	}
	p.copies = c
	return nil
}

// copiesQueueLength is the device's own queue, in packets; nothing waits there.
const copiesQueueLength = 1000

func (f *Fabric) newCopies(p *path, q queue) (*copies, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprintf("copy-%d-%d", p.from.index, p.to.index)
	attrs.TxQLen = copiesQueueLength
	c := &copies{name: attrs.Name}
	err := inside(f.hub, func(nl *netlink.Handle) error {
		if err := nl.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
			return fmt.Errorf("add the ifb device: %w", err)
		}
		l, err := nl.LinkByName(attrs.Name)
		if err != nil {
			return fmt.Errorf("find the ifb device: %w", err)
		}
		c.device = l.Attrs().Index
		if err := f.route(nl, p, c, q); err != nil {
			return errors.Join(err, nl.LinkDel(l))
		}
		return nil
	})
	return c, err
}

// route sends the path's packets through the device.
func (f *Fabric) route(nl *netlink.Handle, p *path, c *copies, q queue) error {
	if err := f.tc.queue(create, c.queue(), "netem", q.options()); err != nil {
		return fmt.Errorf("add the queue that duplicates: %w", err)
	}
	if err := nl.LinkSetUp(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: c.name, Index: c.device}}); err != nil {
		return fmt.Errorf("bring the ifb device up: %w", err)
	}
	clsact := place{device: p.to.device, handle: 0xffff << 16, parent: netlink.HANDLE_CLSACT}
	if err := f.tc.queue(create, clsact, "clsact", nil); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add clsact: %w", err)
	}
	filter := bySource(p.from, p.to.device, netlink.HANDLE_MIN_EGRESS, 0)
	filter.Priority = uint16(p.from.index + 1) // unique, to find the filter again
	filter.Actions = []netlink.Action{netlink.NewMirredAction(c.device)}
	if err := nl.FilterAdd(filter); err != nil {
		return fmt.Errorf("add the filter: %w", err)
	}
	c.filter = filter
	return nil
}

// made returns how many packets and bytes were added by duplication: those that left the device
// less those that entered it. It is exact if no packet passes while it is read.
func (c *copies) made(f *Fabric, queues map[place]statistics) (packets, bytes uint64, err error) {
	if c == nil {
		return 0, 0, nil
	}
	out := queues[place{device: c.device, handle: root}]
	var filters []netlink.Filter
	err = inside(f.hub, func(nl *netlink.Handle) (err error) {
		l := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: c.filter.LinkIndex}}
		filters, err = nl.FilterList(l, c.filter.Parent)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("list filters: %w", err)
	}
	for _, x := range filters {
		u, ok := x.(*netlink.U32)
		if !ok || u.Priority != c.filter.Priority || len(u.Actions) == 0 || u.Actions[0].Attrs().Statistics == nil {
			continue
		}
		in := u.Actions[0].Attrs().Statistics.Basic
		return out.packets - min(out.packets, uint64(in.Packets)), out.bytes - min(out.bytes, in.Bytes), nil
	}
	return 0, 0, errors.New("the filter that sends packets to be duplicated is gone")
}

// remove deletes the device. The filter is deleted with its clsact.
func (c *copies) remove(f *Fabric) error {
	if c == nil {
		return nil
	}
	err := f.tc.remove(place{device: c.filter.LinkIndex, handle: 0xffff << 16, parent: netlink.HANDLE_CLSACT})
	return errors.Join(err, ignoreGone(inside(f.hub, func(nl *netlink.Handle) error {
		return nl.LinkDel(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: c.name, Index: c.device}})
	})))
}
