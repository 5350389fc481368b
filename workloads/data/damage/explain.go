package damage

import (
	"fmt"
	"io"
	"math/bits"

	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// An Extent is bytes of a file.
type Extent struct{ Off, Len int64 }

// Extents are wrong bytes, in order.
type Extents []Extent

const (
	// near is how many right bytes between wrong ones belong to them: some are right by accident.
	near = 32
	// MaxExtents is how many places are told apart in a file; the last has the rest.
	MaxExtents = 256
)

// Compare adds the bytes that differ; both begin at at in the file.
func (x *Extents) Compare(got, want []byte, at int64) {
	for i := range got {
		if got[i] != want[i] {
			x.note(at + int64(i))
		}
	}
}

// note adds one wrong byte.
func (x *Extents) note(at int64) {
	if k := len(*x); k > 0 {
		last := &(*x)[k-1]
		if at < last.Off+last.Len+near || k == MaxExtents {
			last.Len = at + 1 - last.Off
			return
		}
	}
	*x = append(*x, Extent{at, 1})
}

// Overlap reports whether any of them lies in [lo, hi).
func (x Extents) Overlap(lo, hi int64) bool {
	for _, e := range x {
		if e.Off < hi && lo < e.Off+e.Len {
			return true
		}
	}
	return false
}

// A File is one that has wrong bytes.
type File struct {
	Path       string
	Entry      tree.Entry
	Generation int          // that it should be at
	Want       *stream.View // what it should hold
	Compared   int64        // how many bytes from its start could be compared
}

// short is up to how many wrong bytes no block was exchanged, but bytes were changed.
const short = 16

// Explain says where the wrong bytes of one place come from; r holds what is there.
func (f *File) Explain(t *trace.Tracer, r io.ReaderAt, x Extent) (found []Damage, err error) {
	if x.Len <= short {
		d, err := f.flip(r, x)
		return []Damage{d}, err
	}
	t.Expect(0, uint32(f.Entry.Number), f.Generation)
	err = t.Scan(r, x.Off, x.Len, func(t trace.Found) bool {
		d := Damage{Path: f.Path, Kind: Content, Off: t.Off, Len: t.Len}
		switch t.Kind {
		case trace.Zeros:
			d.What = "zeros where data should be"
		case trace.Unknown:
			if x.Len != t.Len && t.Len <= short {
				return true // by accident right, or too few to say more than their neighbours
			}
			d.What = "bytes that no generation of this tree has"
		case trace.Generated:
			d.Origin = &t.Origin
			d.What = f.describe(t)
		}
		found = append(found, d)
		return len(found) < MaxExtents
	})
	return found, err
}

// describe words the origin of wrong bytes.
func (f *File) describe(t trace.Found) string {
	o := t.Origin
	shift := ""
	if d := t.Off - o.Offset; d != 0 {
		shift = fmt.Sprintf(", shifted by %+d", d)
	}
	same := o.Tree == 0 && o.Stream == uint32(f.Entry.Number)
	current := o.Tree == 0 && o.First <= f.Generation && f.Generation <= o.Last
	switch {
	case same && !current:
		return fmt.Sprintf("stale: %v%s", o, shift)
	case same:
		return fmt.Sprintf("bytes of the same file, %v%s", o, shift)
	case t.Off == 0 && o.Offset == 0 && t.Len == f.Compared:
		return fmt.Sprintf("swapped: all of it is %v", o)
	case o.Tree != 0:
		return fmt.Sprintf("bytes of another tree (number %d), %v%s", o.Tree, o, shift)
	}
	return fmt.Sprintf("bytes of another file, %v%s", o, shift)
}

// flip words a few wrong bytes.
func (f *File) flip(r io.ReaderAt, x Extent) (d Damage, err error) {
	var got, want [short]byte
	if _, err := r.ReadAt(got[:x.Len], x.Off); err != nil {
		return d, err
	}
	if _, err := f.Want.ReadAt(want[:x.Len], x.Off); err != nil {
		return d, err
	}
	n := 0
	for i := range got {
		n += bits.OnesCount8(got[i] ^ want[i])
	}
	word := "bits"
	if n == 1 {
		word = "bit"
	}
	return Damage{Path: f.Path, Kind: Content, Off: x.Off, Len: x.Len, What: fmt.Sprintf("%d %s flipped: %x, want %x", n, word, got[:x.Len], want[:x.Len])}, nil
}
