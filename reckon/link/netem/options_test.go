package netem

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// describe prints options with the names of linux/pkt_sched.h.
func describe(b []byte) string {
	u := binary.NativeEndian.Uint32
	s := fmt.Sprintf("latency %d limit %d loss %#x gap %d duplicate %#x jitter %d", u(b), u(b[4:]), u(b[8:]), u(b[12:]), u(b[16:]), u(b[20:]))
	for b = b[24:]; len(b) > 0; {
		n, name, data := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:]), b[4:]
		data = data[:n-4]
		switch name {
		case attrLatency64, attrJitter64, attrSeed, attrRate64:
			s += fmt.Sprintf("\n%s %d", names[name], int64(binary.NativeEndian.Uint64(data)))
		case attrReorder, attrCorrupt:
			s += fmt.Sprintf("\n%s %#x correlation %d", names[name], u(data), u(data[4:]))
		case attrRate:
			s += fmt.Sprintf("\nrate %d overhead %d cell %d %d", u(data), int32(u(data[4:])), u(data[8:]), u(data[12:]))
		case attrLoss:
			s += fmt.Sprintf("\nloss model %d length %d: p %#x r %#x h %#x k1 %#x", binary.NativeEndian.Uint16(data[2:]), binary.NativeEndian.Uint16(data), u(data[4:]), u(data[8:]), u(data[12:]), u(data[16:]))
		case attrDelayDist:
			s += fmt.Sprintf("\ntable of %d bytes", len(data))
		default:
			s += fmt.Sprintf("\nattribute %d?", name)
		}
		b = b[(n+3)&^3:]
	}
	return s
}

var names = map[uint16]string{
	attrLatency64: "latency64", attrJitter64: "jitter64", attrSeed: "seed", attrRate64: "rate64", attrReorder: "reorder", attrCorrupt: "corrupt",
}

const nothing = `
reorder 0x0 correlation 0
corrupt 0x0 correlation 0
rate 0 overhead -14 cell 0 0
seed 7`

func TestOptions(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name string
		q    queue
		want string
	}{
		{"a wire sends zeros, which clear what was there", queue{limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0` + nothing},
		{"a cut loses everything", queue{shape: link.Shape{Cut: true}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0xffffffff gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0` + nothing},
		{"loss", queue{shape: link.Shape{Loss: 0.01}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x28f5c29 gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0` + nothing},
		{"delay and jitter are in nanoseconds, beyond what ticks of 64 ns and 32 bits hold", queue{shape: link.Shape{Delay: time.Hour + 1, Jitter: ms}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 0 duplicate 0x0 jitter 0
latency64 3600000000001
jitter64 1000000` + nothing},
		{"a distribution", queue{shape: link.Shape{Delay: ms, Jitter: ms}, table: make(link.Table, 5), limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 0 duplicate 0x0 jitter 0
latency64 1000000
jitter64 1000000
table of 10 bytes` + nothing},
		{"h is the probability that a packet passes in the bad state", queue{shape: link.Shape{Burst: link.Burst{P: 0.01, R: 0.25, Bad: 1}}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0
loss model 2 length 20: p 0x28f5c29 r 0x40000000 h 0x0 k1 0x0` + nothing},
		{"independent loss goes into both states", queue{shape: link.Shape{Loss: 0.5, Burst: link.Burst{P: 0.01, R: 0.25, Bad: 0.5}}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x80000000 gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0
loss model 2 length 20: p 0x28f5c29 r 0x40000000 h 0x40000000 k1 0x80000000` + nothing},
		{"the rest", queue{shape: link.Shape{Delay: ms, Duplicate: 0.25, Corrupt: 0.5, Reorder: 1, Rate: 80e9}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 1 duplicate 0x40000000 jitter 0
latency64 1000000
jitter64 0
reorder 0xffffffff correlation 0
corrupt 0x80000000 correlation 0
rate 4294967295 overhead -14 cell 0 0
rate64 10000000000
seed 7`},
		{"no rate is rounded down to none", queue{shape: link.Shape{Rate: 1}, limit: 9, seed: 7}, `
latency 0 limit 9 loss 0x0 gap 0 duplicate 0x0 jitter 0
latency64 0
jitter64 0
reorder 0x0 correlation 0
corrupt 0x0 correlation 0
rate 1 overhead -14 cell 0 0
seed 7`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(tt.q.options()); got != strings.TrimPrefix(tt.want, "\n") {
				t.Errorf("got\n%s\nwant%s", got, tt.want)
			}
		})
	}
}

// Every part of a shape belongs to some queue.
func TestPartsMakeTheWhole(t *testing.T) {
	all := link.Shape{
		Delay: 1, Jitter: 1, Distribution: link.Pareto, Loss: 0.1, Burst: link.Burst{P: 0.1, R: 0.1, Bad: 1},
		Duplicate: 0.1, Corrupt: 0.1, Reorder: 0.1, Rate: 1,
	}
	sum := link.Shape{}
	for _, part := range []link.Shape{lossPart(all), delayPart(all), duplicatePart(all)} {
		var err error
		if sum, err = sum.Then(part); err != nil {
			t.Fatal(err)
		}
	}
	if sum != all {
		t.Errorf("the parts make %+v, want %+v", sum, all)
	}
	if got := lossPart(link.Shape{Cut: true, Loss: 1}); got != (link.Shape{Cut: true}) {
		t.Errorf("the loss part of a cut is %v", got)
	}
}

func TestPerPacket(t *testing.T) {
	for s, want := range map[link.Shape]bool{
		{}: false, {Delay: 1}: false, {Delay: 1, Jitter: 1}: true, {Loss: 0.1}: true, {Cut: true}: true, {Rate: 1}: true, {Duplicate: 0.1}: true,
	} {
		if perPacket(s) != want {
			t.Errorf("%v decides about each packet: %v", s, !want)
		}
	}
}

// The uniform distribution's table is even over [-1, 1].
func TestEvenTable(t *testing.T) {
	table, sum := evenTable(), 0
	for _, v := range table {
		sum += int(v)
	}
	if table[0] != -8190 || table[len(table)-1] != 8190 || sum != 0 {
		t.Errorf("from %d to %d, sum %d", table[0], table[len(table)-1], sum)
	}
}
