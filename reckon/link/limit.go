package link

import "time"

// Parameters of QueueLimit.
const (
	fullPacket = 1500 * 8              // bits of a full wire packet
	topRate    = 10e9                  // bits a second assumed without a rate: about what one machine's network stacks move
	buffering  = 50 * time.Millisecond // of traffic that a bottleneck queues before it drops
	minLimit   = 64                    // packets: several times a connection's initial window
	maxLimit   = 1 << 18               // packets: 375 MiB of full ones
	headroom   = 2                     // for packets that are not full
)

// QueueLimit returns how many wire packets a fabric's queue for the path must hold: twice the sum
// of the bandwidth-delay product (of the delay and four jitters) and 50 ms of traffic, between 64
// and 262144 packets. netem's own default, 1000 packets, fills up with 10 ms of a fast path, and
// then loses packets that no shape asked to lose.
func (s Shape) QueueLimit() int {
	rate := float64(s.Rate)
	if s.Rate == 0 {
		rate = topRate
	}
	held := s.Delay.Seconds() + 4*s.Jitter.Seconds() + buffering.Seconds()
	return int(min(max(headroom*rate*held/fullPacket, minLimit), maxLimit))
}
