package userspace

import "encoding/binary"

// A frame, as packet sockets with PACKET_VNET_HDR read and write it, is an offload header (struct
// virtio_net_hdr), an Ethernet header and an IPv4 packet.
const (
	offloadLen = 10
	etherLen   = 14
	ipAt       = offloadLen + etherLen

	needsChecksum = 1 // flag: the checksum field holds only the pseudo-header's sum

	gsoNone = 0
	gsoTCP4 = 1
	gsoUDP  = 5    // UDP segmentation, VIRTIO_NET_HDR_GSO_UDP_L4
	gsoECN  = 0x80 // a bit beside the type

	protoTCP = 6
	protoUDP = 17
)

// routable returns the frame's destination address, and reports whether the frame is an IPv4 packet
// complete enough to route.
func routable(f []byte) (dst [4]byte, ok bool) {
	if len(f) < ipAt+20 || binary.BigEndian.Uint16(f[offloadLen+12:]) != 0x0800 || f[ipAt]>>4 != 4 {
		return dst, false
	}
	return [4]byte(f[ipAt+16 : ipAt+20]), true
}

// setDestination rewrites the destination MAC.
func setDestination(f []byte, mac [6]byte) { copy(f[offloadLen:], mac[:]) }

// A superframe describes a frame as the wire packets (segments) that it stands for. All segments
// but the last carry size bytes behind a copy of the header. A plain frame is a superframe of one
// segment.
type superframe struct {
	segments int
	header   int // bytes before the payload, offload header included; 0 if there is one segment
	size     int // payload of each segment but the last
	payload  int
}

// superframeOf reads the offload header.
func superframeOf(f []byte) superframe {
	one := superframe{segments: 1}
	size := int(binary.NativeEndian.Uint16(f[4:]))
	ip := int(f[ipAt]&0xf) * 4
	if size == 0 || ip < 20 || len(f) < ipAt+ip+20 {
		return one
	}
	header := ipAt + ip
	switch {
	case f[1]&^gsoECN == gsoTCP4 && f[ipAt+9] == protoTCP:
		header += int(f[header+12]>>4) * 4
	case f[1] == gsoUDP && f[ipAt+9] == protoUDP:
		header += 8
	default:
		return one
	}
	payload := len(f) - header
	if payload <= size {
		return one
	}
	return superframe{segments: (payload + size - 1) / size, header: header, size: size, payload: payload}
}

// bytes returns the number of IP bytes on the wire.
func (t superframe) bytes(f []byte) int {
	if t.segments == 1 {
		return len(f) - ipAt
	}
	return t.payload + t.segments*(t.header-ipAt)
}

// span returns the length of the frame that holds segments [from, to).
func (t superframe) span(f []byte, from, to int) int {
	if t.segments == 1 {
		return len(f)
	}
	return t.header + min(to*t.size, t.payload) - from*t.size
}

// extract writes segments [from, to) of f, which has several, into dst as a complete frame with
// correct headers. The length of dst is their span.
func (t superframe) extract(dst, f []byte, from, to int) {
	copy(dst, f[:t.header])
	copy(dst[t.header:], f[t.header+from*t.size:])
	dst[0] |= needsChecksum
	if to-from == 1 {
		dst[1] = gsoNone
		binary.NativeEndian.PutUint16(dst[4:], 0)
	}
	ip := dst[ipAt:]
	transport := int(ip[0]&0xf) * 4
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(from)) // each packet has an identification of its own
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip[:transport])))
	if ip[9] == protoTCP {
		t.extractTCP(ip[transport:], from, to)
	} else {
		binary.BigEndian.PutUint16(ip[transport+4:], uint16(len(ip)-transport))
	}
	pseudo := sum(uint32(ip[9])+uint32(len(ip)-transport), ip[12:20])
	field := transport + 16
	if ip[9] == protoUDP {
		field = transport + 6
	}
	binary.BigEndian.PutUint16(ip[field:], fold(pseudo))
}

// extractTCP advances the sequence number, and keeps each flag only on the packet that carries it.
func (t superframe) extractTCP(tcp []byte, from, to int) {
	const fin, psh, cwr = 0x01, 0x08, 0x80
	binary.BigEndian.PutUint32(tcp[4:], binary.BigEndian.Uint32(tcp[4:])+uint32(from*t.size))
	if to < t.segments {
		tcp[13] &^= fin | psh
	}
	if from > 0 {
		tcp[13] &^= cwr
	}
}

// sum adds the big-endian words of b, at most 64 KiB, to s. A last odd byte is the upper half of a
// word.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// fold reduces a ones'-complement sum to 16 bits.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// bitsBeyondIP returns the number of bits after the IP header.
func bitsBeyondIP(f []byte) int { return 8 * max(len(f)-ipAt-int(f[ipAt]&0xf)*4, 0) }

// flip inverts one bit after the IP header.
func flip(f []byte, bit int) { f[ipAt+int(f[ipAt]&0xf)*4+bit/8] ^= 1 << (bit % 8) }

// completeChecksum writes the checksum that the kernel left to the hardware, so that the receiver
// verifies it instead of trusting that the packet is intact. The frame must be one wire packet.
func completeChecksum(f []byte) {
	start, field := int(binary.NativeEndian.Uint16(f[6:])), int(binary.NativeEndian.Uint16(f[8:]))
	partial := f[0]&needsChecksum != 0
	clear(f[:offloadLen])
	start += offloadLen
	if !partial || start < ipAt || start+field+2 > len(f) {
		return
	}
	c := ^fold(sum(0, f[start:]))
	if c == 0 && f[ipAt+9] == protoUDP {
		c = 0xffff // 0 means that there is no checksum
	}
	binary.BigEndian.PutUint16(f[start+field:], c)
}
