package userspace

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A port is the switch's end of one host's cable.
type port struct {
	host.Port
	mac    [6]byte
	index  int
	socket *socket
	paths  []*path // by the index of the port they lead to; nil until the first packet or shape
	drops  uint64  // by the kernel, because the socket's queue was full
}

// path returns the path between two ports, and makes it on first use.
func (s *vswitch) path(from, to *port) *path {
	for len(from.paths) <= to.index {
		from.paths = append(from.paths, nil)
	}
	p := from.paths[to.index]
	if p == nil {
		p = newPath(link.Path{From: from.Name, To: to.Name}, to.index, s.seed)
		from.paths[to.index] = p
	}
	return p
}

// attach adds a port for each host, or none at all.
func (s *vswitch) attach(ports []host.Port) error {
	added := make([]*port, 0, len(ports))
	err := func() error {
		for _, hp := range ports {
			p, err := s.attachPort(hp)
			if err != nil {
				return fmt.Errorf("attach %s: %w", hp.Name, err)
			}
			added = append(added, p)
		}
		return nil
	}()
	if err == nil {
		return nil
	}
	for _, p := range added {
		p.socket.close()
		delete(s.byAddr, p.Addr.As4())
		delete(s.byName, p.Name)
	}
	s.ports = s.ports[:len(s.ports)-len(added)]
	return err
}

func (s *vswitch) attachPort(hp host.Port) (*port, error) {
	switch {
	case !hp.Addr.Is4() || len(hp.MAC) != 6:
		return nil, fmt.Errorf("address %s, MAC %q: must be IPv4 and 6 bytes", hp.Addr, hp.MAC)
	case s.byName[hp.Name] != nil:
		return nil, fmt.Errorf("a host of that name is attached")
	case s.byAddr[hp.Addr.As4()] != nil:
		return nil, fmt.Errorf("address %s is %s's", hp.Addr, s.byAddr[hp.Addr.As4()].Name)
	}
	p := &port{Port: hp, mac: [6]byte(hp.MAC), index: len(s.ports)}
	var err error
	if p.socket, err = openSocket(hp); err != nil {
		return nil, err
	}
	if err := s.watch(p.socket.fd, p.index, unix.EPOLLIN); err != nil {
		p.socket.close()
		return nil, err
	}
	s.ports = append(s.ports, p)
	s.byName[hp.Name] = p
	s.byAddr[hp.Addr.As4()] = p
	return p, nil
}

// apply reshapes the paths, or none at all.
func (s *vswitch) apply(m link.Matrix) error {
	if err := m.Validate(); err != nil {
		return err
	}
	for name := range m {
		for _, h := range []string{name.From, name.To} {
			if s.byName[h] == nil {
				return fmt.Errorf("path %s: no host %s is attached", name, h)
			}
		}
	}
	cuts := false
	for name, shape := range m {
		p := s.path(s.byName[name.From], s.byName[name.To])
		before := p.waits()
		p.reshape(shape)
		s.delaying += btoi(p.waits()) - btoi(before)
		cuts = cuts || shape.Cut
	}
	if cuts {
		s.dropCut()
	}
	s.setRealtime(s.delaying > 0)
	return nil
}

// dropCut drops the queued packets of paths that are cut.
func (s *vswitch) dropCut() {
	s.queue.remove(func(x *packet) bool {
		if !x.path.shape.Cut {
			return false
		}
		x.path.counters.Cut += x.wire
		s.release(x)
		return true
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
