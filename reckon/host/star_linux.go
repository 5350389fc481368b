package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Seat is a host's name and its IPv4 address at a hub.
type Seat struct {
	Name string
	Addr netip.Addr
}

// A Port describes where a host is joined to its hub.
type Port struct {
	Name      string           // of the host
	Addr      netip.Addr       // of the host
	Interface string           // the hub's end
	MAC       net.HardwareAddr // of the host's end

	host *Host
}

// Host returns the host itself; nil for a port that was not joined in this process.
func (p Port) Host() *Host { return p.host }

// Interface is the name of the host's end of its cable.
const Interface = "eth0"

// Every host sends everything to the one gateway, which has a permanent neighbour entry. So nothing
// is ever resolved by ARP, and the first packet is as fast as any other. A router namespace gives
// the hub's ends this MAC address; a switch in user space reads the frames whatever their address.
var (
	Gateway    = netip.MustParseAddr("169.254.1.1")
	GatewayMAC = net.HardwareAddr{0x02, 0x72, 0x65, 0x63, 0x6b, 0x6e}
)

// MTU is the MTU of every cable, in bytes.
const MTU = 1500

// queueLength is the transmit queue length of both ends of a cable, in packets. A veth has no queue
// of its own, but a queueing discipline attached later takes its limit from this.
const queueLength = 1000

// Star makes a host for every seat, and joins each to the hub by a cable: a veth pair with eth0 in
// the host and an interface with the host's name in the hub. It makes the hosts concurrently, and
// all of them or none.
func Star(hub *Host, seats []Seat) ([]*Host, error) {
	hosts := make([]*Host, len(seats))
	err := each(len(seats), func(i int) (err error) {
		if hosts[i], err = New(seats[i].Name); err != nil {
			return err
		}
		return hosts[i].join(hub, seats[i].Addr)
	})
	if err == nil {
		err = hub.awaitCables(hosts)
	}
	if err != nil {
		for _, h := range hosts {
			if h != nil {
				err = errors.Join(err, h.Close())
			}
		}
		return nil, err
	}
	return hosts, nil
}

// join makes the cable and configures the host's end.
func (h *Host) join(hub *Host, addr netip.Addr) error {
	if !addr.Is4() {
		return fmt.Errorf("join %s to %s: address %s: must be IPv4", h.name, hub.name, addr)
	}
	port := Port{Name: h.name, Addr: addr, Interface: h.name, MAC: macOf(addr), host: h}
	if err := hub.netlink.LinkAdd(cable(port, h)); err != nil {
		return fmt.Errorf("join %s to %s: make the cable: %w", h.name, hub.name, err)
	}
	if err := h.address(addr); err != nil {
		return fmt.Errorf("join %s to %s: %w", h.name, hub.name, err)
	}
	h.port, h.hub = port, hub
	return nil
}

// macOf returns a locally administered MAC address that is as unique as the IPv4 address.
func macOf(addr netip.Addr) net.HardwareAddr {
	a := addr.As4()
	return net.HardwareAddr{0x02, 0x00, a[0], a[1], a[2], a[3]}
}

// cable returns the veth pair as the hub sees it: its own end, which is up, and the host's end as
// the peer.
func cable(p Port, h *Host) netlink.Link {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = p.Interface
	attrs.MTU = MTU
	attrs.TxQLen = queueLength
	attrs.Flags = net.FlagUp
	return &netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         Interface,
		PeerHardwareAddr: p.MAC,
		PeerNamespace:    netlink.NsFd(int(h.ns.Fd())),
		PeerTxQLen:       queueLength,
		PeerMTU:          MTU,
	}
}

// address gives the host's end its address, and the gateway as its default route.
func (h *Host) address(addr netip.Addr) error {
	eth0, err := h.netlink.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	self := &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	if err := h.netlink.AddrAdd(eth0, self); err != nil {
		return fmt.Errorf("add address %s: %w", addr, err)
	}
	return h.open(eth0)
}

// gatewayNeighbour is the permanent neighbour entry of the gateway.
func gatewayNeighbour(index int) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex:    index,
		Family:       unix.AF_INET,
		State:        netlink.NUD_PERMANENT,
		IP:           Gateway.AsSlice(),
		HardwareAddr: GatewayMAC,
	}
}

// gatewayRoute is the host's default route.
func gatewayRoute(index int) *netlink.Route {
	return &netlink.Route{
		LinkIndex: index,
		Dst:       &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)},
		Gw:        Gateway.AsSlice(),
		Flags:     int(netlink.FLAG_ONLINK),
	}
}

// cableTime bounds the wait for the kernel to report that both ends of a cable are up.
const cableTime = 5 * time.Second

// awaitCables waits until the hub's ends carry packets. The host's end was brought up last and
// carries them at once; the hub's end drops everything until the kernel's link watch has run.
func (h *Host) awaitCables(hosts []*Host) error {
	deadline := time.Now().Add(cableTime)
	for {
		links, err := h.netlink.LinkList()
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // interrupted by a change: list again
			return fmt.Errorf("list the cables of %s: %w", h.name, err)
		}
		up := map[string]bool{}
		for _, l := range links {
			up[l.Attrs().Name] = l.Attrs().OperState == netlink.OperUp
		}
		down := ""
		for _, x := range hosts {
			if !up[x.port.Interface] {
				down = x.name
			}
		}
		if down == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("join %s to %s: the cable is not up after %v", down, h.name, cableTime)
		}
		time.Sleep(200 * time.Microsecond)
	}
}
