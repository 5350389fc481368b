package link

import (
	"encoding/binary"
	"hash/fnv"
)

// A Drop is a packet that a fabric dropped, in whole or in part. A fabric that can tell has a method
// Drops(ctx) (drops []Drop, untold uint64, err error): those since the last call, and how many more it had no room for. The first call begins to
// note them, and who does not call again for a second ends it.
type Drop struct {
	Path   Path        `json:"path"`
	Packet Fingerprint `json:"packet"`
	// Lost and Overflow say how many wire packets fell to the shape's loss and to a full queue, Of how many
	// the packet is on the wire: a super-frame is up to some 45.
	Lost     int `json:"lost,omitempty"`
	Overflow int `json:"overflow,omitempty"`
	Of       int `json:"of"`
}

// A Fingerprint tells an IP packet from all others of the same moment.
type Fingerprint uint64

// printed is how much of a packet its fingerprint looks at: the headers, and what of the payload is likely to differ.
const printed = 128

// FingerprintOf is the packet's, which begins with its IP header. It covers the length.
func FingerprintOf(ip []byte) Fingerprint {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(ip)))) // a hash's Write never fails
	h.Write(ip[:min(len(ip), printed)])
	return Fingerprint(h.Sum64())
}
