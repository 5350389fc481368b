package expect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A file is what has been written to a node. Bound to an expected file it keeps
// which bytes were written and which were wrong, and else, in a spool, the bytes.
type file struct {
	bound   binding
	want    *stream.View // of the bound file
	size    int64
	written spans
	wrong   []damage.Damage // that has not been written over since
	spool   *os.File        // unlinked; holds all that was written unless bound, and wrong bytes if it is
}

// rebind looks up again which file is expected under the node's names, and
// compares what was spooled with it. The caller holds n.mu, and not Restore.mu.
func (n *Node) rebind() error {
	f := &n.file
	now := n.lookup()
	if now.ok == f.bound.ok && (!now.ok || now.entry.Number == f.bound.entry.Number) {
		f.bound = now
		return nil
	}
	if f.bound.ok {
		if err := n.unbind(); err != nil {
			return err
		}
	}
	if !now.ok {
		return nil
	}
	want, err := n.r.view.File(now.entry)
	if err != nil {
		return err
	}
	f.bound, f.want = now, want
	if f.spool == nil {
		return nil
	}
	buf := make([]byte, 1<<20)
	for _, s := range f.written {
		for at := s.lo; at < s.hi; {
			b := buf[:min(s.hi-at, int64(len(buf)))]
			if _, err := f.spool.ReadAt(b, at); err != nil {
				return fmt.Errorf("compare spooled bytes: %w", err)
			}
			if err := n.compare(b, at); err != nil {
				return err
			}
			at += int64(len(b))
		}
	}
	if n := len(f.written); len(f.wrong) == 0 && (n == 0 || f.written[n-1].hi <= want.Size()) {
		_ = f.spool.Close() // it has no name, and nothing in it is asked for again
		f.spool = nil
	}
	return nil
}

// lookup returns the expected file of one of the node's names.
func (n *Node) lookup() binding {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	for at := range n.names {
		if b := at.in.expected(at.name); b.ok && b.entry.Kind == tree.File {
			return b
		}
	}
	return binding{}
}

// unbind spools what the file was expected to hold, as far as it was written.
func (n *Node) unbind() error {
	f := &n.file
	buf := make([]byte, 1<<20)
	for _, s := range f.written {
		for at := s.lo; at < s.hi; {
			b := buf[:min(s.hi-at, int64(len(buf)))]
			if err := n.read(b, at); err != nil {
				return err
			}
			if err := n.keep(b, at); err != nil {
				return err
			}
			at += int64(len(b))
		}
	}
	f.bound, f.want, f.wrong = binding{}, nil, nil
	return nil
}

// keep spools bytes.
func (n *Node) keep(b []byte, at int64) error {
	f := &n.file
	if f.spool == nil {
		spool, err := os.CreateTemp(n.r.o.Spool, "reckon-expect-")
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		f.spool = spool
		if err := os.Remove(spool.Name()); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	if _, err := f.spool.WriteAt(b, at); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// WriteAt takes bytes that somebody restores. Wrong ones are an error that wraps
// ErrWrong, unless they are only recorded; all are taken as far as possible.
func (n *Node) WriteAt(b []byte, at int64) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind != tree.File || at < 0 {
		return 0, ErrInvalid
	}
	f := &n.file
	f.written.add(at, at+int64(len(b)))
	f.size = max(f.size, at+int64(len(b)))
	n.attr.Time = n.r.o.Now()
	if !f.bound.ok {
		return len(b), n.keep(b, at)
	}
	before := len(f.wrong)
	f.forget(at, at+int64(len(b)))
	before = min(before, len(f.wrong))
	if err := n.compare(b, at); err != nil {
		return 0, err
	}
	if len(f.wrong) > before && !n.r.o.RecordOnly {
		return 0, fmt.Errorf("%w: %v", ErrWrong, f.wrong[len(f.wrong)-1])
	}
	return len(b), nil
}

// compare compares bytes with what is expected at their place, and notes what is wrong.
func (n *Node) compare(b []byte, at int64) error {
	f := &n.file
	want := make([]byte, len(b))
	size := int(max(0, min(int64(len(b)), f.want.Size()-at)))
	if _, err := f.want.ReadAt(want[:size], at); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.Equal(b[:size], want[:size]) { // what is beyond the end makes the size wrong
		if size < len(b) {
			return n.keep(b[size:], at+int64(size))
		}
		return nil
	}
	var wrong damage.Extents
	wrong.Compare(b[:size], want[:size], at)
	d := damage.File{Path: n.r.view.Path(f.bound.entry), Entry: f.bound.entry, Generation: n.r.view.Generation(), Want: f.want, Compared: f.want.Size()}
	for _, x := range wrong {
		f.wrong = append(f.wrong, n.r.explain(&d, b, at, x)...)
		if len(f.wrong) > damage.MaxDamage {
			f.wrong = f.wrong[:damage.MaxDamage]
		}
	}
	return n.keep(b, at)
}

// forget cuts what is written over out of what was wrong.
func (f *file) forget(lo, hi int64) {
	var kept []damage.Damage
	for _, d := range f.wrong {
		if end := d.Off + d.Len; lo > d.Off || hi < end { // something of it stays
			if d.Off < hi && lo < end {
				left, right := d, d
				left.Len = max(0, lo-d.Off)
				right.Off, right.Len = hi, max(0, end-hi)
				if right.Origin != nil {
					o := *right.Origin
					o.Offset += hi - d.Off
					right.Origin = &o
				}
				for _, part := range []damage.Damage{left, right} {
					if part.Len > 0 {
						kept = append(kept, part)
					}
				}
				continue
			}
			kept = append(kept, d)
		}
	}
	f.wrong = kept
}

// ReadAt reads back what was written; between that, zeros.
func (n *Node) ReadAt(b []byte, at int64) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind != tree.File || at < 0 {
		return 0, ErrInvalid
	}
	size := int(max(0, min(int64(len(b)), n.file.size-at)))
	if err := n.read(b[:size], at); err != nil {
		return 0, err
	}
	if size < len(b) {
		return size, io.EOF
	}
	return size, nil
}

func (n *Node) read(b []byte, at int64) error {
	f := &n.file
	clear(b)
	for _, s := range f.written.within(at, at+int64(len(b))) {
		part := b[s.lo-at : s.hi-at]
		if !f.bound.ok {
			if _, err := f.spool.ReadAt(part, s.lo); err != nil {
				return fmt.Errorf("read spool: %w", err)
			}
			continue
		}
		size := max(0, min(s.hi, f.want.Size())-s.lo)
		if size > 0 {
			if _, err := f.want.ReadAt(part[:size], s.lo); err != nil {
				return err
			}
		}
		if size < s.hi-s.lo { // beyond the expected end
			if _, err := f.spool.ReadAt(part[size:], s.lo+size); err != nil {
				return fmt.Errorf("read spool: %w", err)
			}
		}
	}
	for _, d := range f.wrong { // as it was written
		lo, hi := max(d.Off, at), min(d.Off+d.Len, at+int64(len(b)))
		if lo < hi {
			if _, err := f.spool.ReadAt(b[lo-at:hi-at], lo); err != nil {
				return fmt.Errorf("read spool: %w", err)
			}
		}
	}
	return nil
}

// Truncate makes the file that long; what is beyond it is gone, what is new zeros.
func (n *Node) Truncate(size int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind != tree.File || size < 0 {
		return ErrInvalid
	}
	f := &n.file
	n.attr.Time = n.r.o.Now()
	f.forget(size, max(size, f.size))
	f.written.cut(size)
	f.size = size
	return nil
}

// Punch makes zeros of [at, at+size), as a hole is, without making the file longer.
func (n *Node) Punch(at, size int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind != tree.File || at < 0 || size < 0 {
		return ErrInvalid
	}
	n.file.forget(at, at+size)
	n.file.written.remove(at, at+size)
	return nil
}

// Size returns how long the file is.
func (n *Node) Size() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind == tree.Symlink {
		return int64(len(n.target))
	}
	return n.file.size
}

// Written returns how many bytes of the file were written.
func (n *Node) Written() (sum int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.file.written {
		sum += s.hi - s.lo
	}
	return sum
}
