package core

import (
	"maps"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/hlc"
)

// stability decides which tombstones every member holds, so that they can be collected.
//
// A member's row says for each origin up to which stamp it holds everything that the origin
// stamped, or something newer of the same key. Since what a member holds is on disk, so are the
// claims of its row. Its own column is a stamp that it will never go below again (the ceiling on
// disk), less than any of its writes under way. After a whole exchange with another member a
// member's row is the larger of both, column by column.
//
// The horizon is the least of all columns of all members' rows: whatever is stamped at or before it
// is everywhere. Tombstones at or below it are dropped; an entry at or below it that is not known
// can only be a late copy of something deleted, and is refused.
//
// A member that is forgotten no longer counts, though its last entries may be in few places. So the
// horizon then waits until every member's row covers every other's barrier, the stamp after which
// that one accepted nothing from the forgotten member. A row covers state, not only origins: column
// o at stamp T says that the member has merged all that o held when its clock showed T.
type stability struct {
	row     row
	column  hlc.Stamp       // this member's own, durable
	ceiling hlc.Stamp       // the largest column on disk
	grave   hlc.Stamp       // the newest tombstone
	barrier hlc.Stamp       // this member's
	rows    map[uint64]view // what the others said of themselves
	horizon hlc.Stamp
}

// row is a stamp for each origin.
type row map[uint64]hlc.Stamp

// view is what a member said of itself.
type view struct {
	row       row
	barrier   hlc.Stamp
	forgotten uint64 // a digest of whom it has forgotten
	at        boot   // how far its disk reached
}

func (s *stability) init() { s.row, s.rows, s.barrier = row{}, map[uint64]view{}, 0 }

// mine is this member's view of itself, to be told to others.
func (n *Node) mine() view {
	r := maps.Clone(n.row)
	r[n.id] = n.ownColumn()
	return view{r, n.barrier, n.forgottenSafe, n.here()}
}

// ownColumn is durable, and below every own write that is not in the map yet.
func (n *Node) ownColumn() hlc.Stamp {
	c := n.column
	if len(n.ownPending) > 0 {
		c = min(c, n.ownPending[0]-1)
	}
	return c
}

func (n *Node) forgottenDigest() (digest uint64) {
	for _, id := range n.forgotten() {
		digest ^= id * 0x9e3779b97f4a7c15
	}
	return digest
}

// advanceColumn moves the member's own column on while a tombstone or a barrier waits for that: it
// takes a write to disk.
func (n *Node) advanceColumn() {
	wanted := n.column < n.barrier || n.data.Tombstones() > 0 && n.column < n.grave
	if !n.joined || !wanted {
		return
	}
	to := n.clock.Read(n.now.Wall)
	n.write(recordCeiling(to), func() {
		n.column = max(n.column, to)
		n.ceiling = n.column
		n.advanceHorizon()
	})
}

// merged notes a whole exchange with a member, who was as it said.
func (n *Node) merged(peer uint64, v view) {
	if m := n.members[peer]; m == nil || m.Forgotten || !n.joined {
		return
	}
	for o, stamp := range v.row {
		if o != n.id {
			n.row[o] = max(n.row[o], stamp)
		}
	}
	n.told(peer, v)
}

// told notes what a member said of itself.
func (n *Node) told(peer uint64, v view) {
	if m := n.members[peer]; m == nil || m.Forgotten {
		return
	}
	n.see(peer, v.at)
	old := n.rows[peer]
	r := row{}
	maps.Copy(r, v.row)
	for o, stamp := range old.row {
		r[o] = max(r[o], stamp)
	}
	v.row, v.barrier = r, max(v.barrier, old.barrier)
	n.rows[peer] = v
	n.advanceHorizon()
}

// advanceHorizon computes the horizon anew, and collects.
func (n *Node) advanceHorizon() {
	if n.data.Tombstones() == 0 || !n.joined {
		return
	}
	if n.cfg.Defect == FixedGrace {
		n.adopt(hlc.Of(max(n.now.Wall, graceMS) - graceMS))
		return
	}
	n.adopt(n.stable())
}

// stable is the least column of all members, 0 where it is not known or some member was just
// forgotten.
func (n *Node) stable() hlc.Stamp {
	live := n.live()
	views := map[uint64]view{n.id: n.mine()}
	for _, m := range live {
		if m == n.id {
			continue
		}
		v, known := n.rows[m]
		if !known || v.forgotten != views[n.id].forgotten {
			return 0
		}
		views[m] = v
	}
	least := hlc.Stamp(1<<64 - 1)
	for _, m := range live {
		for _, o := range live {
			stamp := views[m].row[o]
			if stamp < views[o].barrier {
				return 0
			}
			least = min(least, stamp)
		}
	}
	return least
}

// adopt raises the horizon and drops the tombstones that it covers.
func (n *Node) adopt(h hlc.Stamp) {
	if h <= n.horizon || n.cfg.Defect == NeverCollect {
		return
	}
	n.saveSeen()
	n.horizon = h
	n.Counters.Collected += uint64(len(n.data.Collect(h)))
	n.write(recordHorizon(h), nil)
}

func appendView(b []byte, v view, order []uint64) []byte {
	b = codec.AppendUint64(b, uint64(v.barrier))
	b = codec.AppendUint64(b, v.forgotten)
	b = appendBoot(b, v.at)
	var at []uint64
	for _, o := range order {
		if v.row[o] > 0 {
			at = append(at, o)
		}
	}
	b = codec.AppendUint(b, uint64(len(at)))
	for _, o := range at {
		b = codec.AppendUint64(codec.AppendUint64(b, o), uint64(v.row[o]))
	}
	return b
}

func readView(r *codec.Reader) view {
	v := view{row: row{}, barrier: hlc.Stamp(r.Uint64()), forgotten: r.Uint64(), at: readBoot(r)}
	for range r.Count(16) {
		o := r.Uint64()
		v.row[o] = hlc.Stamp(r.Uint64())
	}
	return v
}
