package kibishii

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// judge says what is wrong with block n, which is not what Generate writes, "" if nothing: without
// an identity any text will do.
func (w *worker) judge(n int64, block io.ReaderAt) string {
	size, end := w.spec.BlockSize, textEnd(w.spec.BlockSize)
	var head [headerSize]byte
	var sum [sumSize]byte
	text := make([]byte, min(end-headerSize, longestLine)) // the end of it
	w.hash.Reset()
	_, err := io.Copy(w.hash, io.NewSectionReader(block, 0, size-sumSize))
	for _, part := range []struct {
		p  []byte
		at int64
	}{{head[:], 0}, {sum[:], size - sumSize}, {text, end - int64(len(text))}} {
		if err == nil {
			_, err = block.ReadAt(part.p, part.at)
		}
	}
	switch {
	case err != nil:
		return lost(n, err)
	case !bytes.Equal(w.hash.Sum(nil), sum[:]):
		return corrupt(n, "sha1")
	case head != header(w.spec, n):
		return corrupt(n, w.wrongHeader(n, head))
	case !bytes.HasSuffix(text, w.maker.line):
		return fmt.Sprintf("identity: block %d is %s, want %s", n, lineIn(text), strings.TrimSpace(string(w.maker.line)))
	}
	return ""
}

// judgeLarge judges a block of which only a piece fits into memory; the piece at the offset was not
// as it should be. It returns how much of the block is done with that.
func (w *worker) judgeLarge(f *file, offset int64, got, want []byte) int64 {
	size := w.spec.BlockSize
	n := offset / size
	what := w.judge(n, io.NewSectionReader(descriptor(f.fd), n*size, size))
	if what == "" && readAt(f.fd, got, offset) == nil && bytes.Equal(got, want) {
		what = corrupt(n, "read twice, and not the same")
	}
	if what != "" {
		f.badBlock(n, what)
	}
	return (n+1)*size - offset
}

// wrongHeader names the first of the header's fields that is not as it should be.
func (w *worker) wrongHeader(n int64, head [headerSize]byte) string {
	offset, number := int64(binary.BigEndian.Uint64(head[0:])), int64(binary.BigEndian.Uint64(head[8:]))
	switch {
	case offset != n*w.spec.BlockSize:
		return fmt.Sprintf("offset %d, want %d", offset, n*w.spec.BlockSize)
	case number != n:
		return fmt.Sprintf("number %d, want %d", number, n)
	}
	return fmt.Sprintf("pass %d, want %d", int32(binary.BigEndian.Uint32(head[16:])), w.spec.Pass)
}

func corrupt(n int64, what string) string { return fmt.Sprintf("corrupt: block %d: %s", n, what) }

// lost says that block n could not be read.
func lost(n int64, err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt(n, "the file was cut while it was read")
	}
	return fmt.Sprintf("unreadable: block %d: %v", n, err)
}

// longestLine is how much of a text is searched for the line of an identity.
const longestLine = 1 << 10

// lineIn is the line at the end of a text: whose the block is.
func lineIn(text []byte) string {
	before, ends := bytes.CutSuffix(text, []byte("\n"))
	i := bytes.LastIndexByte(before, '\n')
	if !ends || i < 0 {
		return "nobody's"
	}
	line := string(before[i+1:])
	if quoted := strconv.Quote(line); quoted != `"`+line+`"` {
		return quoted
	}
	return line
}

// A descriptor is an open file that is read at any place.
type descriptor int

func (fd descriptor) ReadAt(p []byte, offset int64) (int, error) {
	if err := readAt(int(fd), p, offset); err != nil {
		return 0, err
	}
	return len(p), nil
}
