package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func unixTime(t unix.Timespec) time.Time { return time.Unix(t.Sec, t.Nsec).UTC() }

// A reader is what a worker compares files with.
type reader struct {
	tracer    *trace.Tracer
	got, want []byte
	wrong     []extent
}

func newReader(t *trace.Tracer) *reader {
	return &reader{tracer: t, got: make([]byte, buffer), want: make([]byte, buffer)}
}

// An extent is bytes of a file.
type extent struct{ off, n int64 }

const (
	// near is how many right bytes between wrong ones belong to them: some are right by accident.
	near = 32
	// maxExtents is how many places are told apart in a file; the last has the rest.
	maxExtents = 256
)

// readFile is a file by its descriptor.
type readFile int

func (f readFile) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		k, err := unix.Pread(int(f), b[n:], off+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, err
		case k == 0:
			return n, io.EOF
		}
		n += max(k, 0)
	}
	return n, nil
}

// file verifies a file, and returns how many bytes it has read.
func (c *checker) file(r *reader, in *folder, e tree.Entry, path string, st *unix.Stat_t) (found []Damage, compared int64) {
	found = c.links(e, path, st)
	if len(found) == 0 && !c.view.First(e) {
		return nil, 0 // it is verified by its first name
	}
	fail := func(what string, err error) ([]Damage, int64) {
		return append(found, Damage{Path: path, Kind: Failed, What: fmt.Sprintf("%s: %v", what, err)}), compared
	}
	fd, err := unix.Openat(in.fd, e.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		fd, err = unix.Openat(in.fd, e.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	v, err := c.view.File(e)
	if err != nil {
		return fail("make", err)
	}
	if st.Size != v.Size() {
		word := "truncated"
		if st.Size > v.Size() {
			word = "too long"
		}
		found = append(found, Damage{Path: path, Kind: Size, What: fmt.Sprintf("%s: has %d bytes, want %d", word, st.Size, v.Size())})
	}
	if compared, err = r.compare(readFile(fd), v, min(st.Size, v.Size())); err != nil {
		return fail("read", err)
	}
	c.o.Progress.bytes.Add(v.Size())
	r.tracer.Expect(0, uint32(e.Number), c.view.Generation())
	for _, x := range r.wrong {
		d, err := c.explain(r, readFile(fd), e, path, v, x, min(st.Size, v.Size()))
		if err != nil {
			return fail("read", err)
		}
		found = append(found, d...)
	}
	if !c.o.NoHoles {
		found = append(found, holes(fd, path, st, v, r.wrong)...)
	}
	a := c.view.Attributes(e)
	if !c.o.NoXattrs {
		found = append(found, c.xattrs(fd, path, a.Xattrs)...)
	}
	return append(found, c.attributes(path, st, a, false)...), compared
}

// compare reads n bytes and notes which are wrong.
func (r *reader) compare(f readFile, v *stream.View, n int64) (done int64, err error) {
	r.wrong = r.wrong[:0]
	for done < n {
		size := min(n-done, buffer)
		got, want := r.got[:size], r.want[:size]
		if _, err := f.ReadAt(got, done); err != nil {
			return done, err
		}
		if _, err := v.ReadAt(want, done); err != nil {
			return done, err
		}
		if !bytes.Equal(got, want) {
			for i := range got {
				if got[i] != want[i] {
					r.note(done + int64(i))
				}
			}
		}
		done += size
	}
	return done, nil
}

// note adds one wrong byte.
func (r *reader) note(at int64) {
	if k := len(r.wrong); k > 0 {
		last := &r.wrong[k-1]
		if at < last.off+last.n+near || k == maxExtents {
			last.n = at + 1 - last.off
			return
		}
	}
	r.wrong = append(r.wrong, extent{at, 1})
}

// short is up to how many wrong bytes no block was exchanged, but bytes were changed.
const short = 16

// explain says where the wrong bytes of one place come from, of so many that could be compared.
func (c *checker) explain(r *reader, f readFile, e tree.Entry, path string, v *stream.View, x extent, size int64) (found []Damage, err error) {
	if x.n <= short {
		return []Damage{r.flip(f, path, v, x)}, nil
	}
	err = r.tracer.Scan(f, x.off, x.n, func(t trace.Found) bool {
		d := Damage{Path: path, Kind: Content, Off: t.Off, Len: t.Len}
		switch t.Kind {
		case trace.Zeros:
			d.What = "zeros where data should be"
		case trace.Unknown:
			if x.n != t.Len && t.Len <= short {
				return true // by accident right, or too few to say more than their neighbours
			}
			d.What = "bytes that no generation of this tree has"
		case trace.Generated:
			d.Origin = &t.Origin
			d.What = describe(e, c.view.Generation(), t, size)
		}
		found = append(found, d)
		return len(found) < maxExtents
	})
	return found, err
}

// describe words the origin of wrong bytes.
func describe(e tree.Entry, generation int, t trace.Found, size int64) string {
	o := t.Origin
	shift := ""
	if d := t.Off - o.Offset; d != 0 {
		shift = fmt.Sprintf(", shifted by %+d", d)
	}
	same := o.Tree == 0 && o.Stream == uint32(e.Number)
	current := o.Tree == 0 && o.First <= generation && generation <= o.Last
	switch {
	case same && !current:
		return fmt.Sprintf("stale: %v%s", o, shift)
	case same:
		return fmt.Sprintf("bytes of the same file, %v%s", o, shift)
	case t.Off == 0 && o.Offset == 0 && t.Len == size:
		return fmt.Sprintf("swapped: all of it is %v", o)
	case o.Tree != 0:
		return fmt.Sprintf("bytes of another tree (number %d), %v%s", o.Tree, o, shift)
	}
	return fmt.Sprintf("bytes of another file, %v%s", o, shift)
}

// flip words a few wrong bytes.
func (r *reader) flip(f readFile, path string, v *stream.View, x extent) Damage {
	got, want := r.got[:x.n], r.want[:x.n]
	if _, err := f.ReadAt(got, x.off); err != nil {
		return Damage{Path: path, Kind: Failed, What: fmt.Sprintf("read again: %v", err)}
	}
	if _, err := v.ReadAt(want, x.off); err != nil {
		return Damage{Path: path, Kind: Failed, What: fmt.Sprintf("make: %v", err)}
	}
	n := 0
	for i := range got {
		n += bits.OnesCount8(got[i] ^ want[i])
	}
	word := "bits"
	if n == 1 {
		word = "bit"
	}
	return Damage{Path: path, Kind: Content, Off: x.off, Len: x.n, What: fmt.Sprintf("%d %s flipped: %x, want %x", n, word, got, want)}
}

// slack is how many bytes a file may have allocated beyond its data, for what describes where they are.
const slack = 64 << 10

// holes verifies that nothing is allocated where the view has holes, by SEEK_DATA and
// by the number of blocks. Of a hole only whole blocks count; where bytes are
// wrong, that has been said.
func holes(fd int, path string, st *unix.Stat_t, v *stream.View, wrong []extent) (found []Damage) {
	block := max(int64(st.Blksize), 4096)
	data, lost := int64(0), int64(0)
	v.Segments(func(off, n int64, hole bool) bool {
		lo, hi := (off+block-1)/block*block, (off+n)/block*block
		if !hole || lo >= hi || hi > st.Size {
			data += n + 2*block
			return true
		}
		data += n - (hi - lo) + 2*block
		at, err := unix.Seek(fd, lo, unix.SEEK_DATA)
		if err != nil || at >= hi || overlaps(wrong, lo, hi) { // ENXIO: no data behind
			return true
		}
		end, err := unix.Seek(fd, at, unix.SEEK_HOLE)
		if err != nil {
			end = hi
		}
		lost++
		found = append(found, Damage{Path: path, Kind: Hole, Off: at, Len: min(end, hi) - at, What: "zeros are written out, want a hole"})
		return lost < maxExtents
	})
	if allocated := st.Blocks * 512; lost == 0 && len(wrong) == 0 && data < v.Size() && allocated > data+data/16+slack {
		found = append(found, Damage{Path: path, Kind: Hole, What: fmt.Sprintf("has %d bytes allocated, for %d bytes of data", allocated, data)})
	}
	return found
}

func overlaps(wrong []extent, lo, hi int64) bool {
	for _, x := range wrong {
		if x.off < hi && lo < x.off+x.n {
			return true
		}
	}
	return false
}
