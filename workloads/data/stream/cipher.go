package stream

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/reckon-bench/reckon/reckon/seed"
)

// unit is the size of a cipher's block.
const unit = aes.BlockSize

// The tags of a counter: a literal of one stream, or a block that several share.
const (
	tagOwn    = 0xd1a7
	tagShared = 0xd1a8
)

// A counter is what a cipher's block encrypts:
//
//	tag 16 | generation 16 | stream 32 | index 64, big-endian
//
// where index counts units of 16 bytes.
type counter [unit]byte

func newCounter(tag uint16, s Source) (c counter) {
	binary.BigEndian.PutUint16(c[0:], tag)
	binary.BigEndian.PutUint16(c[2:], s.Generation)
	binary.BigEndian.PutUint32(c[4:], s.Stream)
	binary.BigEndian.PutUint64(c[8:], uint64(s.Offset)/unit)
	return c
}

// random makes the bytes that are nothing but random, and tells where such bytes come from.
type random struct{ block cipher.Block }

func newRandom(number uint64) random {
	key := seed.Key(number, fmt.Sprintf("data %d", Version))
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // only for a key of another length
	}
	return random{block}
}

// direct is up to how many bytes single blocks are faster than setting up a stream.
const direct = 8 * unit

// fill fills b with the bytes of the source, beginning anywhere within a unit.
func (r random) fill(b []byte, tag uint16, s Source) {
	if skip := int(s.Offset % unit); skip != 0 {
		var whole counter = newCounter(tag, s)
		r.block.Encrypt(whole[:], whole[:])
		n := copy(b, whole[skip:])
		b, s.Offset = b[n:], s.Offset+int64(n)
	}
	c := newCounter(tag, s)
	if len(b) > direct {
		clear(b)
		cipher.NewCTR(r.block, c[:]).XORKeyStream(b, b)
		return
	}
	for index := uint64(s.Offset) / unit; len(b) > 0; index++ {
		binary.BigEndian.PutUint64(c[8:], index)
		if len(b) >= unit {
			r.block.Encrypt(b, c[:])
			b = b[unit:]
			continue
		}
		var last counter
		r.block.Encrypt(last[:], c[:])
		b = b[copy(b, last[:]):]
	}
}

// open decrypts the first 16 bytes of b to what they were made for. It reports
// false for bytes that were not made by this seed, or that begin within a unit;
// of others one of 2^15 passes, so ask further what makes sense.
func (r random) open(b []byte) (tag uint16, s Source, ok bool) {
	var c counter
	r.block.Decrypt(c[:], b[:unit])
	tag = binary.BigEndian.Uint16(c[0:])
	index := binary.BigEndian.Uint64(c[8:])
	if tag != tagOwn && tag != tagShared || index >= 1<<59 {
		return 0, s, false
	}
	return tag, Source{binary.BigEndian.Uint32(c[4:]), binary.BigEndian.Uint16(c[2:]), int64(index) * unit}, true
}

// Open decrypts the first 16 bytes of b to the source that they were made for.
// It reports false if this seed did not make them or they begin within a unit.
// Of foreign bytes, one in 2^15 positions passes: ask whether there is such a
// file, with such a generation. Shared bytes have a pool's content in their offset.
func (c *Content) Open(b []byte) (s Source, shared, ok bool) {
	tag, s, ok := c.random.open(b)
	return s, tag == tagShared, ok
}
