package network

import (
	"slices"

	"github.com/reckon-bench/reckon/reckon/link"
)

// This file is the network's test face. Shapes, cuts among them, are laid through Apply.

// pathFace is what has been done to one path.
type pathFace struct {
	holds  int
	kept   []Packet
	ignore int
}

// intercept does with the packet what the test face was asked to do, and reports whether that was the end of it.
func (r *route) intercept(p Packet) (taken bool) {
	switch {
	case r.ignore > 0:
		r.ignore--
		return true
	case r.holds > 0:
		r.kept = append(r.kept, p)
		return true
	}
	return false
}

// Hold keeps what is sent on the path from now on, until release is called as often as Hold was. Then all of it
// is sent, in the order in which it was kept.
func (n *Network) Hold(path link.Path) (release func(), err error) {
	r, err := n.route(path)
	if err != nil {
		return nil, err
	}
	r.holds++
	done := false
	return func() {
		if done {
			return
		}
		done = true
		if r.holds--; r.holds > 0 {
			return
		}
		kept := r.kept
		r.kept = nil
		for _, p := range kept {
			n.carry(r, p, leastRetry, 0)
		}
	}, nil
}

// Kept returns what the path holds, oldest first.
func (n *Network) Kept(path link.Path) []Packet {
	r, err := n.route(path)
	if err != nil {
		return nil
	}
	return slices.Clone(r.kept)
}

// InFlight returns how many packets are on their way on the path.
func (n *Network) InFlight(path link.Path) int {
	r, err := n.route(path)
	if err != nil {
		return 0
	}
	return r.flying
}

// DeliverNow delivers the i-th packet that the path holds, past all others and whatever its shape says.
func (n *Network) DeliverNow(path link.Path, i int) bool {
	r, err := n.route(path)
	if err != nil || i < 0 || i >= len(r.kept) {
		return false
	}
	p := r.kept[i]
	r.kept = slices.Delete(r.kept, i, i+1)
	n.arrive(r, p, n.loop.Now())
	return true
}

// Reorder turns the order of what the path holds around.
func (n *Network) Reorder(path link.Path) {
	if r, err := n.route(path); err == nil {
		slices.Reverse(r.kept)
	}
}

// IgnoreNext drops the next packets that are sent on the path.
func (n *Network) IgnoreNext(path link.Path, packets int) error {
	r, err := n.route(path)
	if err == nil {
		r.ignore += packets
	}
	return err
}

// Inject delivers a packet that its sender never sent, after the delay of its path: a false message, or a true one once more. It
// arrives even where the path is cut.
func (n *Network) Inject(p Packet) {
	r := n.paths[p.From][p.To]
	n.arrive(r, p, n.loop.Now()+r.shape.Delay)
}

// InjectNow is Inject without the delay.
func (n *Network) InjectNow(p Packet) { n.arrive(n.paths[p.From][p.To], p, n.loop.Now()) }
