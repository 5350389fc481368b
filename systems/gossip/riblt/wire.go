package riblt

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrMalformed means that bytes are not symbols as Append writes them.
var ErrMalformed = errors.New("malformed coded symbols")

// Append appends symbols from the first-th on to b: id and checksum in 12 bytes, and the count as
// its difference from what is expected of a set of n ids, which mostly takes one byte more.
func Append(b []byte, symbols []Symbol, first int, n int64) []byte {
	for k, s := range symbols {
		b = binary.LittleEndian.AppendUint64(b, s.ID)
		b = binary.LittleEndian.AppendUint32(b, s.Check)
		b = binary.AppendVarint(b, s.Count-expected(first+k, n))
	}
	return b
}

// expected is the mean count of symbol i of a set of n ids, rounded down.
func expected(i int, n int64) int64 {
	if n > math.MaxInt64/2 {
		n = 0
	}
	return 2 * n / int64(i+2)
}

// Parse reads the symbols that Append wrote with the same first and n.
func Parse(b []byte, first int, n int64) ([]Symbol, error) {
	var symbols []Symbol
	for len(b) > 0 {
		if len(b) < 13 {
			return nil, ErrMalformed
		}
		s := Symbol{ID: binary.LittleEndian.Uint64(b), Check: binary.LittleEndian.Uint32(b[8:])}
		delta, used := binary.Varint(b[12:])
		if used <= 0 {
			return nil, ErrMalformed
		}
		s.Count = delta + expected(first+len(symbols), n)
		symbols = append(symbols, s)
		b = b[12+used:]
	}
	return symbols, nil
}
