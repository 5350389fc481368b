package host

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Reset ends every TCP connection between the host and the peers, established or being established,
// as a RST would: whoever reads or writes it gets an error at once. It returns how many there were.
// Each peer gets a RST too if packets pass; if they do not, Reset must be called on the peer as
// well. An error means that some connections may be left.
func (h *Host) Reset(peers ...netip.Addr) (n int, err error) {
	err = h.Do(func() error {
		found, err := connections(peers)
		for _, s := range found {
			if s.State == unix.BPF_TCP_LISTEN || s.State == unix.BPF_TCP_TIME_WAIT || s.State == unix.BPF_TCP_CLOSE {
				continue
			}
			switch e := destroy(s); {
			case e == nil:
				n++
			case !errors.Is(e, unix.ENOENT): // that connection ended by itself meanwhile
				err = errors.Join(err, e)
			}
		}
		return err
	})
	if err != nil {
		return n, fmt.Errorf("reset connections of %s: %w", h.name, err)
	}
	return n, nil
}

// Connections returns how many TCP connections the host has with the peers: established ones, and
// those that are being closed by one side.
func (h *Host) Connections(peers ...netip.Addr) (n int, err error) {
	err = h.Do(func() error {
		found, err := connections(peers)
		for _, s := range found {
			switch s.State {
			case unix.BPF_TCP_ESTABLISHED, unix.BPF_TCP_FIN_WAIT1, unix.BPF_TCP_FIN_WAIT2,
				unix.BPF_TCP_CLOSE_WAIT, unix.BPF_TCP_LAST_ACK, unix.BPF_TCP_CLOSING:
				n++
			}
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count connections of %s: %w", h.name, err)
	}
	return n, nil
}

// dumpTries bounds how often a listing is repeated because the list changed meanwhile.
const dumpTries = 10

// connections returns the TCP sockets in the calling thread's namespace that are connected to one
// of the peers. Sockets of programs that listen on both families appear under IPv6, with mapped
// addresses.
func connections(peers []netip.Addr) (found []*netlink.Socket, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var all []*netlink.Socket
		for range dumpTries {
			if all, err = netlink.SocketDiagTCP(family); !errors.Is(err, netlink.ErrDumpInterrupted) {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("list them: %w", err)
		}
		for _, s := range all {
			if a, ok := netip.AddrFromSlice(s.ID.Destination); ok && slices.Contains(peers, a.Unmap()) {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// destroy ends the socket (SOCK_DESTROY of sock_diag(7)). The request includes the socket's cookie:
// without it, the kernel would pick the listening socket of the same port if the connection has
// just ended.
func destroy(s *netlink.Socket) error {
	req := nl.NewNetlinkRequest(nl.SOCK_DESTROY, unix.NLM_F_ACK)
	req.AddData(destroyRequest{s})
	if _, err := req.Execute(unix.NETLINK_INET_DIAG, 0); err != nil {
		return fmt.Errorf("end the one from %s to %s: %w", s.ID.Source, s.ID.Destination, err)
	}
	return nil
}

// destroyRequest is struct inet_diag_req_v2 of linux/inet_diag.h.
type destroyRequest struct{ s *netlink.Socket }

func (destroyRequest) Len() int { return 56 }

func (r destroyRequest) Serialize() []byte {
	b := make([]byte, r.Len())
	id, native := r.s.ID, nl.NativeEndian()
	b[0], b[1] = r.s.Family, unix.IPPROTO_TCP
	native.PutUint32(b[4:], 1<<r.s.State)
	b[8], b[9] = byte(id.SourcePort>>8), byte(id.SourcePort)
	b[10], b[11] = byte(id.DestinationPort>>8), byte(id.DestinationPort)
	source, destination := id.Source.To16(), id.Destination.To16()
	if r.s.Family == unix.AF_INET {
		source, destination = id.Source.To4(), id.Destination.To4()
	}
	copy(b[12:28], source)
	copy(b[28:44], destination)
	native.PutUint32(b[44:], id.Interface)
	native.PutUint32(b[48:], id.Cookie[0])
	native.PutUint32(b[52:], id.Cookie[1])
	return b
}

// CanReset resets a connection of its own in a namespace of its own. The error says what is
// missing.
func CanReset() error {
	h, err := New("reset")
	if err != nil {
		return err
	}
	defer h.Close()
	err = h.Do(func() error { // a socket connected to itself needs no second socket
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		self := &unix.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}}
		if err := errors.Join(unix.Bind(fd, self), unix.Connect(fd, self)); err != nil {
			return fmt.Errorf("make a connection to reset: %w", err)
		}
		found, err := connections([]netip.Addr{netip.AddrFrom4(self.Addr)})
		if err != nil {
			return err
		}
		for _, s := range found {
			if err := destroy(s); err != nil {
				return err
			}
		}
		if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, unix.ECONNABORTED) {
			return fmt.Errorf("a connection that was reset reads %v", err)
		}
		return nil
	})
	switch {
	case errors.Is(err, syscall.EOPNOTSUPP):
		return errors.New("this kernel cannot reset connections: it lacks CONFIG_INET_DIAG_DESTROY")
	case err != nil:
		return fmt.Errorf("reset a connection: %w", err)
	}
	return nil
}
