// Package codec writes and reads the store's binary fields: frames between members and records on
// disk.
//
// A Reader bounds everything by the bytes that are there, so that garbage costs no memory, and
// remembers that something was wrong.
package codec

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed means that bytes are not what they were read as.
var ErrMalformed = errors.New("malformed")

// AppendUint64 appends 8 bytes.
func AppendUint64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// AppendUint appends a number, small ones in few bytes.
func AppendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// AppendBool appends a byte.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendString appends bytes with their length.
func AppendString(b []byte, s string) []byte { return append(AppendUint(b, uint64(len(s))), s...) }

// AppendIDs appends numbers of 8 bytes, with how many there are.
func AppendIDs(b []byte, ids []uint64) []byte {
	b = AppendUint(b, uint64(len(ids)))
	for _, id := range ids {
		b = AppendUint64(b, id)
	}
	return b
}

// Reader reads fields in the order in which they were appended. After the first failure every field
// is zero.
type Reader struct {
	b      []byte
	failed bool
}

// NewReader reads b, and does not keep it: strings are copies.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Fail marks what was read as wrong.
func (r *Reader) Fail() { r.failed, r.b = true, nil }

// Err is ErrMalformed where anything was wrong.
func (r *Reader) Err() error {
	if r.failed {
		return ErrMalformed
	}
	return nil
}

// End is Err, and also wrong where bytes are left.
func (r *Reader) End() error {
	if len(r.b) > 0 {
		r.Fail()
	}
	return r.Err()
}

// Len is how many bytes are left.
func (r *Reader) Len() int { return len(r.b) }

func (r *Reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.Fail()
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

// Uint64 reads 8 bytes.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Uint reads a number.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads a byte that is 0 or 1.
func (r *Reader) Bool() bool {
	v := r.Byte()
	if v > 1 {
		r.Fail()
	}
	return v == 1
}

// String reads bytes with their length.
func (r *Reader) String() string { return string(r.take(r.Uint())) }

// Bytes is String without a copy.
func (r *Reader) Bytes() []byte { return r.take(r.Uint()) }

// Count reads how many items follow, of at least size bytes each.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64(len(r.b)/max(size, 1)) {
		r.Fail()
		return 0
	}
	return int(n)
}

// IDs reads what AppendIDs wrote.
func (r *Reader) IDs() []uint64 {
	n := r.Count(8)
	ids := make([]uint64, 0, n)
	for range n {
		ids = append(ids, r.Uint64())
	}
	return ids
}

// Rest is all bytes that are left, not copied.
func (r *Reader) Rest() []byte { return r.take(uint64(len(r.b))) }
