package stream

import (
	"fmt"
	"io"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// A File is a stream with its history: what it holds at any generation.
type File struct {
	Content *Content
	Stream  uint32
	History History
	// Pool, if there is one, has blocks of the file's first bytes, of which the first is block First of the pool.
	Pool  *Pool
	First uint64
}

// Stream returns a file of its own of so many bytes, at generation 0.
func (c *Content) Stream(stream uint32, size int64) *File {
	return &File{Content: c, Stream: stream, History: History{Size: size}}
}

// Advance adds a generation to the file that changes it so.
func (f *File) Advance(generation uint16, change Change, spread Spread) error {
	last := f.History.SizeAt(MaxGeneration)
	s, err := NewStep(f.Key(generation), generation, last, change, spread)
	if err != nil {
		return fmt.Errorf("advance stream %d to generation %d: %w", f.Stream, generation, err)
	}
	return f.History.Append(s)
}

// Key returns the key of the edits by which the generation changes the file.
func (f *File) Key(generation uint16) draw.Key {
	return f.Content.edits.Sub(uint64(f.Stream)).Sub(uint64(generation))
}

// At returns what the file holds at the generation.
func (f *File) At(generation uint16) *View {
	return &View{f, generation, f.History.SizeAt(generation)}
}

// A View is a file at one generation. It is safe for concurrent use.
type View struct {
	File       *File
	Generation uint16
	size       int64
}

// Size returns the size in bytes.
func (v *View) Size() int64 { return v.size }

// ReadAt fills b with the bytes from off. It is io.ReaderAt's.
func (v *View) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read stream %d at %d: must not be negative", v.File.Stream, off)
	}
	n := int(min(int64(len(b)), max(0, v.size-off)))
	rest := b[:n]
	v.File.History.Pieces(v.Generation, off, int64(n), func(p Piece) bool {
		v.File.fill(rest[:p.Len], p.Generation, p.From)
		rest = rest[p.Len:]
		return true
	})
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// fill fills b with what the generation wrote from there on.
func (f *File) fill(b []byte, generation uint16, from int64) {
	s := Source{f.Stream, generation, from}
	if generation != f.History.Birth || f.Content.Holes == 0 && f.Pool == nil {
		f.Content.fill(b, tagOwn, s)
		return
	}
	for len(b) > 0 {
		n := min(int64(len(b)), HoleUnit-s.Offset%HoleUnit)
		if f.Content.hole(f.Stream, s.Offset/HoleUnit) {
			clear(b[:n])
		} else {
			f.solid(b[:n], s)
		}
		b, s.Offset = b[n:], s.Offset+n
	}
}

// solid fills b with a new file's bytes that are no hole.
func (f *File) solid(b []byte, s Source) {
	for len(b) > 0 {
		block, n := int64(0), int64(len(b))
		if f.Pool != nil {
			block = s.Offset / f.Pool.unit
			n = min(n, f.Pool.unit-s.Offset%f.Pool.unit)
		}
		if f.Pool == nil || (block+1)*f.Pool.unit > f.History.Size {
			f.Content.fill(b, tagOwn, s)
			return
		}
		content := f.Pool.Content(f.First + uint64(block))
		f.Content.fill(b[:n], tagShared, Source{0, f.Pool.generation, int64(content)*f.Pool.unit + s.Offset%f.Pool.unit})
		b, s.Offset = b[n:], s.Offset+n
	}
}

// Segments calls yield with the file in runs of data and of holes, in order,
// until it returns false. Neighbouring runs differ.
func (v *View) Segments(yield func(off, n int64, hole bool) bool) {
	var start, at int64
	var hole, stopped bool
	v.Runs(0, v.size, func(n int64, isHole bool) bool {
		if isHole != hole {
			if at > start && !yield(start, at-start, hole) {
				stopped = true
				return false
			}
			start, hole = at, isHole
		}
		at += n
		return true
	})
	if !stopped && at > start {
		yield(start, at-start, hole)
	}
}

// Runs calls yield with [off, off+n) in runs of data and of holes; neighbours may be alike.
func (v *View) Runs(off, n int64, yield func(n int64, hole bool) bool) {
	f := v.File
	f.History.Pieces(v.Generation, off, n, func(p Piece) bool {
		if p.Generation != f.History.Birth || f.Content.Holes == 0 {
			return yield(p.Len, false)
		}
		for p.Len > 0 {
			n := min(p.Len, HoleUnit-p.From%HoleUnit)
			if !yield(n, f.Content.hole(f.Stream, p.From/HoleUnit)) {
				return false
			}
			p.From, p.Len = p.From+n, p.Len-n
		}
		return true
	})
}

// Differ calls yield with the runs of [0, v.Size()) that are not what the
// earlier generation held at the same place, in order, until it returns false.
func (v *View) Differ(earlier uint16, yield func(off, n int64) bool) {
	old := v.File.At(earlier)
	start, at := int64(-1), int64(0)
	flush := func() bool {
		if start < 0 {
			return true
		}
		from := start
		start = -1
		return yield(from, at-from)
	}
	more := v.File.History.Pieces(v.Generation, 0, v.size, func(p Piece) bool {
		for p.Len > 0 {
			n, same := p.Len, false
			if at < old.size {
				n = min(n, old.size-at)
				q := old.first(at, n)
				n, same = q.Len, q.Generation == p.Generation && q.From == p.From
			}
			if same && !flush() {
				return false
			}
			if !same && start < 0 {
				start = at
			}
			at, p.From, p.Len = at+n, p.From+n, p.Len-n
		}
		return true
	})
	if more {
		flush()
	}
}

// first returns the piece at off, up to n bytes of it.
func (v *View) first(off, n int64) (p Piece) {
	v.File.History.Pieces(v.Generation, off, n, func(q Piece) bool { p = q; return false })
	return p
}
