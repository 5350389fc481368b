package driver

import (
	"bufio"
	"io"
	"strings"
	"sync"

	"github.com/reckon-bench/reckon/reckon"
)

// lines yields the reader's lines; it is closed at the end.
func lines(r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		br := bufio.NewReaderSize(r, 1<<20)
		for {
			s, err := br.ReadString('\n')
			if err != nil {
				return
			}
			c <- strings.TrimSuffix(s, "\n")
		}
	}()
	return c
}

// A lineWriter collects lines from many goroutines, and one of its own writes them, so that nobody
// who adds a line waits for whoever reads it: a runner that is slow for a moment must not hold up
// arrivals. It holds at most holdAtMost bytes; beyond, adding waits, and shows as lag.
type lineWriter struct {
	w io.Writer

	mu      sync.Mutex
	cond    sync.Cond // any of what follows has changed
	buf     []byte
	added   int64 // bytes, in all
	written int64 // of those
	wanted  int64 // so many are to be written now
	err     error
}

// writeAt is how many bytes wake the writer before anybody flushes.
const (
	writeAt    = 64 << 10
	holdAtMost = 64 << 20
)

func newLineWriter(w io.Writer) *lineWriter {
	l := &lineWriter{w: w}
	l.cond.L = &l.mu
	go l.run()
	return l
}

// op adds the operation as a line.
func (l *lineWriter) op(op reckon.Op) {
	l.add(func(b []byte) []byte { return op.AppendJSON(b) }, false)
}

// line adds a line and has all there is written soon.
func (l *lineWriter) line(s string) {
	l.add(func(b []byte) []byte { return append(b, s...) }, true)
}

func (l *lineWriter) add(encode func([]byte) []byte, now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) >= holdAtMost && l.err == nil {
		l.cond.Wait()
	}
	before := len(l.buf)
	l.buf = append(encode(l.buf), '\n')
	l.added += int64(len(l.buf) - before)
	if now || len(l.buf) >= writeAt {
		l.wanted = l.added
		l.cond.Broadcast()
	}
}

// flush returns when everything added before is written.
func (l *lineWriter) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.added
	l.wanted = until
	l.cond.Broadcast()
	for l.written < until && l.err == nil {
		l.cond.Wait()
	}
	return l.err
}

// run writes for as long as the process lives.
func (l *lineWriter) run() {
	var spare []byte
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.err == nil {
		for l.written >= l.wanted {
			l.cond.Wait()
		}
		out := l.buf
		l.buf = spare[:0]
		l.mu.Unlock()
		_, err := l.w.Write(out)
		l.mu.Lock()
		l.written += int64(len(out))
		spare, l.err = out, err
		l.cond.Broadcast()
	}
}
