package link

import "time"

// What QueueLimit reckons with.
const (
	fullPacket = 1500 * 8              // bits of a full wire packet
	topRate    = 10e9                  // bits a second where the shape has no limit: about what one machine's stacks move
	buffering  = 50 * time.Millisecond // of traffic that a bottleneck keeps waiting before it drops
	leastLimit = 64                    // packets: a connection's first flight several times over
	mostLimit  = 1 << 18               // packets: 375 MiB of full ones
	headroom   = 2                     // for packets that are not full
)

// QueueLimit is how many wire packets a fabric's queue for the path must hold: the bandwidth-delay product (of the delay
// and four jitters) and 50 ms of traffic, twice, between 64 and 262144 packets. netem's own default, 1000 packets, is
// full with 10 ms of a fast path, and loses packets that nobody asked it to lose.
func (s Shape) QueueLimit() int {
	rate := float64(s.Rate)
	if s.Rate == 0 {
		rate = topRate
	}
	held := s.Delay.Seconds() + 4*s.Jitter.Seconds() + buffering.Seconds()
	return int(min(max(headroom*rate*held/fullPacket, leastLimit), mostLimit))
}
