package capture

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring is shared with the kernel, which fills its blocks with packets one after the other
// (TPACKET_V3, Documentation/networking/packet_mmap.rst). The kernel hands a block over when it is
// full, or blockTime after its first packet.

const (
	blockSize = 128 << 10 // larger than the largest frame, a super-frame of 64 KiB
	blockTime = 50        // milliseconds
	frameSize = 2 << 10   // version 3 only checks its arithmetic

	ringBudget = 64 << 20 // bytes, for all rings of a capture
	minBlocks  = 8        // 400 ms of light traffic, 1 MiB of heavy
	maxBlocks  = 64
)

// ringBlocks returns the number of blocks in the ring of each of n hosts.
func ringBlocks(n int) int {
	return min(max(ringBudget/blockSize/max(n, 1), minBlocks), maxBlocks)
}

// openRing opens a packet socket with a ring in the calling thread's namespace. From then on it
// captures everything that passes the interface.
func openRing(name string, blocks int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "ring")
	if err := prepare(fd, name, blocks); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func prepare(fd int, name string, blocks int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("set PACKET_VERSION: %w", err)
	}
	err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(blocks), Frame_size: frameSize,
		Frame_nr: uint32(blocks * (blockSize / frameSize)), Retire_blk_tov: blockTime,
	})
	if err != nil {
		return fmt.Errorf("make a ring of %s: %w", Size(int64(blocks)*blockSize), err)
	}
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r); err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	all := uint16(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8) // amd64 and arm64 are little-endian
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: int(r.Uint32())}); err != nil {
		return fmt.Errorf("bind to %s: %w", name, err)
	}
	return nil
}

// A ring is a mapped ring, and the block that the kernel hands over next.
type ring struct {
	fd     int
	memory []byte
	next   int
}

func mapRing(fd, blocks int) (*ring, error) {
	m, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map a ring: %w", err)
	}
	return &ring{fd: fd, memory: m}, nil
}

// ready reports whether the kernel has handed over the next block.
func (r *ring) ready() bool {
	return atomic.LoadUint32(&r.block().Block_status)&unix.TP_STATUS_USER != 0
}

// take passes every packet of the next block, which must be ready, to f, and returns the block to
// the kernel. Packet.Data is valid only during the call.
func (r *ring) take(f func(Packet)) {
	block := r.block()
	at := r.next*blockSize + int(block.Offset_to_first_pkt)
	for range block.Num_pkts {
		h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.memory[at]))
		from := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&r.memory[at+headerSize]))
		data := r.memory[at+int(h.Mac):][:h.Snaplen:h.Snaplen]
		f(Packet{
			At:   int64(h.Sec)*1e9 + int64(h.Nsec),
			Data: data, Length: int(h.Len), Direction: direction(from.Pkttype),
		})
		at += int(h.Next_offset)
	}
	r.next = (r.next + 1) % (len(r.memory) / blockSize)
	atomic.StoreUint32(&block.Block_status, unix.TP_STATUS_KERNEL)
}

// latest returns when the last packet of the next block, which must be ready, was received, in
// nanoseconds since 1970.
func (r *ring) latest() int64 {
	t := r.block().Ts_last_pkt
	return int64(t.Sec)*1e9 + int64(t.Usec) // in version 3 this field has nanoseconds
}

// nearlyFull reports whether so many blocks wait that the next one must be written now.
func (r *ring) nearlyFull() bool {
	n := len(r.memory) / blockSize
	ahead := &ring{memory: r.memory, next: (r.next + n/4) % n}
	return ahead.ready()
}

// headerSize is the aligned size of a packet's header (TPACKET_ALIGN); the link-layer address
// follows it.
const headerSize = (int(unsafe.Sizeof(unix.Tpacket3Hdr{})) + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)

// block returns the header of the next block. It begins 8 bytes into the block, after version and
// offset.
func (r *ring) block() *unix.TpacketHdrV1 {
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&r.memory[r.next*blockSize+8]))
}

func direction(kind uint8) Direction {
	if kind == unix.PACKET_OUTGOING {
		return Outbound
	}
	return Inbound
}

// counts returns how many packets passed, and how many of those the kernel dropped, since the last
// call.
func (r *ring) counts() (received, dropped uint64) {
	st, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, 0
	}
	return uint64(st.Packets), uint64(st.Drops)
}
