package host

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Unplug takes the host's end of its cable down. Nothing leaves the host or reaches it any more, and who
// sends from there is told so at once. Its connections stay, and so does what is local to it.
func (h *Host) Unplug() error {
	eth0, err := h.netlink.LinkByName(Interface)
	if err == nil {
		err = h.netlink.LinkSetDown(eth0)
	}
	if err != nil {
		return fmt.Errorf("unplug %s: %w", h.name, err)
	}
	return nil
}

// Plug undoes Unplug, and returns when the cable carries packets both ways.
func (h *Host) Plug() error {
	eth0, err := h.netlink.LinkByName(Interface)
	if err == nil {
		err = h.open(eth0)
	}
	if err == nil {
		err = h.hub.awaitCables([]*Host{h})
	}
	if err != nil {
		return fmt.Errorf("plug %s in: %w", h.name, err)
	}
	return nil
}

// Plugged says whether the host's end of its cable is up.
func (h *Host) Plugged() (bool, error) {
	eth0, err := h.netlink.LinkByName(Interface)
	if err != nil {
		return false, fmt.Errorf("look at eth0 of %s: %w", h.name, err)
	}
	return eth0.Attrs().Flags&net.FlagUp != 0, nil
}

// open brings the interface up, and gives it the way out of the host, which the kernel forgets when an
// interface goes down. Its addresses it keeps.
func (h *Host) open(eth0 netlink.Link) error {
	if err := h.netlink.LinkSetUp(eth0); err != nil {
		return fmt.Errorf("bring eth0 up: %w", err)
	}
	index := eth0.Attrs().Index
	if err := h.netlink.NeighSet(gatewayNeighbour(index)); err != nil {
		return fmt.Errorf("add the gateway's neighbour entry: %w", err)
	}
	if err := h.netlink.RouteReplace(gatewayRoute(index)); err != nil {
		return fmt.Errorf("add the default route: %w", err)
	}
	return nil
}
