package netem

import (
	"errors"
	"slices"
	"testing"

	"github.com/vishvananda/netlink/nl"

	"github.com/reckon-bench/reckon/reckon/link"
)

// answer builds the kernel's description of a queue.
func answer(attributes ...[]byte) []byte {
	m := (&nl.TcMsg{Ifindex: 3, Handle: 0x4010 << 16, Parent: 0x10<<16 | 1}).Serialize()
	return append(m, slices.Concat(attributes...)...)
}

func TestParse(t *testing.T) {
	kind := attribute(nil, nl.TCA_KIND, []byte("netem\x00"))
	options := attribute(nil, nl.TCA_OPTIONS, queue{seed: 1 << 40}.options())
	basic := attribute(nil, nl.TCA_STATS_BASIC, append(long(5000), words(10, 0)...))
	waiting := attribute(nil, nl.TCA_STATS_QUEUE, words(2, 3000, 4, 0, 0))
	many := attribute(nil, nl.TCA_STATS_PKT64, long(1<<32+10))
	at := place{device: 3, handle: 0x4010 << 16, parent: 0x10<<16 | 1}
	for _, tt := range []struct {
		name string
		m    []byte
		want statistics
		err  error
	}{
		{"everything", answer(kind, options, attribute(nil, nl.TCA_STATS2, slices.Concat(basic, waiting))),
			statistics{place: at, packets: 10, bytes: 5000, queued: 2, backlog: 3000, drops: 4, seed: 1 << 40}, nil},
		{"more packets than 32 bits hold", answer(attribute(nil, nl.TCA_STATS2, slices.Concat(basic, many))), statistics{place: at, packets: 1<<32 + 10, bytes: 5000}, nil},
		{"the flag of nested attributes", answer(attribute(nil, nl.TCA_STATS2|0x8000, basic)), statistics{place: at, packets: 10, bytes: 5000}, nil},
		{"options of another kind", answer(attribute(nil, nl.TCA_KIND, []byte("htb\x00")), options), statistics{place: at}, nil},
		{"no head", []byte{1, 2}, statistics{}, errShort},
		{"an attribute that is longer than the message", append(answer(), 200, 0, 1, 0), statistics{place: at}, errShort},
		{"an attribute shorter than itself", append(answer(), 1, 0, 1, 0), statistics{place: at}, errShort},
		{"a statistic cut off", answer(attribute(nil, nl.TCA_STATS2, attribute(nil, nl.TCA_STATS_QUEUE, words(1)))), statistics{place: at}, errShort},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parse(tt.m); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// Each drop is counted under its cause.
func TestBooks(t *testing.T) {
	wire, lossy, cut := link.Shape{}, link.Shape{Loss: 0.1}, link.Shape{Cut: true}
	bursts := link.Shape{Burst: link.Burst{P: 0.1, R: 0.1, Bad: 1}}
	p := &path{read: 1<<32 - 5}
	for _, step := range []struct {
		drops    uint32
		old, now link.Shape
	}{
		{0, lossy, lossy},  // 5, across the counter's overflow
		{10, lossy, wire},  // 10 while the loss ended
		{11, wire, bursts}, // 1
		{13, bursts, cut},  // 2 while the cut began
		{16, cut, wire},    // 3
		{20, wire, wire},   // 4 that no shape asked for
	} {
		p.countDrops(step.drops, step.old, step.now)
	}
	if p.lost != 16 || p.cut != 5 || p.unexpected != 4 {
		t.Errorf("lost %d, cut %d, unexpected %d, want 16, 5, 4", p.lost, p.cut, p.unexpected)
	}
}

func TestGone(t *testing.T) {
	for _, tt := range []struct {
		name           string
		before, after  statistics
		packets, bytes uint64
	}{
		{"nothing was there", statistics{packets: 7}, statistics{packets: 7}, 0, 0},
		{"all of it", statistics{queued: 50, backlog: 5000}, statistics{}, 50, 5000},
		{"some left meanwhile", statistics{queued: 50, backlog: 5000, packets: 1, bytes: 10}, statistics{packets: 11, bytes: 1010}, 40, 4000},
		{"a super-frame is one packet in the queue", statistics{queued: 1, backlog: 10 * 1514}, statistics{}, 10, 10 * 1514},
		{"and several when it leaves", statistics{queued: 1, backlog: 10 * 1514}, statistics{packets: 10, bytes: 10 * 1514}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if packets, bytes := gone(tt.before, tt.after); packets != tt.packets || bytes != tt.bytes {
				t.Errorf("%d packets, %d bytes, want %d, %d", packets, bytes, tt.packets, tt.bytes)
			}
		})
	}
}
