package netem

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
)

// enableForwarding makes the calling thread's namespace a router.
func enableForwarding() error {
	for _, s := range []struct{ name, value string }{
		{"ip_forward", "1"},
		{"conf/all/rp_filter", "0"}, // the greater of this and the device's counts
		{"conf/default/rp_filter", "0"},
		{"conf/all/send_redirects", "0"}, // hosts must not learn another route
		{"conf/default/send_redirects", "0"},
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+s.name, []byte(s.value), 0); err != nil {
			return fmt.Errorf("set sysctl net/ipv4/%s: %w", s.name, err)
		}
	}
	return nil
}

// blackhole is the route of packets to unknown addresses: they vanish without an answer, as on the
// user-space fabric.
func blackhole() *netlink.Route {
	return &netlink.Route{Type: unix.RTN_BLACKHOLE, Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}}
}

func addBlackhole(hub *host.Host) error {
	return inside(hub, func(nl *netlink.Handle) error {
		if err := nl.RouteReplace(blackhole()); err != nil {
			return fmt.Errorf("add the blackhole route: %w", err)
		}
		return nil
	})
}

func removeBlackhole(hub *host.Host) error {
	return ignoreGone(inside(hub, func(nl *netlink.Handle) error { return nl.RouteDel(blackhole()) }))
}

// inside runs f in the host's namespace; it fails if the host is closed. Using a closed netlink
// handle instead would act on the caller's namespace.
func inside(h *host.Host, f func(*netlink.Handle) error) error {
	return h.Do(func() error { return f(h.Netlink()) })
}

// deviceOf returns the index of the router's end of a cable.
func deviceOf(hub *host.Host, name string) (index int, err error) {
	err = inside(hub, func(nl *netlink.Handle) error {
		l, err := nl.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find device %s: %w", name, err)
		}
		index = l.Attrs().Index
		return nil
	})
	return index, err
}

// connect makes the host reachable: every end of the router acts as the hosts' gateway, and
// addresses need no ARP.
func connect(hub *host.Host, p *port) error {
	return inside(hub, func(nl *netlink.Handle) error { return configurePort(nl, p) })
}

func configurePort(nl *netlink.Handle, p *port) error {
	end := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: p.Interface, Index: p.device}}
	if err := nl.LinkSetHardwareAddr(end, host.GatewayMAC); err != nil {
		return fmt.Errorf("set the gateway's MAC: %w", err)
	}
	for _, name := range []string{"rp_filter", "send_redirects"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+p.Interface+"/"+name, []byte("0"), 0); err != nil {
			return fmt.Errorf("set sysctl %s of %s: %w", name, p.Interface, err)
		}
	}
	if err := nl.NeighAdd(&netlink.Neigh{
		LinkIndex: p.device, Family: unix.AF_INET, State: netlink.NUD_PERMANENT, IP: p.Addr.AsSlice(), HardwareAddr: p.MAC,
	}); err != nil {
		return fmt.Errorf("add the neighbour entry: %w", err)
	}
	if err := nl.RouteAdd(routeTo(p)); err != nil {
		return fmt.Errorf("add the route: %w", err)
	}
	return nil
}

func routeTo(p *port) *netlink.Route {
	return &netlink.Route{LinkIndex: p.device, Scope: unix.RT_SCOPE_LINK, Dst: &net.IPNet{IP: p.Addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
}

// removeRoute removes the route to the host, which may be gone with its host.
func removeRoute(hub *host.Host, p *port) error {
	return ignoreGone(inside(hub, func(nl *netlink.Handle) error { return nl.RouteDel(routeTo(p)) }))
}

// ignoreGone drops errors about things that no longer exist, or about a closed host.
func ignoreGone(err error) error {
	for _, e := range []error{unix.ESRCH, unix.ENODEV, unix.ENOENT, host.ErrClosed} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// segmentation is whether a host may send super-frames.
type segmentation struct {
	host *host.Host
	most uint32 // the original limit on segments of a super-frame
	wire bool   // whether the host sends wire packets only
}

func segmentationOf(p host.Port) (segmentation, error) {
	h := p.Host()
	if h == nil {
		return segmentation{}, errors.New("the port has no host: join it in this process")
	}
	s := segmentation{host: h}
	err := inside(h, func(nl *netlink.Handle) error {
		l, err := nl.LinkByName(host.Interface)
		if err != nil {
			return fmt.Errorf("find %s: %w", host.Interface, err)
		}
		s.most = l.Attrs().GSOMaxSegs
		return nil
	})
	return s, err
}

// set makes the host send wire packets only, or super-frames as before. A buffer that exceeds the
// device's limit is split when it is sent; connections made meanwhile keep to the limit.
func (s *segmentation) set(wire bool) error {
	if s.wire == wire {
		return nil
	}
	n := int(s.most)
	if wire {
		n = 1
	}
	err := inside(s.host, func(nl *netlink.Handle) error {
		l, err := nl.LinkByName(host.Interface)
		if err != nil {
			return fmt.Errorf("find %s: %w", host.Interface, err)
		}
		return nl.LinkSetGSOMaxSegs(l, n)
	})
	if err == nil {
		s.wire = wire
	}
	return err
}

func (s *segmentation) restore() error { return ignoreGone(s.set(false)) }
