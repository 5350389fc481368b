// Package stream makes the bytes of files: any byte of any generation of any of
// four billion files from one seed, in constant time for each generation, with
// nothing kept.
//
// A Content is the seed and what the bytes are like: how well they compress,
// how much of them is holes, how often a block occurs. A History is how one
// file changes from generation to generation by inserts, overwrites and
// deletes. A File is both, and View its bytes at one generation, as an
// io.ReaderAt.
//
// Terms:
//
//	stream      the number of a file within its seed, of 32 bits
//	generation  the state of a file after so many rounds of changes
//	source      where bytes come from: a stream, the generation that wrote
//	            them, and their place among all bytes written then
//	piece       a run of bytes of a file that come from one source
//
// Bytes are AES-128 in counter mode, and the counter is the source. So any 16
// bytes, found anywhere, can be decrypted to the source they were made for, and
// bytes of two sources are never equal by accident.
package stream

// Version of the format: of everything that decides what a byte is. It is part
// of the key, so other versions share no bytes.
const Version = 1

// A Source is where a byte comes from.
type Source struct {
	Stream     uint32
	Generation uint16
	Offset     int64 // in bytes, among all that this generation wrote of this stream
}

// MaxGeneration is the last generation there can be.
const MaxGeneration = 1<<16 - 1
