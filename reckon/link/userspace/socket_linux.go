package userspace

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
)

// A socket is a packet socket on the hub's end of a host's cable.
type socket struct{ fd int }

// bufferSize is the size of a socket's queues where the kernel allows it; an ordinary user gets
// net.core.rmem_max.
const bufferSize = 32 << 20

func openSocket(p host.Port) (*socket, error) {
	// Protocol 0 receives nothing yet. Binding a socket that already receives would wait for every
	// processor.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	s := &socket{fd}
	if err := s.prepare(p.Interface); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) prepare(name string) error {
	for _, o := range []struct {
		name          string
		level, option int
	}{
		{"PACKET_VNET_HDR", unix.SOL_PACKET, unix.PACKET_VNET_HDR},               // without it checksums are missing
		{"PACKET_IGNORE_OUTGOING", unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING}, // not what the switch itself sent
		{"PACKET_QDISC_BYPASS", unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS},       // a veth has no queue anyway
		{"SO_TIMESTAMPNS", unix.SOL_SOCKET, unix.SO_TIMESTAMPNS},                 // when the kernel received it
	} {
		if err := unix.SetsockoptInt(s.fd, o.level, o.option, 1); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	s.enlarge(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	s.enlarge(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	index, err := s.interfaceIndex(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	// Only IPv4: nothing else is carried, counted or drawn for.
	return unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_IP), Ifindex: index})
}

// stopReceiving makes the socket receive nothing more, and discards what it has received.
func (s *socket) stopReceiving() error {
	var drop [1]unix.SockFilter // one instruction: return 0 bytes of every packet
	drop[0] = unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	if err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]}); err != nil {
		return fmt.Errorf("attach a filter: %w", err)
	}
	for b := make([]byte, 1); ; {
		if _, err := unix.Read(s.fd, b); err != nil {
			return nil // nothing is left
		}
	}
}

// interfaceIndex asks the kernel for this one interface; package net would list them all.
func (s *socket) interfaceIndex(name string) (int, error) {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFINDEX, r); err != nil {
		return 0, err
	}
	return int(r.Uint32()), nil
}

// enlarge requests the largest buffer that is allowed; what does not fit is counted as Overflow.
func (s *socket) enlarge(force, ask int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, force, bufferSize) != nil {
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, ask, bufferSize)
	}
}

func htons(v uint16) uint16 { return v<<8 | v>>8 } // amd64 and arm64 are little-endian

// drops returns how many frames the kernel dropped since the last call because the socket's queue
// was full.
func (s *socket) drops() uint64 {
	st, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return uint64(st.Drops)
}

func (s *socket) close() { unix.Close(s.fd) }

// send delivers the frame without waiting, and reports whether it could.
func (s *socket) send(frame []byte) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(s.fd), uintptr(unsafe.Pointer(&frame[0])), uintptr(len(frame)))
	return errno == 0
}

// batch is how many frames are read at once: few enough that reading does not delay packets that
// become due.
const batch = 16

// A reader reads several frames at once from any socket, into buffers that the next read reuses.
type reader struct {
	headers  [batch]mmsghdr
	vectors  [batch]unix.Iovec
	controls [batch][64]byte // room for the timestamp
	frames   [batch][]byte
}

type mmsghdr struct {
	unix.Msghdr
	len uint32
	_   [4]byte
}

func newReader() *reader {
	r := &reader{}
	for i := range r.frames {
		r.frames[i] = make([]byte, maxFrame)
		r.vectors[i].Base = &r.frames[i][0]
		r.vectors[i].SetLen(maxFrame)
		r.headers[i].Iov = &r.vectors[i]
		r.headers[i].SetIovlen(1)
		r.headers[i].Control = &r.controls[i][0]
	}
	return r
}

// read returns how many frames it read; 0 if there are none.
func (r *reader) read(s *socket) (int, error) {
	for i := range r.headers {
		r.headers[i].SetControllen(len(r.controls[i]))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&r.headers[0])), batch, unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
	switch {
	case errno == 0:
		return int(n), nil
	case errors.Is(errno, unix.EAGAIN), errors.Is(errno, unix.EINTR), errors.Is(errno, unix.ENETDOWN):
		return 0, nil
	}
	return 0, errno
}

// frame returns the i-th frame read; nil if it did not fit.
func (r *reader) frame(i int) []byte {
	n := int(r.headers[i].len)
	if n > maxFrame {
		return nil
	}
	return r.frames[i][:n]
}

// stamp returns when the kernel received the i-th frame, in nanoseconds of the wall clock; 0 if
// unknown.
func (r *reader) stamp(i int) int64 {
	h := &r.headers[i]
	if int(h.Controllen) < unix.CmsgSpace(16) {
		return 0
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(h.Control))
	if c.Level != unix.SOL_SOCKET || c.Type != unix.SO_TIMESTAMPNS {
		return 0
	}
	ts := (*unix.Timespec)(unsafe.Pointer(&r.controls[i][unix.CmsgLen(0)]))
	return ts.Nano()
}
