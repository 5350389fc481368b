// Package check judges a history: was it linearizable, did everything that was
// acknowledged survive, do the replicas agree.
//
// It is pure: a history in, verdicts out. It reads no file, opens no
// connection, and knows no system and no fault. It refuses to guess: what it
// cannot decide within its bounds is Unknown, and Unknown is never a pass.
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
	// Valid: the guarantee held in all of the history.
	Valid
	// Invalid: the guarantee was violated, and the evidence shows where.
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

// Durable checks that the store's own history (History.Changes) holds what clients were told:
//
//   - every acknowledged write is there, once, at the revision that was acknowledged;
//   - a write of unknown outcome is there at most once, a failed one never, and there is no change
//     that no client wrote;
//   - each key's revisions rise, and its versions count from 1 without a gap;
//   - what a read answered is there, at the revision and version that it reported;
//   - the final reads agree with the last change of their key.
//
// Changes of several members are several histories, and each must satisfy all of this. One that
// ends at an earlier revision than another has only fallen behind, and is checked up to its end. So
// is one that may not have been collected completely, and one whose member answered no final read.
// Changes of keys that no operation used are ignored.
//
// It is Unknown if there is nothing to check: no history, no acknowledged write, or no history that
// is known to be complete.
func Durable(h *history.History) Result { return durable(h).named("durable") }

// Replicas checks that the members hold the same data: that all of them report (events of kind
// history.Hash) the same hash of the same revision.
//
// Different hashes of one revision are Invalid at any time: a revision is one state. The result is
// Unknown unless there is a revision of which every member reported the hash. Hashes of hosts that
// are not members do not count.
func Replicas(h *history.History, members []string) Result {
	return replicas(h, members).named("replicas")
}

func (r Result) named(name string) Result {
	r.Name = name
	return r
}
