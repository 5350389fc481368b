package check

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// ordered is a history of n writes of four clients to a store that counts them as a whole.
func ordered(n int) (h history.History) {
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		h.Ops = append(h.Ops, history.Op{
			Client: "c1", Process: i % 4, Kind: history.Write, Key: "k", Value: string(rune('a' + i)),
			Due: at, Call: at, Return: at + 3*time.Millisecond, Outcome: history.OK, Revision: int64(i + 2),
		})
	}
	return h
}

// contradicts asks every pair of operations: the sweep computed another way.
func contradicts(h history.History) bool {
	for i, a := range h.Ops {
		for j, b := range h.Ops {
			if i == j || a.Outcome != history.OK || b.Outcome != history.OK || b.Kind != history.Write || a.Revision == 0 || b.Revision == 0 {
				continue
			}
			if a.Return < b.Call && a.Revision >= b.Revision || a.Kind == history.Write && a.Revision == b.Revision {
				return true
			}
		}
	}
	return false
}

func TestRevisionsAgainstTime(t *testing.T) {
	if r := disorder(new(ordered(50))); r != nil {
		t.Errorf("an honest history: %s", r.Detail)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	found, clean := 0, 0
	for range 3000 {
		h := ordered(12)
		for range rng.IntN(3) {
			o := &h.Ops[rng.IntN(len(h.Ops))]
			switch rng.IntN(5) {
			case 0:
				o.Revision += int64(rng.IntN(7)) - 3
			case 1:
				o.Kind = history.Read
			case 2:
				o.Outcome = history.Unknown
			case 3:
				o.Return += time.Duration(rng.IntN(9)) * time.Millisecond
			case 4:
				o.Revision = 0
			}
		}
		r := disorder(&h)
		if got, want := r != nil, contradicts(h); got != want {
			t.Fatalf("found %v, want %v: %v", got, want, h.Ops)
		}
		if r != nil {
			found++
			if !contradicts(history.History{Ops: r.Evidence}) {
				t.Fatalf("the evidence proves nothing: %v", r.Evidence)
			}
		} else {
			clean++
		}
	}
	if found < 100 || clean < 100 {
		t.Errorf("%d histories contradict time, and %d do not", found, clean)
	}
}

// The case that was found: 300 had been acknowledged before the write was called that got 203.
func TestRevisionBeforeOneThatWasAcknowledged(t *testing.T) {
	h := ordered(2)
	h.Ops[0].Revision, h.Ops[1].Revision = 300, 203
	h.Ops[1].Call, h.Ops[1].Return = h.Ops[0].Return+1, h.Ops[0].Return+2
	if r := DurableInOrder(&h); r.Verdict != Invalid || len(r.Evidence) != 2 {
		t.Errorf("%v", r)
	}
	if r := Durable(&h); r.Verdict == Invalid {
		t.Errorf("revisions that are not global are in no order: %v", r)
	}
}
