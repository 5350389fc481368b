// Package check judges a history: was it linearizable, did everything that was
// acknowledged survive, do the replicas agree.
//
// It is pure: a history in, verdicts out. It reads no file, opens no
// connection, and knows no system and no fault. It refuses to guess: what it
// cannot decide within its bounds is Unknown, and nobody may read Unknown as a pass.
package check

import (
	"context"
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A Verdict is three-valued. The zero value is Unknown.
type Verdict uint8

const (
	// Unknown: not decided (out of time or memory, or nothing to judge by).
	Unknown Verdict = iota
	// Valid: the promise held in all of the history.
	Valid
	// Invalid: the promise was broken, and the evidence says where.
	Invalid
)

func (v Verdict) String() string {
	switch v {
	case Unknown:
		return "unknown"
	case Valid:
		return "valid"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText and UnmarshalText make verdicts words in JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

func (v *Verdict) UnmarshalText(b []byte) error {
	for _, w := range []Verdict{Unknown, Valid, Invalid} {
		if w.String() == string(b) {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("unknown verdict %q: known are unknown, valid, invalid", b)
}

// Worst returns the worse of the two: invalid, then unknown, then valid.
func (v Verdict) Worst(w Verdict) Verdict {
	rank := [...]int{Unknown: 1, Valid: 0, Invalid: 2}
	if rank[w] > rank[v] {
		return w
	}
	return v
}

// A Result is one check's verdict with its reason and, where it is Invalid,
// its evidence: the smallest set of operations found that proves it.
type Result struct {
	Name     string       `json:"name"`
	Verdict  Verdict      `json:"verdict"`
	Detail   string       `json:"detail"`
	Evidence []history.Op `json:"evidence,omitempty"`
}

func (r Result) String() string { return fmt.Sprintf("%s: %s: %s", r.Name, r.Verdict, r.Detail) }

// Bounds limit what porcupine may spend on confirming. A zero field means the
// default. They never turn one verdict into another, because each verdict has a
// certificate of its own (see judge): they limit how much of it porcupine confirmed
// as well, and Detail says how much that was.
type Bounds struct {
	Key      time.Duration // on searching one key; 1 s
	Total    time.Duration // on searching all of them, by the wall clock; 5 s
	Memory   int64         // bytes that one search may remember; 64 MiB
	Parallel int           // keys judged at a time; as many as there are processors
}

// Linearizable reports whether the store behaved as one register a key, each
// operation taking effect at one instant between its call and its return
// (Herlihy & Wing, Linearizability, 1990). Keys start absent. All stages count.
//
// It is Unknown if a premise of the judgement does not hold (see premises), if no
// read was answered, or if ctx ended first; a violation found before that stands.
func Linearizable(ctx context.Context, h *history.History, b Bounds) Result {
	return linearizable(ctx, h, b).named("linearizable")
}

// Durable reports whether the store's own account of its past (History.Changes)
// holds what it told its clients:
//
//   - every acknowledged write is there, once, at the revision that was acknowledged;
//   - a write of unknown outcome is there at most once, a failed one never, and nothing that nobody wrote or deleted;
//   - each key's revisions rise, and its versions count from 1 without a gap;
//   - what a read answered is there, at the revision and version that it told;
//   - the final reads agree with the last change of their key.
//
// Changes of several members are several accounts, and each is held to all of this. One that ends
// at an earlier revision than another has only fallen behind: it is not asked for what came later.
// Neither is one of which it is not known that all of it was collected, or whose member answered no
// final read. Changes of keys that no operation touched are someone else's, and passed over.
//
// It is Unknown where there is nothing to judge by: no account, no acknowledged write, or none that
// is known to tell all.
func Durable(h *history.History) Result { return durable(h).named("durable") }

// Replicas reports whether the members hold the same data: whether all of them, by
// their own account (events of kind history.Hash), have the same hash of the same revision.
//
// Different hashes of one revision are Invalid whenever they were told: a revision is one state.
// It is Unknown unless there is a revision that every member told the hash of.
// Hashes of others than the members do not count.
func Replicas(h *history.History, members []string) Result {
	return replicas(h, members).named("replicas")
}

func (r Result) named(name string) Result {
	r.Name = name
	return r
}
