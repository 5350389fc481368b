package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func unixTime(t unix.Timespec) time.Time { return time.Unix(t.Sec, t.Nsec).UTC() }

// A reader is what a worker compares files with.
type reader struct {
	tracer    *trace.Tracer
	got, want []byte
	wrong     damage.Extents
}

func newReader(t *trace.Tracer) *reader {
	return &reader{tracer: t, got: make([]byte, buffer), want: make([]byte, buffer)}
}

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
func (c *checker) file(r *reader, in *folder, e tree.Entry, path string, st *unix.Stat_t) (found []damage.Damage, compared int64) {
	found = c.links(e, path, st)
	if len(found) == 0 && !c.view.First(e) {
		return nil, 0 // it is verified by its first name
	}
	fail := func(what string, err error) ([]damage.Damage, int64) {
		return append(found, damage.Damage{Path: path, Kind: damage.Failed, What: fmt.Sprintf("%s: %v", what, err)}), compared
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
		found = append(found, damage.Damage{Path: path, Kind: damage.Size, What: fmt.Sprintf("%s: has %d bytes, want %d", word, st.Size, v.Size())})
	}
	if compared, err = r.compare(readFile(fd), v, min(st.Size, v.Size())); err != nil {
		return fail("read", err)
	}
	c.o.Progress.bytes.Add(v.Size())
	f := damage.File{Path: path, Entry: e, Generation: c.view.Generation(), Want: v, Compared: min(st.Size, v.Size())}
	for _, x := range r.wrong {
		d, err := f.Explain(r.tracer, readFile(fd), x)
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
			r.wrong.Compare(got, want, done)
		}
		done += size
	}
	return done, nil
}

// slack is how many bytes a file may have allocated beyond its data, for what describes where they are.
const slack = 64 << 10

// holes verifies that nothing is allocated where the view has holes, by SEEK_DATA and
// by the number of blocks. Of a hole only whole blocks count; where bytes are
// wrong, that has been said.
func holes(fd int, path string, st *unix.Stat_t, v *stream.View, wrong damage.Extents) (found []damage.Damage) {
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
		if err != nil || at >= hi || wrong.Overlap(lo, hi) { // ENXIO: no data behind
			return true
		}
		end, err := unix.Seek(fd, at, unix.SEEK_HOLE)
		if err != nil {
			end = hi
		}
		lost++
		found = append(found, damage.Damage{Path: path, Kind: damage.Hole, Off: at, Len: min(end, hi) - at, What: "zeros are written out, want a hole"})
		return lost < damage.MaxExtents
	})
	if allocated := st.Blocks * 512; lost == 0 && len(wrong) == 0 && data < v.Size() && allocated > data+data/16+slack {
		found = append(found, damage.Damage{Path: path, Kind: damage.Hole, What: fmt.Sprintf("has %d bytes allocated, for %d bytes of data", allocated, data)})
	}
	return found
}
