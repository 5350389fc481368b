package netem

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
)

// A tc configures a namespace's traffic control by rtnetlink(7), and reads its statistics. The
// netlink library supports neither seeds, nor burst loss, nor tables, and omits zeros, so queues
// and classes are encoded here.
type tc struct {
	socket *nl.NetlinkSocket
	handle *nl.SocketHandle
}

// answerTime bounds the wait for the kernel's answer, which is immediate unless something is badly
// wrong.
const answerTime = 10 * time.Second

func openTC(h *host.Host) (*tc, error) {
	var s *nl.NetlinkSocket
	err := h.Do(func() (err error) {
		s, err = nl.Subscribe(unix.NETLINK_ROUTE) // to nothing: a socket that is in this namespace
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	timeout := unix.NsecToTimeval(int64(answerTime))
	err = errors.Join(s.SetSendTimeout(&timeout), s.SetReceiveTimeout(&timeout), s.SetExtAck(true))
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("prepare netlink: %w", err)
	}
	return &tc{socket: s, handle: &nl.SocketHandle{Socket: s}}, nil
}

func (t *tc) close() { t.socket.Close() }

// A place locates a queue or class: its device, its handle, and its parent's handle.
type place struct {
	device         int
	handle, parent uint32
}

const (
	create  = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	replace = unix.NLM_F_CREATE | unix.NLM_F_REPLACE // by a queue with another handle: what the old one holds is dropped
	change  = 0                                      // in place: what the queue holds stays
)

// queue adds, replaces or changes a queue.
func (t *tc) queue(flags int, p place, kind string, options []byte) error {
	return t.execute(unix.RTM_NEWQDISC, flags, p, kind, options)
}

// class adds a class.
func (t *tc) class(p place, kind string, options []byte) error {
	return t.execute(unix.RTM_NEWTCLASS, create, p, kind, options)
}

// remove deletes a queue and everything in it. It is no error if there is none.
func (t *tc) remove(p place) error {
	err := t.execute(unix.RTM_DELQDISC, 0, p, "", nil)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil // the device is gone, with its host; or there is only the kernel's default
	}
	return err
}

func (t *tc) execute(command, flags int, p place, kind string, options []byte) error {
	req := t.request(command, flags|unix.NLM_F_ACK, p)
	if kind != "" {
		req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(kind)))
	}
	if options != nil {
		req.AddData(nl.NewRtAttr(nl.TCA_OPTIONS, options))
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

func (t *tc) request(command, flags int, p place) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(command, flags)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: t.handle}
	req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(p.device), Handle: p.handle, Parent: p.parent})
	return req
}

// readClass reads the statistics of a class.
func (t *tc) readClass(p place) (statistics, error) {
	return t.readOne(unix.RTM_GETTCLASS, unix.RTM_NEWTCLASS, p)
}

// readQueue reads the statistics of a queue.
func (t *tc) readQueue(p place) (statistics, error) {
	return t.readOne(unix.RTM_GETQDISC, unix.RTM_NEWQDISC, p)
}

func (t *tc) readOne(command int, answer uint16, p place) (statistics, error) {
	// Without this flag the kernel answers only subscribers to all changes.
	messages, err := t.request(command, unix.NLM_F_ECHO, p).Execute(unix.NETLINK_ROUTE, answer)
	switch {
	case err != nil:
		return statistics{}, err
	case len(messages) != 1:
		return statistics{}, fmt.Errorf("%d answers, want 1", len(messages))
	}
	return parse(messages[0])
}

// dumpTries bounds how often a listing is repeated because a change interrupted it.
const dumpTries = 100

// classes returns the classes of a device.
func (t *tc) classes(device int) ([]statistics, error) {
	return t.list(unix.RTM_GETTCLASS, unix.RTM_NEWTCLASS, place{device: device})
}

// queues returns the queues of all devices.
func (t *tc) queues() ([]statistics, error) {
	return t.list(unix.RTM_GETQDISC, unix.RTM_NEWQDISC, place{})
}

func (t *tc) list(command int, answer uint16, p place) (all []statistics, err error) {
	for range dumpTries {
		var messages [][]byte
		messages, err = t.request(command, unix.NLM_F_DUMP, p).Execute(unix.NETLINK_ROUTE, answer)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			s, err := parse(m)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		return all, nil
	}
	return nil, err
}

// statistics are the statistics of a queue or class, and its place. Packets and bytes are those
// that left it; a class counts the packets that its queue refused as drops. Bytes include the
// Ethernet header.
type statistics struct {
	place
	packets, bytes         uint64
	queued, backlog, drops uint32 // packets, bytes, packets
	seed                   uint64 // of a netem queue; 0 where the kernel has none
}

var errShort = errors.New("the kernel's answer is too short")

// parse reads the kernel's description of a queue or class: struct tcmsg and attributes.
func parse(m []byte) (s statistics, err error) {
	if len(m) < nl.SizeofTcMsg {
		return s, errShort
	}
	head := nl.DeserializeTcMsg(m)
	s.place = place{device: int(head.Ifindex), handle: head.Handle, parent: head.Parent}
	kind := ""
	err = eachAttribute(m[nl.SizeofTcMsg:], func(name uint16, data []byte) error {
		switch name {
		case nl.TCA_KIND:
			kind = unix.ByteSliceToString(data)
		case nl.TCA_OPTIONS:
			const fixed = 24 // struct tc_netem_qopt
			if kind == "netem" && len(data) >= fixed {
				return eachAttribute(data[fixed:], s.option)
			}
		case nl.TCA_STATS2:
			return eachAttribute(data, s.statistic)
		}
		return nil
	})
	return s, err
}

// option reads an option of a netem queue.
func (s *statistics) option(name uint16, data []byte) error {
	if name == attrSeed && len(data) >= 8 {
		s.seed = binary.NativeEndian.Uint64(data)
	}
	return nil
}

// statistic reads one attribute of gen_stats.h.
func (s *statistics) statistic(name uint16, data []byte) error {
	native := binary.NativeEndian
	switch {
	case name == nl.TCA_STATS_BASIC && len(data) >= 12:
		s.bytes, s.packets = native.Uint64(data), max(s.packets, uint64(native.Uint32(data[8:])))
	case name == nl.TCA_STATS_PKT64 && len(data) >= 8: // present only if 32 bits do not suffice
		s.packets = max(s.packets, native.Uint64(data))
	case name == nl.TCA_STATS_QUEUE && len(data) >= 12:
		s.queued, s.backlog, s.drops = native.Uint32(data), native.Uint32(data[4:]), native.Uint32(data[8:])
	case name == nl.TCA_STATS_BASIC || name == nl.TCA_STATS_PKT64 || name == nl.TCA_STATS_QUEUE:
		return errShort
	}
	return nil
}

// eachAttribute calls f for every attribute in b.
func eachAttribute(b []byte, f func(name uint16, data []byte) error) error {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return errShort
		}
		const flags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
		if err := f(binary.NativeEndian.Uint16(b[2:])&^flags, b[4:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}
