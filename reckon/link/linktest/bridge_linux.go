package linktest

import (
	"context"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A bridge is the kernel's own switch: what hosts would have without any emulation. It applies no
// shapes; benchmarks compare a fabric with it, in the same minute on the same machine.
type bridge struct{ hub *host.Host }

// startBridge starts n hosts on a bridge.
func (l *Lab) startBridge(n int) {
	l.setup.Start = func(hub *host.Host, _ uint64) (Fabric, error) { return &bridge{hub}, nil }
	l.start(testSeed, n)
	for _, from := range l.hosts {
		for _, to := range l.hosts {
			if from != to {
				l.must("introduce "+from.Name()+" to "+to.Name(), introduce(from, to.Port()))
			}
		}
	}
}

func (b *bridge) Attach(_ context.Context, ports []host.Port) error {
	nl := b.hub.Netlink()
	br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge"}}
	if err := nl.LinkAdd(br); err != nil {
		return err
	}
	if err := nl.LinkSetUp(br); err != nil {
		return err
	}
	for _, p := range ports {
		end, err := nl.LinkByName(p.Interface)
		if err == nil {
			err = nl.LinkSetMaster(end, br)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// introduce makes a host reachable for another on the same wire, without the gateway that fabrics
// stand for.
func introduce(from *host.Host, to host.Port) error {
	nl := from.Netlink()
	eth0, err := nl.LinkByName("eth0")
	if err != nil {
		return err
	}
	index := eth0.Attrs().Index
	neigh := &netlink.Neigh{LinkIndex: index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT, IP: to.Addr.AsSlice(), HardwareAddr: to.MAC}
	if err := nl.NeighAdd(neigh); err != nil {
		return err
	}
	dst := &net.IPNet{IP: to.Addr.AsSlice(), Mask: net.CIDRMask(32, 32)}
	return nl.RouteAdd(&netlink.Route{LinkIndex: index, Dst: dst, Scope: netlink.SCOPE_LINK})
}

func (b *bridge) Apply(context.Context, link.Matrix) error                      { return nil }
func (b *bridge) Counters(context.Context) (map[link.Path]link.Counters, error) { return nil, nil }
func (b *bridge) Close() error                                                  { return nil }
