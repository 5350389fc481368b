package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"github.com/containernetworking/plugins/pkg/ns"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Host is a network namespace without a name, and the OS thread that lives in it. Both last
// until Close. A Host is safe for concurrent use.
type Host struct {
	name string
	port Port  // how the host is joined to a hub; zero where it is not
	hub  *Host // that hub

	netlink *netlink.Handle // talks to the kernel about the namespace
	work    chan func()     // what the thread is to do next
	closed  chan struct{}

	// entering is held for reading by those about to enter the namespace, and for writing by Close:
	// ns.NetNS is not safe for concurrent use.
	entering sync.RWMutex
	ns       ns.NetNS // to dial from, and to move interfaces into

	mu        sync.Mutex
	processes map[*Process]struct{} // those that have not ended; nil once the host is closed
}

// ErrClosed is returned by the methods of a closed host.
var ErrClosed = errors.New("host is closed")

// New makes a host with nothing but a loopback interface, which is up. The name has at most 15
// bytes, because it also names the hub's end of the host's cable.
func New(name string) (*Host, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("make host %q: %w", name, err)
	}
	h := &Host{
		name:      name,
		work:      make(chan func()),
		closed:    make(chan struct{}),
		processes: map[*Process]struct{}{},
	}
	ready := make(chan error)
	onThread(func() { h.live(ready) })
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("make host %s: %w", name, err)
	}
	return h, nil
}

func checkName(name string) error {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return fmt.Errorf("a name has 1 to %d bytes", unix.IFNAMSIZ-1)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || c == '/' || c == ':' || c == '%' {
			return fmt.Errorf("a name must not contain %q", c)
		}
	}
	return nil
}

// onThread runs f on an OS thread of its own, which ends with f. It is never the main thread: the
// runtime cannot end that one, so it would stay in f's namespace for as long as the process lives.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		defer runtime.UnlockOSThread()
		started := make(chan struct{})
		go func() { // on another thread, since this goroutine holds the main one
			runtime.LockOSThread()
			close(started)
			f()
		}()
		<-started
	}()
}

// live is the host's thread, from start to end. The thread is never unlocked, so the runtime ends
// it when live returns instead of reusing it. ns.NetNS.Do would borrow a different thread for every
// call, and the kernel sends the parent-death signal of a process when the thread that forked it
// ends, not when the program does.
func (h *Host) live(ready chan<- error) {
	if err := h.setUp(); err != nil {
		h.release()
		ready <- err
		return
	}
	ready <- nil
	for {
		select {
		case f := <-h.work:
			f()
		case <-h.closed:
			return
		}
	}
}

// setUp makes a network namespace, moves the calling thread into it and configures it.
func (h *Host) setUp() (err error) {
	handle, err := netns.New() // ns.TempNetNS would also switch another thread there and back
	if err != nil {
		return fmt.Errorf("make a network namespace: %w", explain(err))
	}
	defer handle.Close()
	if h.ns, err = ns.GetCurrentNS(); err != nil {
		return err
	}
	if h.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	if err := applySysctls(); err != nil {
		return err
	}
	return loopbackUp(h.netlink)
}

func loopbackUp(nl *netlink.Handle) error {
	lo := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "lo", Index: 1}} // always the first
	if err := nl.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// Name returns the name that New was given.
func (h *Host) Name() string { return h.name }

// Port returns how the host is joined to its hub; zero if it is not.
func (h *Host) Port() Port { return h.port }

// Netlink returns a netlink handle on the host's namespace.
func (h *Host) Netlink() *netlink.Handle { return h.netlink }

// Do runs f on the host's thread, and so in its namespace, and returns f's error. A host runs one
// function at a time: f should be short, and must not call Do or Start of the same host. Goroutines
// that f starts are not in the namespace.
func (h *Host) Do(f func() error) error {
	result := make(chan error, 1)
	select {
	case h.work <- func() { result <- f() }:
		return <-result
	case <-h.closed:
		return fmt.Errorf("host %s: %w", h.name, ErrClosed)
	}
}

// Dial connects from inside the namespace. It does not occupy the host's thread, so any number of
// dials may be in progress. The address must be literal: names are not resolved.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	// A literal address keeps net.Dialer on this goroutine, and so on this thread.
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial %s from %s: %w", address, h.name, err)
	}
	var conn net.Conn
	err := h.visit(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.name, err)
	}
	return conn, nil
}

// visit runs f in the namespace, on a thread other than the host's, and waits for it.
func (h *Host) visit(f func() error) error {
	h.entering.RLock()
	entered := sync.OnceFunc(h.entering.RUnlock)
	defer entered()
	select {
	case <-h.closed:
		return ErrClosed
	default:
	}
	return h.ns.Do(func(ns.NetNS) error {
		entered() // so that Close need not wait for f, which may take long
		return f()
	})
}

// Close kills the processes that the host started, waits until they are gone, and ends the thread.
// The namespace and its interfaces end with the last socket in it. Closing again does nothing more.
func (h *Host) Close() error {
	h.mu.Lock()
	alive := h.processes
	h.processes = nil
	h.mu.Unlock()
	if alive == nil {
		return nil
	}
	var errs []error
	for p := range alive {
		errs = append(errs, p.signal(unix.SIGKILL))
	}
	for p := range alive {
		<-p.Done()
	}
	close(h.closed)
	h.release()
	return errors.Join(errs...)
}

// release closes what refers to the namespace, once nobody is about to enter it.
func (h *Host) release() {
	h.entering.Lock()
	defer h.entering.Unlock()
	if h.netlink != nil {
		h.netlink.Close()
	}
	if h.ns != nil {
		h.ns.Close()
	}
}

// CloseAll closes the hosts concurrently.
func CloseAll(hosts []*Host) error {
	return each(len(hosts), func(i int) error { return hosts[i].Close() })
}

// each runs f for 0 to n-1 concurrently, a bounded number at a time.
func each(n int, f func(i int) error) error {
	const width = 4 // the kernel's own locks allow no more
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, width) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
