package results

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// streamBuffer is how many bytes of lines are gathered before they are written.
const streamBuffer = 64 << 10

// A stream appends lines to one file of the record. The file is made with its first line.
type stream struct {
	path string
	open func(path string) (sink, error) // openRecord, but in tests

	mu   sync.Mutex
	file sink
	buf  []byte // whole lines that are not written yet
	err  error  // the first there was; all later appends fail with it
	done bool
}

// sink is the part of *os.File that a stream needs; tests put a disk that fills up in its place.
type sink interface {
	io.Writer
	Sync() error
	Close() error
}

func newStream(path string) *stream { return &stream{path: path, open: openRecord} }

// openRecord opens the file for appending. It refuses one that ends in half a
// line: what came after would be glued to it, and both were lost.
func openRecord(path string) (sink, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	last := []byte{'\n'}
	if info.Size() > 0 {
		_, err = f.ReadAt(last, info.Size()-1)
	}
	if err == nil && last[0] != '\n' {
		err = errors.New("it ends in half a line: a run that was cut short cannot be continued")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// append adds one line; encode appends it, without the newline, to what it is given.
func (s *stream) append(encode func([]byte) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.done {
		return s.fail(os.ErrClosed)
	}
	whole := len(s.buf)
	b, err := encode(s.buf)
	if err != nil {
		// The caller's value is at fault, not the file: later lines may still be fine.
		s.buf = s.buf[:whole]
		return fmt.Errorf("record to %s: %w", s.path, err)
	}
	s.buf = append(b, '\n')
	if len(s.buf) < streamBuffer {
		return nil
	}
	return s.write()
}

func (s *stream) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write()
}

func (s *stream) sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(); err != nil || s.file == nil {
		return err
	}
	return s.fail(s.file.Sync())
}

func (s *stream) close() error {
	err := s.sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	if s.file == nil {
		return err
	}
	if cerr := s.file.Close(); err == nil {
		err = s.fail(cerr)
	}
	s.file = nil
	return err
}

// write hands the buffered lines to the file. s.mu is held.
func (s *stream) write() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	if s.file == nil {
		f, err := s.open(s.path)
		if err != nil {
			return s.fail(err)
		}
		s.file = f
	}
	_, err := s.file.Write(s.buf)
	s.buf = s.buf[:0]
	return s.fail(err)
}

// fail keeps the first error. s.mu is held.
func (s *stream) fail(err error) error {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("record to %s: %w", s.path, err)
	}
	return s.err
}
