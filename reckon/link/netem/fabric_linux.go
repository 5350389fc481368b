package netem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Fabric is a router namespace whose queues shape the paths. It is safe for concurrent use.
type Fabric struct {
	hub    *host.Host
	seed   uint64
	kernel kernel

	mu    sync.Mutex
	tc    *tc // nil once closed
	ports []*port
	paths map[link.Path]*path
}

var _ link.Fabric = (*Fabric)(nil)

// A port is the router's end of one host's cable.
type port struct {
	host.Port
	index          int // from 0, in the order of attachment
	device         int // the router's end of its cable
	perPacketPaths int // paths from it that decide about each packet
	segment        segmentation
}

// maxPorts is how many hosts a fabric can have: queue handles are 16-bit numbers, and each path
// needs three.
const maxPorts = 0x3000

// Start makes the hub a router without hosts. Every chance that the kernel draws from a seed
// derives from the given one. Start fails if the kernel lacks something that the fabric needs (see
// Available).
func Start(hub *host.Host, seed uint64) (*Fabric, error) {
	f, err := start(hub, seed)
	if err != nil {
		return nil, fmt.Errorf("start netem: %w", err)
	}
	return f, nil
}

func start(hub *host.Host, seed uint64) (*Fabric, error) {
	k, err := examine()
	if err != nil {
		return nil, err
	}
	if err := hub.Do(enableForwarding); err != nil {
		return nil, err
	}
	if err := addBlackhole(hub); err != nil {
		return nil, err
	}
	t, err := openTC(hub)
	if err != nil {
		return nil, err
	}
	return &Fabric{hub: hub, seed: seed, kernel: k, tc: t, paths: map[link.Path]*path{}}, nil
}

var errClosed = errors.New("the fabric is closed")

// Attach attaches the hosts. Every path between attached hosts is a perfect wire until Apply shapes
// it. After an error of the kernel, only Close may be called.
func (f *Fabric) Attach(ctx context.Context, ports []host.Port) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.attach(ctx, ports); err != nil {
		return fmt.Errorf("attach hosts: %w", err)
	}
	return nil
}

func (f *Fabric) attach(ctx context.Context, ports []host.Port) error {
	if f.tc == nil {
		return errClosed
	}
	added, err := f.checkPorts(ports)
	if err != nil {
		return err
	}
	for _, p := range added {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.attachPort(p); err != nil {
			return fmt.Errorf("attach %s: %w", p.Name, err)
		}
	}
	return nil
}

// checkPorts checks all of the ports before anything is changed.
func (f *Fabric) checkPorts(ports []host.Port) (added []*port, err error) {
	taken := func(same func(*port) bool) bool {
		return slices.ContainsFunc(f.ports, same) || slices.ContainsFunc(added, same)
	}
	for _, hp := range ports {
		switch {
		case !hp.Addr.Is4() || len(hp.MAC) != 6:
			return nil, fmt.Errorf("attach %s: address %s, MAC %q: must be IPv4 and 6 bytes", hp.Name, hp.Addr, hp.MAC)
		case taken(func(p *port) bool { return p.Name == hp.Name }):
			return nil, fmt.Errorf("attach %s: a host of that name is attached", hp.Name)
		case taken(func(p *port) bool { return p.Addr == hp.Addr }):
			return nil, fmt.Errorf("attach %s: address %s is another's", hp.Name, hp.Addr)
		case len(f.ports)+len(added) == maxPorts:
			return nil, fmt.Errorf("attach %s: at most %d hosts", hp.Name, maxPorts)
		}
		p := &port{Port: hp, index: len(f.ports) + len(added)}
		if p.device, err = deviceOf(f.hub, hp.Interface); err != nil {
			return nil, fmt.Errorf("attach %s: %w", hp.Name, err)
		}
		if p.segment, err = segmentationOf(hp); err != nil {
			return nil, fmt.Errorf("attach %s: %w", hp.Name, err)
		}
		added = append(added, p)
	}
	return added, nil
}

// attachPort makes the paths between p and every port attached before, and then the routes, so that
// no packet passes before its path exists.
func (f *Fabric) attachPort(p *port) error {
	if err := f.tc.queue(create, place{p.device, root, netlink.HANDLE_ROOT}, "htb", htbOptions()); err != nil {
		return fmt.Errorf("add the htb queue of %s: %w", p.Interface, err)
	}
	f.ports = append(f.ports, p) // from here on Close removes it
	for _, other := range f.ports[:len(f.ports)-1] {
		for _, ends := range [][2]*port{{other, p}, {p, other}} {
			if err := f.addPath(ends[0], ends[1]); err != nil {
				return err
			}
		}
	}
	return connect(f.hub, p)
}

// Apply implements link.Fabric. Naming a host that is not attached is an error and changes nothing.
// Paths change one after the other, each within some tens of microseconds; where both delay and
// loss of a path change, one of them is new and the other old for less than that.
func (f *Fabric) Apply(ctx context.Context, m link.Matrix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.apply(ctx, m); err != nil {
		return fmt.Errorf("apply shapes: %w", err)
	}
	return nil
}

func (f *Fabric) apply(ctx context.Context, m link.Matrix) error {
	if f.tc == nil {
		return errClosed
	}
	if err := m.Validate(); err != nil {
		return err
	}
	for p, s := range m {
		if f.paths[p] == nil {
			return fmt.Errorf("path %s: its hosts are not both attached", p)
		}
		if s.Jitter > maxJitter {
			return fmt.Errorf("path %s: jitter %v: netem allows at most %v", p, s.Jitter, maxJitter)
		}
	}
	if err := f.setSegmentation(m, false); err != nil {
		return err
	}
	for _, p := range m.Paths() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.reshape(f.paths[p], m[p]); err != nil {
			return fmt.Errorf("path %s: %w", p, err)
		}
	}
	return f.setSegmentation(m, true)
}

// setSegmentation allows sources to send super-frames, or forbids it, as the shapes that their
// paths are about to have require.
func (f *Fabric) setSegmentation(m link.Matrix, allow bool) error {
	about := map[*port]int{} // by how much the number of paths that decide about each packet changes
	for name, s := range m {
		p := f.paths[name]
		about[p.from] += count(perPacket(s)) - count(perPacket(p.shape))
	}
	for p, more := range about {
		wire := p.perPacketPaths+more > 0
		if wire == allow { // forbidding comes before the shapes change, allowing after
			continue
		}
		if err := p.segment.set(wire); err != nil {
			return fmt.Errorf("set segmentation of %s: %w", p.Name, err)
		}
	}
	return nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Counters implements link.Fabric; it returns the paths that have carried anything. Paths are read
// one after the other, so while they carry packets their counters do not belong to the same
// instant.
func (f *Fabric) Counters(ctx context.Context) (map[link.Path]link.Counters, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.counters(ctx)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return m, nil
}

func (f *Fabric) counters(ctx context.Context) (map[link.Path]link.Counters, error) {
	if f.tc == nil {
		return nil, errClosed
	}
	queues, err := f.tc.queues()
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	byPlace := map[place]statistics{}
	for _, q := range queues {
		byPlace[place{device: q.device, handle: q.handle}] = q
	}
	m := map[link.Path]link.Counters{}
	for _, to := range f.ports {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		classes, err := f.tc.classes(to.device)
		if err != nil {
			return nil, fmt.Errorf("list the classes towards %s: %w", to.Name, err)
		}
		for _, c := range classes {
			p := f.pathOf(c.place, to)
			if p == nil {
				continue
			}
			n, err := p.counters(f, c, byPlace)
			if err != nil {
				return nil, fmt.Errorf("path %s: %w", p.name, err)
			}
			if n != (link.Counters{}) {
				m[p.name] = n
			}
		}
	}
	return m, nil
}

// pathOf returns the path of the class; nil for other classes, since netem queues have one too.
func (f *Fabric) pathOf(class place, to *port) *path {
	i := int(class.handle) - root - 1
	if i < 0 || i >= len(f.ports) {
		return nil
	}
	return f.paths[link.Path{From: f.ports[i].Name, To: to.Name}]
}

// A Description names what carries the packets.
type Description struct {
	Backend string `json:"backend"` // "netem"
	Kernel  string `json:"kernel"`  // whose netem it is
	Seeded  bool   `json:"seeded"`  // the kernel draws from the run's seed (Linux 6.6 and later)
}

func (d Description) String() string {
	draws := "unseeded, as this kernel allows no seed"
	if d.Seeded {
		draws = "seeded"
	}
	return fmt.Sprintf("%s of %s, %s", d.Backend, d.Kernel, draws)
}

// Describe returns what carries the packets.
func (f *Fabric) Describe() Description {
	return Description{Backend: "netem", Kernel: f.kernel.name, Seeded: f.kernel.seeded}
}

// Close removes all queues and routes, so that no packet passes any more, and lets the remaining
// hosts send super-frames again. Closing again does nothing more.
func (f *Fabric) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tc == nil {
		return nil
	}
	var errs []error
	for _, p := range f.ports {
		errs = append(errs, removeRoute(f.hub, p), f.tc.remove(place{device: p.device, parent: netlink.HANDLE_ROOT, handle: root}), p.segment.restore())
	}
	for _, p := range f.paths {
		errs = append(errs, p.copies.remove(f))
	}
	f.tc.close()
	f.tc = nil
	if err := errors.Join(append(errs, removeBlackhole(f.hub))...); err != nil {
		return fmt.Errorf("close netem: %w", err)
	}
	return nil
}
