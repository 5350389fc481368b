package kibishii

import (
	"crypto/sha1"
	"encoding"
	"encoding/binary"
	"hash"
	"strconv"
	"sync"
)

// blocks is how many blocks a file has. There must be files.
func (s Spec) blocks() int64 { return s.Length / s.BlockSize }

// textEnd is where the text of a block of that size ends; the blocks of 40 to 60 bytes have none.
func textEnd(size int64) int64 { return max(headerSize, size-sumSize-padSize) }

// A stencil holds the beginnings of a file's first blocks, as far as they are the same in every
// file of the tree: without an identity the whole blocks, with one as far as the longest line does
// not reach. What it holds need not be hashed again for every file. It never changes once it is
// made.
type stencil struct {
	spec   Spec
	keep   int64  // bytes at the beginning of each block
	blocks int64  // how many
	bytes  []byte // one after the other
	hashes []byte // the state of each block's hash after those bytes; nil where they are whole blocks
}

// stencilSize is how many bytes a stencil may take. What of a file lies behind it is computed.
const stencilSize = 16 << 20

// newStencil makes a stencil in which each block has room for a line of that length at the end of
// its text.
func newStencil(s Spec, line, workers int) *stencil {
	t := &stencil{spec: s, keep: s.BlockSize}
	if s.Size().Files < 2 || s.Length == 0 {
		return t // nothing would be used twice
	}
	state := 0
	if line > 0 {
		t.keep = textEnd(s.BlockSize) - int64(line)
		state = len(hashState(sha1.New(), nil))
	}
	t.blocks = min(s.blocks(), stencilSize/(t.keep+int64(state)))
	t.bytes, t.hashes = make([]byte, t.blocks*t.keep), make([]byte, t.blocks*int64(state))
	var all sync.WaitGroup
	for first := range min(int64(workers), t.blocks) {
		all.Go(func() {
			m := newMaker(&stencil{spec: s}) // one that holds nothing
			for n := first; n < t.blocks; n += int64(workers) {
				m.block(n)
				m.next(t.bytes[n*t.keep:][:t.keep])
				if state > 0 {
					hashState(m.hash, t.hashes[n*int64(state):n*int64(state)])
				}
			}
		})
	}
	all.Wait()
	return t
}

// hashState appends what is needed to go on with the hash.
func hashState(h hash.Hash, b []byte) []byte {
	b, _ = h.(encoding.BinaryAppender).AppendBinary(b) // crypto/sha1 promises it, without an error
	return b
}

// A maker makes the bytes of one file at a time, block after block.
type maker struct {
	*stencil
	line  []byte // at the end of each block's text: whose the file is
	n, at int64  // the next byte: which block, and where in it
	word  []byte // what this block's text repeats
	hash  hash.Hash
	head  [headerSize]byte
	sum   [sumSize]byte
	made  []byte
}

func newMaker(t *stencil) *maker { return &maker{stencil: t, hash: sha1.New()} }

// piece is the next n bytes of the file, beginning at the offset; they hold until the next call.
// The offset is where the last piece ended, or where a block begins.
func (m *maker) piece(offset int64, n int) []byte {
	if m.keep == m.spec.BlockSize && offset+int64(n) <= int64(len(m.bytes)) {
		return m.bytes[offset:][:n]
	}
	if cap(m.made) < n {
		m.made = make([]byte, n)
	}
	p := m.made[:n]
	for rest := p; len(rest) > 0; {
		if offset%m.spec.BlockSize == 0 {
			m.block(offset / m.spec.BlockSize)
		}
		k := min(int64(len(rest)), m.spec.BlockSize-m.at)
		m.next(rest[:k])
		rest, offset = rest[k:], offset+k
	}
	return p
}

// block begins block n.
func (m *maker) block(n int64) {
	m.n, m.at = n, 0
	m.head = header(m.spec, n)
	m.word = append(m.word[:0], "iGeekTest-"...)
	m.word = strconv.AppendInt(m.word, int64(m.spec.Pass), 10)
	m.word = append(m.word, '-')
	m.word = strconv.AppendInt(m.word, n, 10)
	m.hash.Reset()
}

// header is the first bytes of block n.
func header(s Spec, n int64) (b [headerSize]byte) {
	binary.BigEndian.PutUint64(b[0:], uint64(n*s.BlockSize))
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	binary.BigEndian.PutUint32(b[16:], uint32(s.Pass))
	return b
}

// next fills p with the bytes of the block that come next.
func (m *maker) next(p []byte) {
	end, body := textEnd(m.spec.BlockSize), m.spec.BlockSize-sumSize
	for len(p) > 0 {
		var k int
		switch at := m.at; {
		case m.n < m.blocks && at < m.keep:
			k = copy(p, m.bytes[m.n*m.keep+at:(m.n+1)*m.keep])
			m.resume(at + int64(k))
			p, m.at = p[k:], at+int64(k)
			continue // it is in the hash
		case at < headerSize:
			k = copy(p, m.head[at:])
		case at < end:
			k = int(min(int64(len(p)), end-at))
			m.text(p[:k], at, end)
		case at < body:
			k = int(min(int64(len(p)), body-at))
			clear(p[:k])
		default:
			if at == body {
				m.hash.Sum(m.sum[:0])
			}
			k = copy(p, m.sum[at-body:])
		}
		if m.at < body {
			m.hash.Write(p[:k]) // never an error
		}
		p, m.at = p[k:], m.at+int64(k)
	}
}

// resume takes the hash from where the stencil ends.
func (m *maker) resume(at int64) {
	if at == m.keep && m.hashes != nil {
		size := int64(len(m.hashes)) / m.blocks
		_ = m.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(m.hashes[m.n*size:][:size]) // it is its own
	}
}

// text fills p with the text that stands at that place of the block: the word again and again, and
// at the end the line.
func (m *maker) text(p []byte, at, end int64) {
	size := int64(len(m.word))
	n := copy(p, m.word[(at-headerSize)%size:])
	for n < len(p) && int64(n) < size {
		n += copy(p[n:], m.word)
	}
	for n < len(p) { // what is there, as often as it fits
		n += copy(p[n:], p[int64(n)%size:n])
	}
	line := end - int64(len(m.line)) // where it begins
	if from := at + int64(len(p)); from > line {
		copy(p[max(0, line-at):], m.line[max(0, at-line):])
	}
}
