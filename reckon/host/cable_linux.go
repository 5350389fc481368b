package host

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Unplug takes the host's end of its cable down. No packet leaves the host or reaches it, and local
// senders get an error at once. Connections and traffic inside the host are unaffected.
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
		return fmt.Errorf("plug in %s: %w", h.name, err)
	}
	return nil
}

// Plugged reports whether the host's end of its cable is up.
func (h *Host) Plugged() (bool, error) {
	eth0, err := h.netlink.LinkByName(Interface)
	if err != nil {
		return false, fmt.Errorf("read the state of eth0 of %s: %w", h.name, err)
	}
	return eth0.Attrs().Flags&net.FlagUp != 0, nil
}

// open brings the interface up and restores the neighbour entry and the default route, which the
// kernel removes when an interface goes down. The addresses remain.
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
