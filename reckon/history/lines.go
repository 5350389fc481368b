package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// ReadLines decodes a stream of JSON objects, one a line, several blocks of
// lines at a time. A last line without its newline was cut off while it was written: it is
// left out, and cut says so. An error names the line.
func ReadLines[T any](r io.Reader) (all []T, cut bool, err error) {
	return readLines(r, func() func([]byte, *T) error {
		return func(line []byte, t *T) error { return json.Unmarshal(line, t) }
	})
}

// ReadOps is ReadLines for operations, several times faster: a run may have a
// million of them, and is read again for every check and every report.
func ReadOps(r io.Reader) (ops []Op, cut bool, err error) {
	return readLines(r, func() func([]byte, *Op) error {
		d := opDecoder{seen: map[string]string{}}
		return d.decode
	})
}

// EachOp decodes operations one after the other and holds one at a time, for those who would not
// hold a million. It stops at the first error, do's own included; cut is as in ReadLines.
func EachOp(r io.Reader, do func(*Op) error) (cut bool, err error) {
	lines := bufio.NewReaderSize(r, chunk)
	d := opDecoder{seen: map[string]string{}}
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return len(line) > 0, nil
		}
		if err != nil {
			return false, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var o Op
		if err := d.decode(line, &o); err != nil {
			return false, fmt.Errorf("line %d: %w", n, err)
		}
		if err := do(&o); err != nil {
			return false, err
		}
	}
}

// chunk is how many bytes are handed to one decoder: large enough that handing over costs nothing.
const chunk = 1 << 20

// readLines has as many decoders at work as there are processors; newDecoder makes each its own.
func readLines[T any](r io.Reader, newDecoder func() func([]byte, *T) error) (all []T, cut bool, err error) {
	var (
		parts []*part[T]
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
		wg    sync.WaitGroup
		rest  []byte
		line  = 1
	)
	for err == nil {
		block := make([]byte, len(rest)+chunk)
		n := copy(block, rest)
		var m int
		m, err = io.ReadFull(r, block[n:])
		block = block[:n+m]
		end := bytes.LastIndexByte(block, '\n') + 1
		rest = block[end:]
		if end == 0 {
			continue
		}
		p := &part[T]{first: line}
		parts = append(parts, p)
		line += bytes.Count(block[:end], []byte{'\n'})
		slots <- struct{}{}
		wg.Go(func() { p.decode(block[:end], newDecoder()); <-slots })
	}
	wg.Wait()
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, false, err
	}
	all = make([]T, 0, line-1)
	for _, p := range parts {
		if p.err != nil {
			return nil, false, p.err
		}
		all = append(all, p.out...)
		p.out = nil
	}
	return all, len(rest) > 0, nil
}

// A part is a run of lines that one decoder reads.
type part[T any] struct {
	first int // number of its first line
	out   []T
	err   error
}

func (p *part[T]) decode(lines []byte, decode func([]byte, *T) error) {
	p.out = make([]T, 0, bytes.Count(lines, []byte{'\n'}))
	for i := 0; len(lines) > 0; i++ {
		line, rest, _ := bytes.Cut(lines, []byte{'\n'})
		lines = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var t T
		if err := decode(line, &t); err != nil {
			p.err = fmt.Errorf("line %d: %w", p.first+i, err)
			return
		}
		p.out = append(p.out, t)
	}
}
