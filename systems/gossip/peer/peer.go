// Package peer carries messages between members over TCP: one connection each way, binary frames,
// nothing that waits for long. A message may be lost, at any time and without notice; members are
// made for that.
//
// What is measured is the store and not the patience of TCP or of a library: an attempt to connect
// is given up after a second, the next follows within 100 ms, and data that stays
// unacknowledged for two seconds ends a connection (TCP_USER_TIMEOUT).
package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// dialTimeout is how long an attempt to connect may take.
	dialTimeout = time.Second
	// redial is the longest pause between two attempts. It is short, so that a member that was just
	// started is answered at once though it was away until now.
	redial = 100 * time.Millisecond
	// userTimeout is how long sent data may stay unacknowledged.
	userTimeout = 2 * time.Second
	// writeTimeout is how long one write may wait for a receiver that does not read.
	writeTimeout = 5 * time.Second
	// frameTimeout is how long a frame may take from its first byte to its last.
	frameTimeout = 30 * time.Second
	// idleTimeout is how long a connection is kept that carries nothing.
	idleTimeout = 5 * time.Minute
	// queueBytes bounds what waits to be sent to one member.
	queueBytes = 16 << 20
	// frameMost is the largest frame.
	frameMost = 16 << 20
	// incomingMost bounds the connections that others made.
	incomingMost = 1024
)

// hello begins every connection, and says which protocol follows.
const hello = "RKGPEER\x01"

// Options say where a transport listens and what becomes of messages.
type Options struct {
	Listen  string
	Receive func(message []byte) error // from any number of goroutines; an error ends the connection
	Logf    func(format string, args ...any)
}

// Counters count what a transport did.
type Counters struct {
	SentBytes, SentFrames, ReceivedBytes, ReceivedFrames atomic.Uint64
	Dropped                                              atomic.Uint64 // frames, for want of room or of a connection
	Refused                                              atomic.Uint64 // connections that sent no frames, or too large ones
}

// Transport sends and receives messages.
type Transport struct {
	Counters
	o        Options
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	wait     sync.WaitGroup

	mu     sync.Mutex
	lines  map[string]*line
	open   map[net.Conn]bool
	logged map[string]bool // hosts of whom something was logged already
}

// Listen begins to receive.
func Listen(o Options) (*Transport, error) {
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	t := &Transport{o: o, listener: l, lines: map[string]*line{}, open: map[net.Conn]bool{}, logged: map[string]bool{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.wait.Add(1)
	go t.accept()
	return t, nil
}

// Addr is where it listens.
func (t *Transport) Addr() net.Addr { return t.listener.Addr() }

// Close ends all connections, and returns when no message is being received any more.
func (t *Transport) Close() {
	t.stop()
	t.listener.Close()
	t.mu.Lock()
	for c := range t.open {
		c.Close()
	}
	t.mu.Unlock()
	t.wait.Wait()
}

// Send queues a message to an address; it never waits. The bytes must not be changed any more.
func (t *Transport) Send(to string, b []byte) {
	if len(b) > frameMost {
		t.Dropped.Add(1)
		t.o.Logf("drop a message of %d bytes to %s: at most %d", len(b), to, frameMost)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return
	}
	l := t.lines[to]
	if l == nil {
		l = &line{t: t, to: to, wake: make(chan struct{}, 1)}
		t.lines[to] = l
		t.wait.Add(1)
		go l.run()
	}
	if !l.push(b) {
		t.Dropped.Add(1)
	}
}

func (t *Transport) accept() {
	defer t.wait.Done()
	for {
		c, err := t.listener.Accept()
		if t.ctx.Err() != nil {
			return
		}
		if err != nil {
			t.o.Logf("accept a peer: %v", err)
			select {
			case <-t.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond): // out of file descriptors: it may pass
			}
			continue
		}
		if !t.register(c) {
			c.Close()
			t.Refused.Add(1)
			continue
		}
		go func() {
			defer t.wait.Done()
			defer t.forget(c)
			t.once(c, t.receive(c))
		}()
	}
}

func (t *Transport) register(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil || len(t.open) >= incomingMost {
		return false
	}
	t.open[c] = true
	t.wait.Add(1)
	return true
}

func (t *Transport) forget(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
	c.Close()
}

// errProtocol means that what came is no frame.
var errProtocol = errors.New("not a peer")

// once logs what was wrong with a connection, once for each host.
func (t *Transport) once(c net.Conn, err error) {
	if !errors.Is(err, errProtocol) {
		return
	}
	t.Refused.Add(1)
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	t.mu.Lock()
	again := t.logged[host] || len(t.logged) > 1000
	t.logged[host] = true
	t.mu.Unlock()
	if !again {
		t.o.Logf("hang up on %s, and log no more of it: %v", c.RemoteAddr(), err)
	}
}

// receive reads frames until the connection ends.
func (t *Transport) receive(c net.Conn) error {
	r := bufio.NewReaderSize(c, 64<<10)
	_ = c.SetReadDeadline(time.Now().Add(frameTimeout))
	head := make([]byte, len(hello))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if string(head) != hello {
		return fmt.Errorf("%w: it began with %q", errProtocol, head)
	}
	for {
		_ = c.SetReadDeadline(time.Now().Add(2 * idleTimeout))
		if _, err := r.Peek(1); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(frameTimeout))
		b, err := ReadFrame(r)
		if err != nil {
			return err
		}
		t.ReceivedFrames.Add(1)
		t.ReceivedBytes.Add(uint64(len(b) + 4))
		if err := t.o.Receive(b); err != nil {
			return fmt.Errorf("%w: %w", errProtocol, err)
		}
	}
}

// ReadFrame reads one frame. Memory is taken as bytes arrive, so that a length costs nothing that
// is not sent.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > frameMost {
		return nil, fmt.Errorf("%w: a frame of %d bytes, at most %d", errProtocol, n, frameMost)
	}
	b := make([]byte, 0, min(n, 64<<10))
	for len(b) < n {
		at, step := len(b), min(n-len(b), 1<<20)
		b = append(b, make([]byte, step)...)
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return b, nil
}

// AppendFrame appends a frame with the message.
func AppendFrame(b, message []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(message))), message...)
}
