package raftkv

import (
	"bytes"
	"crypto/rand"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// Package raft draws the jitter of its election timeouts from crypto/rand.Reader, which is one for the whole process. So
// that a run repeats, and several can run side by side, the reader is replaced once by one that asks which goroutine is reading: the
// goroutine of a simulation gets that simulation's random stream, every other the real thing.
var jitter = &jitterReader{real: rand.Reader, streams: map[string]io.Reader{}}

var replaceReader = sync.OnceFunc(func() { rand.Reader = jitter })

type jitterReader struct {
	real  io.Reader
	count atomic.Int64 // of streams, so that the real thing costs no more than that while there are none

	mu      sync.Mutex
	streams map[string]io.Reader
}

// Seed has raft draw its jitter on the calling goroutine from the loop's stream of that name, until release is
// called, on the same goroutine. Every start and event of a server of this package happens in between.
func Seed(stream *Jitter) (release func()) {
	replaceReader()
	id := goroutine()
	jitter.mu.Lock()
	before, nested := jitter.streams[id]
	jitter.streams[id] = stream
	jitter.mu.Unlock()
	jitter.count.Add(1)
	return func() {
		jitter.count.Add(-1)
		jitter.mu.Lock()
		defer jitter.mu.Unlock()
		if nested {
			jitter.streams[id] = before
		} else {
			delete(jitter.streams, id)
		}
	}
}

// Jitter is a simulation's stream of random bytes.
type Jitter struct{ next func() uint64 }

// NewJitter makes the loop's stream.
func NewJitter(l *loop.Loop) *Jitter { return &Jitter{l.Rand("raft jitter").Uint64} }

func (j *Jitter) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(j.next() >> 56)
	}
	return len(b), nil
}

func (r *jitterReader) Read(b []byte) (int, error) {
	if r.count.Load() > 0 {
		r.mu.Lock()
		stream := r.streams[goroutine()]
		r.mu.Unlock()
		if stream != nil {
			return stream.Read(b)
		}
	}
	return r.real.Read(b)
}

// goroutine is the number of the calling goroutine, as the head of its stack trace gives it: there is no other way
// to it, and it costs a microsecond for each election timeout that is drawn.
func goroutine() string {
	var b [40]byte
	head := b[:runtime.Stack(b[:], false)] // "goroutine 18 [running]:..."
	_, rest, _ := bytes.Cut(head, []byte(" "))
	id, _, _ := bytes.Cut(rest, []byte(" "))
	return string(id)
}
