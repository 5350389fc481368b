// Package wal is a write-ahead log of raft entries and snapshots on a simulated disk, built as etcd's is: records with
// checksums in segments, a sync before anything is promised, new segments and snapshots by rename and sync of the
// directory, a torn tail cut off at the start, and damage elsewhere refused.
package wal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/reckon-bench/reckon/reckon/sim/disk"
)

// The kinds of records. A frame is the payload's length, a checksum over kind and payload, the kind, the payload, and
// padding to eight bytes, so that no head is torn.
const (
	entryRecord    = 1 // index, term, type, data
	stateRecord    = 2 // term, vote, commit
	snapshotRecord = 3 // index, term
)

const (
	frameHead = 4 + 4
	alignment = 8
)

var table = crc32.MakeTable(crc32.Castagnoli)

// What reading a record may find.
var (
	errEnd    = errors.New("end of the log")
	errTorn   = errors.New("torn record")
	errDamage = errors.New("checksum mismatch")
)

// begin appends a frame's head and kind; end completes the frame that begins at start.
func begin(b []byte, kind byte) (frame []byte, start int) {
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0, kind), len(b)
}

func end(b []byte, start int) []byte {
	body := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, table))
	for len(b)%alignment != 0 {
		b = append(b, 0)
	}
	return b
}

func appendEntry(b []byte, e *raftpb.Entry) []byte {
	b, start := begin(b, entryRecord)
	b = binary.AppendUvarint(b, e.GetIndex())
	b = binary.AppendUvarint(b, e.GetTerm())
	b = append(b, byte(e.GetType()))
	b = append(b, e.GetData()...)
	return end(b, start)
}

func appendState(b []byte, st *raftpb.HardState) []byte {
	b, start := begin(b, stateRecord)
	b = binary.AppendUvarint(b, st.GetTerm())
	b = binary.AppendUvarint(b, st.GetVote())
	b = binary.AppendUvarint(b, st.GetCommit())
	return end(b, start)
}

func appendMark(b []byte, m Mark) []byte {
	b, start := begin(b, snapshotRecord)
	b = binary.AppendUvarint(b, m.Index)
	b = binary.AppendUvarint(b, m.Term)
	return end(b, start)
}

// next returns the record at the offset of the segment, and where the one after it begins.
func next(segment []byte, at int) (kind byte, payload []byte, after int, err error) {
	if len(segment)-at < frameHead {
		return 0, nil, 0, errEnd
	}
	size := int(binary.LittleEndian.Uint32(segment[at:]))
	if size == 0 {
		return 0, nil, 0, errEnd
	}
	bodyAt := at + frameHead
	if size > len(segment)-bodyAt {
		return 0, nil, 0, errTorn
	}
	body := segment[bodyAt : bodyAt+size]
	if crc32.Checksum(body, table) != binary.LittleEndian.Uint32(segment[at+4:]) {
		if torn(segment, at, bodyAt+size) {
			return 0, nil, 0, errTorn
		}
		return 0, nil, 0, errDamage
	}
	after = bodyAt + size
	after += (alignment - after%alignment) % alignment
	return body[0], body[1:], after, nil
}

// torn reports whether part of the record never reached the medium: whether what one sector holds of it is all
// zero. etcd tells torn writes from damage in the same way (wal/decoder.go).
func torn(segment []byte, from, to int) bool {
	for from < to {
		end := min((from/disk.Sector+1)*disk.Sector, to)
		zero := true
		for _, b := range segment[from:end] {
			zero = zero && b == 0
		}
		if zero {
			return true
		}
		from = end
	}
	return false
}

// uvarints reads n numbers from the front of the payload.
func uvarints(payload []byte, to ...*uint64) (rest []byte, ok bool) {
	for _, p := range to {
		v, n := binary.Uvarint(payload)
		if n <= 0 {
			return nil, false
		}
		*p = v
		payload = payload[n:]
	}
	return payload, true
}
