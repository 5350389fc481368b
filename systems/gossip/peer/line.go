package peer

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// line sends to one address.
type line struct {
	t    *Transport
	to   string
	wake chan struct{}

	mu    sync.Mutex
	queue [][]byte
	bytes int
}

// push queues a message; it reports false where there is no room.
func (l *line) push(b []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+len(b) > queueBytes {
		return false
	}
	l.queue = append(l.queue, b)
	l.bytes += len(b)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

func (l *line) pop() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queue
	l.queue, l.bytes = nil, 0
	return queue
}

// run connects when there is something to send, and sends. What waits while there is no connection
// is dropped: it would be stale.
func (l *line) run() {
	defer l.t.wait.Done()
	var conn *wire
	var failed time.Time // when the last attempt to connect failed
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	idle := time.NewTimer(idleTimeout)
	defer idle.Stop()
	for {
		idle.Reset(idleTimeout)
		select {
		case <-l.t.ctx.Done():
			return
		case <-l.wake:
		case <-idle.C:
			if conn != nil {
				conn.Close()
				conn = nil
			}
			continue
		}
		batch := l.pop()
		if len(batch) == 0 {
			continue
		}
		if conn != nil && conn.gone.Load() {
			conn.Close()
			conn = nil
		}
		if conn == nil && time.Since(failed) >= redial {
			if conn = l.connect(); conn == nil {
				failed = time.Now()
			}
		}
		if conn == nil || !l.write(conn, batch) {
			l.t.Dropped.Add(uint64(len(batch)))
			if conn != nil {
				conn.Close()
				conn = nil
			}
		}
	}
}

// connect makes one attempt, nil where it fails.
func (l *line) connect() *wire {
	ctx, cancel := context.WithTimeout(l.t.ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{Control: control, KeepAlive: 2 * time.Second}).DialContext(ctx, "tcp", l.to)
	if err != nil {
		return nil
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := conn.Write([]byte(hello)); err != nil {
		conn.Close()
		return nil
	}
	w := &wire{Conn: conn}
	go l.watch(w)
	return w
}

// wire is a connection of which it is known whether the other end has closed it.
type wire struct {
	net.Conn
	gone atomic.Bool
}

// watch reads from a connection on which nothing ever comes, and closes it when the other end does:
// else the first message after a restart of the other would be lost.
func (l *line) watch(conn *wire) {
	stop := context.AfterFunc(l.t.ctx, func() { conn.Close() })
	defer stop()
	var b [1]byte
	_, _ = conn.Read(b[:]) // it ends when either end closes it
	conn.gone.Store(true)
	conn.Close()
}

// write sends the messages in as few writes as their sizes suggest.
func (l *line) write(conn net.Conn, batch [][]byte) bool {
	var b []byte
	for i, m := range batch {
		b = AppendFrame(b, m)
		if i+1 < len(batch) && len(b) < 1<<20 {
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := conn.Write(b); err != nil {
			return false
		}
		l.t.SentBytes.Add(uint64(len(b)))
		b = b[:0]
	}
	l.t.SentFrames.Add(uint64(len(batch)))
	return true
}
