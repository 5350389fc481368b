package stream

import (
	"fmt"
	"sort"
)

// A Piece is a run of bytes of a file that come from one source.
type Piece struct {
	Generation uint16 // that wrote them
	From       int64  // their place among all that it wrote of the file
	Len        int64
}

// A History is how a file came to be what it is: the generation in which it
// began, its size then, and a step for each generation that changed it.
type History struct {
	Birth uint16
	Size  int64 // at birth
	Steps []Step
}

// Append adds a step, which must follow those that are there.
func (h *History) Append(s Step) error {
	last, size := h.Birth, h.Size
	if n := len(h.Steps); n > 0 {
		last, size = h.Steps[n-1].Generation, h.Steps[n-1].New
	}
	if s.Generation <= last || s.Old != size {
		return fmt.Errorf("append generation %d to a file of %d bytes: must follow generation %d with %d bytes", s.Generation, s.Old, last, size)
	}
	h.Steps = append(h.Steps, s)
	return nil
}

// steps returns how many steps have been made by the generation.
func (h *History) steps(generation uint16) int {
	return sort.Search(len(h.Steps), func(i int) bool { return h.Steps[i].Generation > generation })
}

// SizeAt returns the file's size in bytes at the generation.
func (h *History) SizeAt(generation uint16) int64 {
	if i := h.steps(generation); i > 0 {
		return h.Steps[i-1].New
	}
	return h.Size
}

// Changed reports whether the generation changed the file.
func (h *History) Changed(generation uint16) bool {
	i := h.steps(generation)
	return i > 0 && h.Steps[i-1].Generation == generation
}

// Pieces calls yield with the pieces of [off, off+n) at the generation, in
// order, until it returns false.
func (h *History) Pieces(generation uint16, off, n int64, yield func(Piece) bool) bool {
	return n <= 0 || h.pieces(h.steps(generation), off, n, yield)
}

func (h *History) pieces(steps int, off, n int64, yield func(Piece) bool) bool {
	if steps == 0 {
		return yield(Piece{h.Birth, off, n})
	}
	s := &h.Steps[steps-1]
	return s.runs(off, n, func(r run) bool {
		if r.written {
			return yield(Piece{s.Generation, r.from, r.n})
		}
		return h.pieces(steps-1, r.from, r.n, yield)
	})
}

// Find returns where the byte that was the written generation's from stands at
// the generation: false if it does not exist yet, or any more.
func (h *History) Find(written uint16, from int64, generation uint16) (off int64, ok bool) {
	if written > generation || written < h.Birth {
		return 0, false
	}
	i := h.steps(written)
	switch {
	case written == h.Birth:
		if off = from; from < 0 || from >= h.Size {
			return 0, false
		}
	case i == 0 || h.Steps[i-1].Generation != written:
		return 0, false
	default:
		if off, ok = h.Steps[i-1].placed(from); !ok {
			return 0, false
		}
	}
	for ; i < len(h.Steps) && h.Steps[i].Generation <= generation; i++ {
		if off, ok = h.Steps[i].moved(off); !ok {
			return 0, false
		}
	}
	return off, true
}

// A Place is where a byte stands in the generations from First to Last.
type Place struct {
	First, Last uint16
	Off         int64
}

// Places returns where the byte that was the written generation's from stands, in
// the order of generations, up to last.
func (h *History) Places(written uint16, from int64, last uint16) (all []Place) {
	off, ok := h.Find(written, from, written)
	if !ok || written > last {
		return nil
	}
	p := Place{written, written, off}
	for _, s := range h.Steps[h.steps(written):] {
		if s.Generation > last {
			break
		}
		p.Last = s.Generation - 1
		if off, ok = s.moved(off); !ok {
			return append(all, p)
		}
		if off != p.Off {
			all, p = append(all, p), Place{s.Generation, s.Generation, off}
		}
	}
	p.Last = last
	return append(all, p)
}
