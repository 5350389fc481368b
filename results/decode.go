package results

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/history"
)

// decodeChunk is how many bytes are handed to one decoder: large enough that handing over costs nothing.
const decodeChunk = 1 << 20

// readOps does for operations what history.ReadLines does for any line, several
// times faster: a run may have a million of them, and is read again for every check and every report. A last
// line without its newline is left out, and cut says so. An error names the line.
func readOps(r io.Reader) (ops []history.Op, cut bool, err error) {
	var (
		parts []*opsPart
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
		wg    sync.WaitGroup
		rest  []byte
		line  = 1
	)
	for err == nil {
		block := make([]byte, len(rest)+decodeChunk)
		n := copy(block, rest)
		var m int
		m, err = io.ReadFull(r, block[n:])
		block = block[:n+m]
		end := bytes.LastIndexByte(block, '\n') + 1
		rest = block[end:]
		if end == 0 {
			continue
		}
		p := &opsPart{first: line}
		parts = append(parts, p)
		line += bytes.Count(block[:end], []byte{'\n'})
		slots <- struct{}{}
		wg.Go(func() { p.decode(block[:end]); <-slots })
	}
	wg.Wait()
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, false, err
	}
	ops = make([]history.Op, 0, line-1)
	for _, p := range parts {
		if p.err != nil {
			return nil, false, p.err
		}
		ops = append(ops, p.ops...)
		p.ops = nil
	}
	return ops, len(rest) > 0, nil
}

// An opsPart is a run of lines that one decoder reads.
type opsPart struct {
	first int // number of its first line
	ops   []history.Op
	err   error
}

func (p *opsPart) decode(lines []byte) {
	p.ops = make([]history.Op, 0, bytes.Count(lines, []byte{'\n'}))
	d := opDecoder{seen: map[string]string{}}
	for i := 0; len(lines) > 0; i++ {
		line, rest, _ := bytes.Cut(lines, []byte{'\n'})
		lines = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var o history.Op
		if !d.fast(line, &o) {
			o = history.Op{}
			// Whatever is not as usual - an escape, a new field - is left to the one that knows; so is an error.
			if err := o.UnmarshalJSON(line); err != nil {
				p.err = fmt.Errorf("line %d: %w", p.first+i, err)
				return
			}
		}
		p.ops = append(p.ops, o)
	}
}

// An opDecoder reads flat JSON objects as history.Op.AppendJSON writes them.
type opDecoder struct {
	seen map[string]string // names that recur in every line are kept once
}

// fast reads the line into o and says whether it understood all of it.
func (d *opDecoder) fast(line []byte, o *history.Op) bool {
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return false
	}
	b := line[1 : len(line)-1]
	for {
		name, rest, ok := plainString(b)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		b = rest[1:]
		if len(b) > 0 && b[0] == '"' {
			value, rest, ok := plainString(b)
			if !ok || !d.text(o, name, value) {
				return false
			}
			b = rest
		} else {
			end := bytes.IndexByte(b, ',')
			if end < 0 {
				end = len(b)
			}
			n, err := strconv.ParseInt(string(b[:end]), 10, 64)
			if err != nil || !integer(o, name, n) {
				return false
			}
			b = b[end:]
		}
		if len(b) == 0 {
			return true
		}
		if b[0] != ',' {
			return false
		}
		b = b[1:]
	}
}

// plainString reads a string that holds no escape and only printable ASCII.
func plainString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c == '\\' || c < 0x20 || c >= 0x80:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

func (d *opDecoder) text(o *history.Op, name, value []byte) bool {
	switch string(name) {
	case "stage":
		return oneOf(&o.Stage, value, history.Load, history.Preload, history.Final)
	case "kind":
		return oneOf(&o.Kind, value, history.Read, history.Write)
	case "outcome":
		return oneOf(&o.Outcome, value, history.OK, history.Failed, history.Unknown)
	case "client":
		o.Client = d.intern(value)
	case "key":
		o.Key = d.intern(value)
	case "member":
		o.Member = d.intern(value)
	case "error":
		o.Error = d.intern(value)
	case "value":
		o.Value = string(value)
	default:
		return false
	}
	return true
}

func oneOf[T fmt.Stringer](to *T, word []byte, known ...T) bool {
	for _, k := range known {
		if k.String() == string(word) {
			*to = k
			return true
		}
	}
	return false
}

func (d *opDecoder) intern(b []byte) string {
	if s, ok := d.seen[string(b)]; ok {
		return s
	}
	s := string(b)
	d.seen[s] = s
	return s
}

func integer(o *history.Op, name []byte, n int64) bool {
	switch string(name) {
	case "process":
		o.Process = int(n)
	case "due":
		o.Due = time.Duration(n)
	case "call":
		o.Call = time.Duration(n)
	case "return":
		o.Return = time.Duration(n)
	case "revision":
		o.Revision = n
	case "version":
		o.Version = n
	default:
		return false
	}
	return true
}
