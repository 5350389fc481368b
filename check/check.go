// Package check judges a history: was it linearizable, did everything that was
// acknowledged survive, do the replicas agree.
//
// It is pure: a history in, verdicts out. It reads no file, opens no
// connection, and knows no system and no fault. It refuses to guess: what it
// cannot decide within its bounds is Unknown, and nobody may read Unknown as a pass.
package check

import (
	"fmt"

	"github.com/reckon-bench/reckon/history"
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

// Worst is the worse of the two: invalid, then unknown, then valid.
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
