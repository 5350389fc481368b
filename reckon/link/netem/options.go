package netem

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// Attributes of a netem queue, from linux/pkt_sched.h.
const (
	attrDelayDist = 2  // TCA_NETEM_DELAY_DIST
	attrReorder   = 3  // TCA_NETEM_REORDER
	attrCorrupt   = 4  // TCA_NETEM_CORRUPT
	attrLoss      = 5  // TCA_NETEM_LOSS
	attrRate      = 6  // TCA_NETEM_RATE
	attrRate64    = 8  // TCA_NETEM_RATE64
	attrLatency64 = 10 // TCA_NETEM_LATENCY64
	attrJitter64  = 11 // TCA_NETEM_JITTER64
	attrSeed      = 14 // TCA_NETEM_PRNG_SEED, since Linux 6.6; older kernels ignore it

	lossGilbertElliott = 2 // NETEM_LOSS_GE
)

// maxJitter is the kernel's limit (INT_MAX nanoseconds), beyond which it would clip without an
// error.
const maxJitter = math.MaxInt32 * time.Nanosecond

// etherHeader is the number of bytes of a frame that the kernel counts, but link.Shape's Rate and
// link.Counters do not.
const etherHeader = 14

// lossPart and the functions below return the part of a shape that one queue applies, as a shape,
// so that parts can be compared.
func lossPart(s link.Shape) link.Shape {
	if s.Cut {
		return link.Shape{Cut: true}
	}
	return link.Shape{Loss: s.Loss, Burst: s.Burst, Corrupt: s.Corrupt}
}

func delayPart(s link.Shape) link.Shape {
	return link.Shape{Delay: s.Delay, Jitter: s.Jitter, Distribution: s.Distribution, Reorder: s.Reorder, Rate: s.Rate}
}

func duplicatePart(s link.Shape) link.Shape { return link.Shape{Duplicate: s.Duplicate} }

// perPacket reports whether the shape decides about each wire packet, so that super-frames would
// make a difference.
func perPacket(s link.Shape) bool {
	s.Delay = 0
	return s != link.Shape{}
}

// A queue has all settings of a netem queue.
type queue struct {
	shape link.Shape
	limit uint32     // packets
	table link.Table // of the delay's distribution; nil keeps the queue's table
	seed  uint64
}

// options returns the queue's TCA_OPTIONS: struct tc_netem_qopt and attributes. What the shape does
// not have is sent as zero, because changing a queue keeps every setting that is not sent. A table
// can only be replaced: without jitter it stays, unused.
func (q queue) options() []byte {
	s := q.shape
	loss, gap := probability(s.Loss), uint32(0)
	if s.Cut {
		loss = math.MaxUint32
	}
	if s.Reorder > 0 {
		gap = 1 // every packet may overtake
	}
	b := words(0, q.limit, loss, gap, probability(s.Duplicate), 0) // latency and jitter follow in nanoseconds
	b = attribute(b, attrLatency64, long(uint64(s.Delay)))
	b = attribute(b, attrJitter64, long(uint64(s.Jitter)))
	if q.table != nil {
		b = attribute(b, attrDelayDist, table(q.table))
	}
	if s.Burst != (link.Burst{}) { // without the attribute the queue goes back to independent loss
		b = attribute(b, attrLoss, attribute(nil, lossGilbertElliott, gemodel(s)))
	}
	b = attribute(b, attrReorder, words(probability(s.Reorder), 0))
	b = attribute(b, attrCorrupt, words(probability(s.Corrupt), 0))
	rate := s.Rate / 8
	if s.Rate > 0 {
		rate = max(rate, 1)
	}
	overhead := int32(-etherHeader)
	b = attribute(b, attrRate, words(uint32(min(rate, math.MaxUint32)), uint32(overhead), 0, 0))
	if rate > math.MaxUint32 {
		b = attribute(b, attrRate64, long(rate))
	}
	return attribute(b, attrSeed, long(q.seed))
}

// gemodel returns struct tc_netem_gemodel. Its last two fields are the probabilities that a packet
// passes in the bad state and that it is lost in the good one. A queue has one model of loss, so
// the independent loss is added to both states.
func gemodel(s link.Shape) []byte {
	either := func(a, b float64) float64 { return a + b*(1-a) }
	bad, good := either(s.Burst.Bad, s.Loss), either(s.Burst.Good, s.Loss)
	return words(probability(s.Burst.P), probability(s.Burst.R), probability(1-bad), probability(good))
}

// probability returns p as the 32-bit number that netem compares a random number with.
func probability(p float64) uint32 {
	return uint32(math.Round(p * math.MaxUint32))
}

// table returns a distribution's table as the kernel has it: 16-bit numbers in units of 1/8192 of
// the jitter.
func table(t link.Table) []byte {
	b := make([]byte, 0, 2*len(t))
	for _, v := range t {
		b = binary.NativeEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// evenTable is the uniform distribution, for a queue that has had another: a queue's table cannot
// be removed.
func evenTable() link.Table {
	t := make(link.Table, 4096)
	for i := range t {
		t[i] = int16(math.Round((2*(float64(i)+0.5)/float64(len(t)) - 1) * link.Scale))
	}
	return t
}

// An htb class that never limits: it has more tokens than any machine sends packets. Rates are in
// bytes a second.
const (
	unlimited = 1 << 40
	burst     = 1e9 / 64 // a second's tokens, in the kernel's ticks of 64 ns
	quantum   = 60_000   // bytes that a class may send before another's turn
)

// htbOptions returns the options of the queue that holds a destination's classes: struct
// tc_htb_glob.
func htbOptions() []byte {
	const version, rateToQuantum = 3, 10
	return attribute(nil, 2 /* TCA_HTB_INIT */, words(version, rateToQuantum, 0, 0, 0))
}

// classOptions returns the options of a path's class: struct tc_htb_opt, and the rates that do not
// fit into it.
func classOptions() []byte {
	const ethernet = 1 << 8 // linklayer, in the second byte: no table of rates is needed
	spec := words(ethernet, 0, math.MaxUint32)
	opt := append(append(append([]byte{}, spec...), spec...), words(burst, burst, quantum, 0, 0)...)
	b := attribute(nil, 1 /* TCA_HTB_PARMS */, opt)
	b = attribute(b, 6 /* TCA_HTB_RATE64 */, long(unlimited))
	return attribute(b, 7 /* TCA_HTB_CEIL64 */, long(unlimited))
}

// attribute appends a netlink attribute (netlink(7), struct nlattr).
func attribute(b []byte, kind uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func words(ws ...uint32) (b []byte) {
	for _, w := range ws {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

func long(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }
