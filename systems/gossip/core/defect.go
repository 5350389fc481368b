package core

// Defect is a fault that is built in on purpose, so that tests can show that it is caught. The zero
// value is none.
type Defect string

const (
	// ArrivalOrder: the entry that arrives last wins, whatever its stamp. A defect of the original.
	ArrivalOrder Defect = "arrival-order"
	// ForgetLog: a restart begins with an empty disk. A defect of the original.
	ForgetLog Defect = "forget-log"
	// NoTimer: members are reconciled by nothing but pushes, which are not passed on. A defect of
	// the original.
	NoTimer Defect = "no-timer"
	// FailedIsDone: an exchange that failed counts as done, and what it was to carry is not sent
	// again. A defect of the original.
	FailedIsDone Defect = "failed-is-done"
	// NoTimeout: a request that is not answered is waited for, for ever. A defect of the original.
	NoTimeout Defect = "no-timeout"
	// NeverCollect: tombstones stay. A defect of the original.
	NeverCollect Defect = "never-collect"
	// OneStampASecond: stamps count seconds, and nothing tells those of one second apart. A defect
	// of the original.
	OneStampASecond Defect = "one-stamp-a-second"
	// FixedGrace: tombstones are dropped some seconds after they were written, whoever has them, as
	// Cassandra does after days.
	FixedGrace Defect = "fixed-grace"
	// VolatileAcks: what others confirm counts before it is on their disk.
	VolatileAcks Defect = "volatile-acks"
	// TrustOldDisk: a member that is back with an older disk is taken for what it was.
	TrustOldDisk Defect = "trust-old-disk"
	// AckFirst: a write is acknowledged before it is on disk.
	AckFirst Defect = "ack-first"
)

// Defects lists them.
var Defects = []Defect{ArrivalOrder, ForgetLog, NoTimer, FailedIsDone, NoTimeout, NeverCollect, OneStampASecond, FixedGrace, VolatileAcks, TrustOldDisk, AckFirst}

// countAsDone is the defect FailedIsDone: whatever there is now is taken for what the other side
// has.
func (n *Node) countAsDone(s *session) {
	if n.cfg.Defect != FailedIsDone {
		return
	}
	if n.done == nil {
		n.done = map[uint64]map[uint64]bool{}
	}
	if n.done[s.peer] == nil {
		n.done[s.peer] = map[uint64]bool{}
	}
	for _, id := range n.data.IDs() {
		n.done[s.peer][id] = true
	}
}

// graceMS is how long FixedGrace keeps tombstones, in milliseconds.
const graceMS = 3000
