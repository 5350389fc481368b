package userspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Fabric controls a switch process. It is safe for concurrent use. Once the switch has ended,
// every method returns why.
type Fabric struct {
	process  *host.Process
	control  net.Conn
	priority string
	done     chan struct{} // the switch has ended
	err      error         // why it ended; valid once done is closed

	sending sync.Mutex // orders requests
	out     *json.Encoder

	mu      sync.Mutex
	last    uint64                // the last request's number
	pending map[uint64]chan reply // requests that have no reply yet
	closing bool
}

var _ link.Fabric = (*Fabric)(nil)

// anywhere stands for an unknown destination; see Counters.
const anywhere = "*"

// Bounds on steps that are immediate unless something is badly wrong.
const (
	startTime = 20 * time.Second
	closeTime = 10 * time.Second
)

// Start starts a switch in the hub and returns when it is ready. The switch writes its errors to
// log. Every random draw derives from the seed.
func Start(hub *host.Host, seed uint64, log io.Writer) (*Fabric, error) {
	f, err := start(hub, seed, log)
	if err != nil {
		return nil, fmt.Errorf("start the switch: %w", err)
	}
	return f, nil
}

func start(hub *host.Host, seed uint64, log io.Writer) (*Fabric, error) {
	control, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	process, err := hub.Start(host.Command{
		Args:       []string{role, strconv.FormatUint(seed, 10)},
		Stdout:     log,
		Stderr:     log,
		ExtraFiles: []*os.File{theirs},
	})
	theirs.Close() // so that the switch's end closes with it
	if err != nil {
		control.Close()
		return nil, err
	}
	f := &Fabric{
		process: process,
		control: control,
		done:    make(chan struct{}),
		out:     json.NewEncoder(control),
		pending: map[uint64]chan reply{},
	}
	ready := make(chan reply, 1)
	f.pending[0] = ready
	go f.listen()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	first, err := f.await(ctx, ready)
	if err != nil {
		return nil, errors.Join(err, process.Kill())
	}
	f.priority = first.Priority
	return f, nil
}

// socketPair returns this process's end and the switch's.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "switch"), os.NewFile(uintptr(fds[1]), "control")
	defer ours.Close() // FileConn duplicates it
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// listen passes every reply to the request that waits for it, until the switch closes the
// connection.
func (f *Fabric) listen() {
	in := json.NewDecoder(f.control)
	for {
		var a reply
		if err := in.Decode(&a); err != nil {
			break
		}
		f.mu.Lock()
		waiting := f.pending[a.ID]
		delete(f.pending, a.ID)
		f.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
	f.control.Close() // this also ends a switch that sends invalid replies
	f.err = f.exitError()
	close(f.done)
}

// exitError returns how the switch ended.
func (f *Fabric) exitError() error {
	select {
	case <-f.process.Done():
	case <-time.After(closeTime):
		f.process.Kill()
	}
	err := f.process.Err()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing && err == nil:
		return errors.New("the fabric is closed")
	case err == nil:
		return errors.New("the switch ended unexpectedly")
	}
	return fmt.Errorf("the switch ended: %w", err)
}

// Done is closed when the switch has ended.
func (f *Fabric) Done() <-chan struct{} { return f.done }

// Err waits until the switch has ended and returns why.
func (f *Fabric) Err() error {
	<-f.done
	return f.err
}

// ask sends the request and waits for its reply.
func (f *Fabric) ask(ctx context.Context, q request) (reply, error) {
	answer := make(chan reply, 1)
	f.mu.Lock()
	f.last++
	q.ID = f.last
	f.pending[q.ID] = answer
	f.mu.Unlock()
	f.sending.Lock()
	err := f.out.Encode(q)
	f.sending.Unlock()
	if err != nil { // the switch closed the connection, and listen finds out why
		return f.await(ctx, nil)
	}
	a, err := f.await(ctx, answer)
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

func (f *Fabric) await(ctx context.Context, answer <-chan reply) (reply, error) {
	select {
	case a := <-answer:
		return a, nil
	case <-f.done:
		select {
		case a := <-answer: // it answered before it ended
			return a, nil
		default:
			return reply{}, f.err
		}
	case <-ctx.Done():
		return reply{}, fmt.Errorf("await the switch's reply: %w", context.Cause(ctx))
	}
}

// Attach attaches all of the hosts or none. Every path between attached hosts is a perfect wire
// until Apply shapes it.
func (f *Fabric) Attach(ctx context.Context, ports []host.Port) error {
	if len(ports) == 0 {
		return nil
	}
	if _, err := f.ask(ctx, request{Attach: ports}); err != nil {
		return fmt.Errorf("attach hosts: %w", err)
	}
	return nil
}

// Apply implements link.Fabric. Naming a host that is not attached is an error and changes nothing.
func (f *Fabric) Apply(ctx context.Context, m link.Matrix) error {
	if len(m) == 0 {
		return nil
	}
	if _, err := f.ask(ctx, request{Apply: m}); err != nil {
		return fmt.Errorf("apply shapes: %w", err)
	}
	return nil
}

// Counters implements link.Fabric; it returns the paths that have carried anything. Packets that
// the kernel dropped before the switch could read their destination are counted as Overflow of a
// path from their host to "*".
func (f *Fabric) Counters(ctx context.Context) (map[link.Path]link.Counters, error) {
	a, err := f.ask(ctx, request{Counters: true})
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return a.Counters, nil
}

// Lateness returns how long after their due time packets were delivered. On a path without delay a
// packet is due when the kernel received it from its host.
func (f *Fabric) Lateness(ctx context.Context) (link.Lateness, error) {
	a, err := f.ask(ctx, request{Lateness: true})
	if err != nil {
		return link.Lateness{}, fmt.Errorf("read lateness: %w", err)
	}
	return *a.Lateness, nil
}

// Drops returns the packets that were lost or did not fit into a queue since the last call, and how
// many more were omitted for lack of room; see link.Drop. Packets dropped by a cut, by the kernel
// or by the receiving host are not included.
func (f *Fabric) Drops(ctx context.Context) (drops []link.Drop, omitted uint64, err error) {
	a, err := f.ask(ctx, request{Drops: true})
	if err != nil {
		return nil, 0, fmt.Errorf("read drops: %w", err)
	}
	return a.Drops, a.Omitted, nil
}

// A Description names what carries the packets.
type Description struct {
	Backend  string `json:"backend"`  // "userspace"
	Ports    string `json:"ports"`    // how the switch is connected to the hosts
	Priority string `json:"priority"` // of the switch's thread while some path delays
}

func (d Description) String() string {
	return fmt.Sprintf("%s, %s, %s priority", d.Backend, d.Ports, d.Priority)
}

// Describe returns what carries the packets.
func (f *Fabric) Describe() Description {
	return Description{Backend: "userspace", Ports: "packet sockets", Priority: f.priority}
}

// Close ends the switch. Closing again does nothing more. It returns an error if the switch had
// failed before.
func (f *Fabric) Close() error {
	f.mu.Lock()
	f.closing = true
	f.mu.Unlock()
	f.control.(*net.UnixConn).CloseWrite() // the switch may have closed it already
	select {
	case <-f.done:
	case <-time.After(closeTime):
		f.process.Kill() // and listen notices
		<-f.done
	}
	if f.process.State().Success() {
		return nil
	}
	return fmt.Errorf("close the fabric: %w", f.err)
}
