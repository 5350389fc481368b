// Package state is the store's replicated state: a map in which the entry with the latest stamp
// wins.
//
// Merging two states is idempotent, commutative and associative, so replicas that have seen the
// same entries, in whatever order and however often, are equal. A deletion is an entry too, a
// tombstone, until all members are known to hold it.
package state

import (
	"cmp"
	"strings"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/hlc"
)

// Entry is one key's value, or its deletion. Entries are never changed once they are in a Map.
type Entry struct {
	Key, Value string
	Time       hlc.Stamp
	Origin     uint64 // the member that stamped it
	Version    int64  // writes of the key since it was created, as its writer saw them; 0 of a deletion
	Deleted    bool

	Create, Mod int64 // local sequence numbers: when this replica first had the key, and when it got this entry

	sum Sum
}

// Sum identifies an entry's replicated content.
type Sum struct{ Hi, Lo uint64 }

// ID is the entry's element in the set that replicas reconcile.
func (e *Entry) ID() uint64 { return e.sum.Lo }

// Sum is what [Map.Add] computed of the entry's content.
func (e *Entry) Sum() Sum { return e.sum }

// Compare orders entries of one key: the later wins. It looks at content where stamps are equal,
// which happens only where a member lost what it had issued, so that even then replicas agree.
func (e *Entry) Compare(o *Entry) int {
	deleted := func(e *Entry) int {
		if e.Deleted {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(e.Time, o.Time),
		cmp.Compare(e.Origin, o.Origin),
		cmp.Compare(deleted(e), deleted(o)),
		cmp.Compare(e.Version, o.Version),
		strings.Compare(e.Value, o.Value),
	)
}

// Wins reports whether the entry takes the place of o, which may be nil.
func (e *Entry) Wins(o *Entry) bool { return o == nil || e.Compare(o) > 0 }

// Size is roughly the memory that the entry takes, in bytes.
func (e *Entry) Size() int { return len(e.Key) + len(e.Value) + entryOverhead }

const entryOverhead = 160

// Append appends what all replicas share of the entry.
func (e *Entry) Append(b []byte) []byte {
	b = codec.AppendUint64(b, uint64(e.Time))
	b = codec.AppendUint64(b, e.Origin)
	version := uint64(e.Version) << 1
	if e.Deleted {
		version |= 1
	}
	b = codec.AppendUint(b, version)
	b = codec.AppendString(b, e.Key)
	return codec.AppendString(b, e.Value)
}

// Read reads what Append wrote.
func Read(r *codec.Reader) *Entry {
	e := &Entry{Time: hlc.Stamp(r.Uint64()), Origin: r.Uint64()}
	version := r.Uint()
	e.Version, e.Deleted = int64(version>>1), version&1 == 1
	e.Key, e.Value = r.String(), r.String()
	if e.Key == "" || e.Deleted && e.Value != "" {
		r.Fail()
	}
	return e
}
