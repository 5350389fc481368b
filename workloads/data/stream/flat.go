package stream

import (
	"fmt"
	"io"
	"sort"
)

// A Flat is a view that keeps where all of its bytes come from, 24 bytes for each
// piece: so reading at random takes as long at a late generation as at an early
// one. It is safe for concurrent use.
type Flat struct {
	view   *View
	pieces []flatPiece
}

type flatPiece struct {
	off, from  int64
	generation uint16
}

// Flat goes through the whole file once.
func (v *View) Flat() *Flat {
	f := &Flat{view: v}
	at := int64(0)
	v.File.History.Pieces(v.Generation, 0, v.size, func(p Piece) bool {
		if n := len(f.pieces); n > 0 {
			if last := f.pieces[n-1]; last.generation == p.Generation && last.from+at-last.off == p.From {
				at += p.Len // goes on where the last one ends
				return true
			}
		}
		f.pieces = append(f.pieces, flatPiece{at, p.From, p.Generation})
		at += p.Len
		return true
	})
	return f
}

// Size returns the size in bytes.
func (f *Flat) Size() int64 { return f.view.size }

// Pieces returns how many pieces are kept.
func (f *Flat) Pieces() int { return len(f.pieces) }

// ReadAt fills b with the bytes from off. It is io.ReaderAt's.
func (f *Flat) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read stream %d at %d: must not be negative", f.view.File.Stream, off)
	}
	n := int(min(int64(len(b)), max(0, f.view.size-off)))
	rest := b[:n]
	for i := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].off > off }) - 1; len(rest) > 0; i++ {
		p, end := f.pieces[i], f.view.size
		if i+1 < len(f.pieces) {
			end = f.pieces[i+1].off
		}
		k := min(int64(len(rest)), end-off)
		f.view.File.fill(rest[:k], p.generation, p.from+off-p.off)
		rest, off = rest[k:], off+k
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
