package systems

import (
	"fmt"
	"strconv"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/sim/invariant"
	simulated "github.com/reckon-bench/reckon/reckon/sim/memory"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/raftkv"
)

// This file is the optional power of these systems to be simulated (sim.Simulable).

// Simulate returns etcd as the simulator has it: its raft, log and snapshots.
func (e *etcd) Simulate(s reckon.Setting, c *invariant.Checker) (node.System, error) {
	if !e.builtIn() {
		return nil, fmt.Errorf("only the etcd that is built in can be simulated, as its raft is: leave @%v out", e.edition)
	}
	o := raftkv.Etcd(len(s.Nodes), s.ElectionTimeout, e.preVote)
	o.Streams, o.Checker = true, c
	for _, f := range e.flags {
		n, err := strconv.ParseUint(f.value, 10, 64)
		switch f.name {
		case "snapshot-count":
			o.SnapshotCount = n
		case "experimental-snapshot-catchup-entries", "snapshot-catchup-entries":
			o.CatchUp = n
		default:
			return nil, fmt.Errorf("--etcd-flag %s: cannot be simulated; snapshot-count and snapshot-catchup-entries can", f.name)
		}
		if err != nil {
			return nil, fmt.Errorf("--etcd-flag %s=%s: want a whole number", f.name, f.value)
		}
	}
	o.Log.SegmentSize = 64 << 20 // as etcd's
	return raftkv.System(o), o.Validate()
}

// Simulate returns the one server of memory and memory-liar.
func (s *memory) Simulate(reckon.Setting, *invariant.Checker) (node.System, error) {
	if s.lies != nil {
		return simulated.System(s.lies.rate), nil
	}
	return simulated.System(0), nil
}
