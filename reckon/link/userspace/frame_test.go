package userspace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// superFrame builds the frame that the kernel delivers for payload bytes of a connection.
func superFrame(proto byte, payload, size int) []byte {
	transport := 32 // TCP with timestamps
	gso := byte(gsoTCP4)
	if proto == protoUDP {
		transport, gso = 8, gsoUDP
	}
	f := make([]byte, ipAt+20+transport+payload)
	f[0], f[1] = needsChecksum, gso
	binary.NativeEndian.PutUint16(f[4:], uint16(size))
	binary.BigEndian.PutUint16(f[offloadLen+12:], 0x0800)
	ip := f[ipAt:]
	ip[0], ip[8], ip[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[4:], 1000) // identification
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	l4 := ip[20:]
	if proto == protoTCP {
		binary.BigEndian.PutUint32(l4[4:], 0xffffff00) // about to wrap
		l4[12], l4[13] = 8<<4, 0x80|0x10|0x08|0x01     // CWR, ACK, PSH, FIN
	} else {
		binary.BigEndian.PutUint16(l4[4:], uint16(len(l4)))
	}
	for i := range payload {
		l4[transport+i] = byte(i * 31 >> 2)
	}
	return f
}

func TestSuperframe(t *testing.T) {
	plain := superFrame(protoTCP, 1000, 0)
	plain[1] = gsoNone
	odd := superFrame(protoTCP, 3000, 1000)
	odd[1] = 9 // no known kind of segmentation
	for _, tt := range []struct {
		name            string
		frame           []byte
		segments, bytes int
	}{
		{"plain", plain, 1, 1052},
		{"two and a bit", superFrame(protoTCP, 2001, 1000), 3, 2001 + 3*52},
		{"exactly three", superFrame(protoTCP, 3000, 1000), 3, 3000 + 3*52},
		{"one segment, marked as several", superFrame(protoTCP, 900, 1000), 1, 952},
		{"64 KiB", superFrame(protoTCP, 65160, 1448), 45, 65160 + 45*52},
		{"UDP", superFrame(protoUDP, 4500, 1400), 4, 4500 + 4*28},
		{"unknown type", odd, 1, 3052},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := superframeOf(tt.frame)
			if tr.segments != tt.segments || tr.bytes(tt.frame) != tt.bytes {
				t.Errorf("%d segments, %d bytes, want %d and %d", tr.segments, tr.bytes(tt.frame), tt.segments, tt.bytes)
			}
		})
	}
}

func TestRoutable(t *testing.T) {
	f := superFrame(protoUDP, 10, 0)
	if dst, ok := routable(f); !ok || dst != [4]byte{10, 0, 0, 2} {
		t.Errorf("bound for %v, %v", dst, ok)
	}
	for n := range ipAt + 20 {
		if _, ok := routable(f[:n]); ok {
			t.Errorf("%d bytes are routable", n)
		}
	}
	f[offloadLen+13] = 6 // ARP
	if _, ok := routable(f); ok {
		t.Error("ARP is routable")
	}
}

// Every range of segments is a frame that is correct in itself, and together they are the whole.
func TestExtract(t *testing.T) {
	for _, proto := range []byte{protoTCP, protoUDP} {
		for _, payload := range []int{1001, 3000, 3001} {
			f := superFrame(proto, payload, 1000)
			tr := superframeOf(f)
			for from := range tr.segments {
				for to := from + 1; to <= tr.segments; to++ {
					t.Run(fmt.Sprintf("protocol %d, %d bytes, segments %d to %d", proto, payload, from, to), func(t *testing.T) {
						dst := make([]byte, tr.span(f, from, to))
						tr.extract(dst, f, from, to)
						checkRun(t, tr, dst, f, from, to)
					})
				}
			}
		}
	}
}

func checkRun(t *testing.T, tr superframe, dst, f []byte, from, to int) {
	t.Helper()
	if want := f[tr.header:][from*tr.size : min(to*tr.size, tr.payload)]; !bytes.Equal(dst[tr.header:], want) {
		t.Errorf("%d bytes of payload, want %d, or they differ", len(dst)-tr.header, len(want))
	}
	if got := superframeOf(dst).segments; got != to-from {
		t.Errorf("%d segments, want %d", got, to-from)
	}
	ip := dst[ipAt:]
	if int(binary.BigEndian.Uint16(ip[2:])) != len(ip) || fold(sum(0, ip[:20])) != 0xffff {
		t.Errorf("IP header %x: wrong length or checksum", ip[:20])
	}
	if id := binary.BigEndian.Uint16(ip[4:]); id != uint16(1000+from) {
		t.Errorf("identification %d", id)
	}
	l4 := ip[20:]
	field := 16
	if ip[9] == protoUDP {
		field = 6
		if int(binary.BigEndian.Uint16(l4[4:])) != len(l4) {
			t.Errorf("UDP length %d of %d", binary.BigEndian.Uint16(l4[4:]), len(l4))
		}
	} else {
		if seq := binary.BigEndian.Uint32(l4[4:]); seq != 0xffffff00+uint32(from*tr.size) {
			t.Errorf("sequence number %x", seq)
		}
		last, first := l4[13]&0x09 == 0x09, l4[13]&0x80 != 0
		if last != (to == tr.segments) || first != (from == 0) || l4[13]&0x10 == 0 {
			t.Errorf("flags %x", l4[13])
		}
	}
	// The kernel completes the checksum from the sum of the pseudo-header.
	pseudo := append(append([]byte{}, ip[12:20]...), 0, ip[9], byte(len(l4)>>8), byte(len(l4)))
	if got, want := binary.BigEndian.Uint16(l4[field:]), fold(sum(0, pseudo)); got != want {
		t.Errorf("checksum field %x, want %x", got, want)
	}
}

// A corrupted packet carries a whole checksum, which is wrong by the bit that was flipped.
func TestCorrupt(t *testing.T) {
	for _, proto := range []byte{protoTCP, protoUDP} {
		for _, payload := range []int{0, 1, 1000, 1001} {
			f := superFrame(proto, payload, 0)
			f[1] = gsoNone
			ip := f[ipAt:]
			l4, field := ip[20:], 16
			if proto == protoUDP {
				field = 6
			}
			binary.NativeEndian.PutUint16(f[6:], etherLen+20)
			binary.NativeEndian.PutUint16(f[8:], uint16(field))
			pseudo := append(append([]byte{}, ip[12:20]...), 0, proto, byte(len(l4)>>8), byte(len(l4)))
			binary.BigEndian.PutUint16(l4[field:], fold(sum(0, pseudo)))
			right := func() bool { return fold(sum(sum(0, pseudo), l4)) == 0xffff }
			completeChecksum(f)
			if !right() || !bytes.Equal(f[:offloadLen], make([]byte, offloadLen)) {
				t.Errorf("protocol %d, %d bytes: the checksum is wrong, or still to be completed: %x", proto, payload, f[:offloadLen])
			}
			if got, want := bitsBeyondIP(f), 8*len(l4); got != want {
				t.Errorf("%d bits beyond IP, want %d", got, want)
			}
			flip(f, bitsBeyondIP(f)-1)
			if right() {
				t.Error("nobody notices the flipped bit")
			}
		}
	}
	f := superFrame(protoTCP, 10, 0)
	binary.NativeEndian.PutUint16(f[6:], 0xffff) // nonsense about where the checksum goes
	completeChecksum(f)
}
