// Package link defines what the network does: a Shape on every ordered Path.
//
// A topology is a Matrix of shapes, a partition is a matrix of cuts, and a slow link is a matrix
// applied on top of the baseline as an overlay. Net keeps the baseline and the overlays, and gives
// a Fabric their composition. Healing removes an overlay instead of guessing what was there before,
// so overlays heal in any order.
//
// The package is pure and builds on any operating system. It does not move packets: that is the
// work of a Fabric (packages link/userspace and link/netem).
package link

import "context"

// A Path is the direction from one host to another; the opposite direction is another Path.
type Path struct{ From, To string }

func (p Path) String() string { return p.From + ">" + p.To }

// Back returns the path in the opposite direction.
func (p Path) Back() Path { return Path{From: p.To, To: p.From} }

// A Fabric carries packets between hosts and shapes every path.
type Fabric interface {
	// Apply gives every path in m its shape. Paths that m does not name keep theirs, and a path
	// that was never named is a perfect wire. Apply returns once the shapes are in effect: a packet
	// that enters a path afterwards meets the new shape. Packets under way keep the delivery they
	// were given, unless the path is now cut: a cut also drops what is queued.
	Apply(ctx context.Context, m Matrix) error
	// Counters returns what every path has carried so far.
	Counters(ctx context.Context) (map[Path]Counters, error)
	// Close ends the fabric and leaves nothing behind.
	Close() error
}

// Counters counts wire packets on one path since the fabric started.
type Counters struct {
	Packets  uint64 // that entered the path; duplicates made on it do not
	Bytes    uint64 // in these packets, IP headers included
	Lost     uint64 // dropped by the shape's loss or burst
	Cut      uint64 // dropped because the path was cut
	Overflow uint64 // dropped because a queue was full, which no shape asks for

	// Packets that were delivered twice, delivered with a bit flipped, or that overtook others. The
	// kernel's netem does not count them.
	Duplicated, Corrupted, Reordered uint64
}

// Lateness is how long after their due time packets left a fabric, in microseconds. A fabric that
// measures it has a method Lateness(ctx) (Lateness, error).
type Lateness struct {
	P50, P99, Max float64
}
