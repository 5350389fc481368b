package link

import (
	"encoding/binary"
	"hash/fnv"
)

// A Drop is a packet that a fabric dropped, in whole or in part. A fabric that can tell has a
// method Drops(ctx) (drops []Drop, omitted uint64, err error), which returns the drops since the
// last call, and how many more did not fit. The first call starts the recording, which stops a
// second after the last call.
type Drop struct {
	Path   Path        `json:"path"`
	Packet Fingerprint `json:"packet"`
	// Lost and Overflow count the wire packets dropped by the shape's loss and by a full queue, out
	// of Of: a super-frame is up to some 45 packets on the wire.
	Lost     int `json:"lost,omitempty"`
	Overflow int `json:"overflow,omitempty"`
	Of       int `json:"of"`
}

// A Fingerprint distinguishes an IP packet from all others of the same moment.
type Fingerprint uint64

// hashed is how many bytes of a packet the fingerprint covers: the headers, and the part of the
// payload that is likely to differ.
const hashed = 128

// FingerprintOf returns the fingerprint of a packet, which must begin with its IP header. It covers
// the packet's length.
func FingerprintOf(ip []byte) Fingerprint {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(ip)))) // a hash's Write never fails
	h.Write(ip[:min(len(ip), hashed)])
	return Fingerprint(h.Sum64())
}
