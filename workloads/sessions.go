package workloads

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
)

func init() {
	reckon.Workloads.Register(reckon.Word[reckon.Workload]{
		Name: "sessions",
		Doc:  "clients that write, read back and delete: each on keys of its own, and all on shared ones; for stores that need not be linearizable",
		New: func(fs *pflag.FlagSet) reckon.Workload {
			s := &sessions{}
			rateVar(fs, &s.rate)
			return s
		},
	})
}

// sessions is a load in which a client does eight things in turn, over and over:
//
//	write and read back a shared register, twice
//	write a key of its own that nobody wrote before, and read it
//	delete such a key that it wrote some turns ago, and read that: it must stay away
type sessions struct{ rate float64 }

const (
	// sharedKeys is how many registers all clients share.
	sharedKeys = 20
	// turn is how many operations a turn has.
	turn = 8
	// lifetime is how many turns lie between the writing and the deletion of a key.
	lifetime = 5
	// turnsMost bounds the turns of a run, all clients together: each leaves a key that is read
	// through every member in the end.
	turnsMost = 100_000
)

// Validate refuses settings that cannot be offered or could not be checked.
func (w *sessions) Validate(s reckon.Setting) error {
	if !(w.rate > 0 && w.rate <= 1e6) {
		return fmt.Errorf("--rate %v: must be above 0 and at most 1,000,000", w.rate)
	}
	if n := w.turns(s) * len(s.Clients); n > turnsMost {
		return fmt.Errorf("--rate %v for %v deletes some %d keys: at most %d", w.rate, s.Duration, n, turnsMost)
	}
	return nil
}

// turns is how many a client begins while the load lasts.
func (w *sessions) turns(s reckon.Setting) int {
	return int(w.rate*s.Duration.Seconds()/float64(turn*max(len(s.Clients), 1))) + 1
}

func ownKey(client, n int) string { return fmt.Sprintf("d%d-%d", client, n) }

func (w *sessions) Ops(s reckon.Setting, client int, rng *rand.Rand) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		shared := ""
		for seq := 0; ; seq++ {
			n := seq*len(s.Clients) + client
			op := reckon.Op{Stage: history.Load, Due: time.Duration(float64(n) / w.rate * float64(time.Second))}
			switch at, now := seq%turn, seq/turn; at {
			case 0, 2:
				shared = "r" + strconv.Itoa(rng.IntN(sharedKeys))
				op.Kind, op.Key, op.Value = history.Write, shared, "v"+strconv.Itoa(n)
			case 1, 3:
				op.Key = shared
			case 4:
				op.Kind, op.Key, op.Value = history.Write, ownKey(client, now), "v"+strconv.Itoa(n)
			case 5:
				op.Key = ownKey(client, now)
			case 6:
				op.Kind, op.Delete, op.Key = history.Write, true, ownKey(client, max(0, now-lifetime))
			case 7:
				op.Key = ownKey(client, rng.IntN(max(0, now-lifetime)+1))
			}
			if !yield(op) {
				return
			}
		}
	}
}

// Final reads every key.
func (w *sessions) Final(s reckon.Setting) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		read := func(key string) bool {
			return yield(reckon.Op{Stage: history.Final, Kind: history.Read, Key: key})
		}
		for k := range sharedKeys {
			if !read("r" + strconv.Itoa(k)) {
				return
			}
		}
		for client := range s.Clients {
			for n := range w.turns(s) {
				if !read(ownKey(client, n)) {
					return
				}
			}
		}
	}
}

// Checks hold the store to convergence, to the session guarantees of clients that stay with one
// member, and to deletions that last.
func (w *sessions) Checks(s reckon.Setting) []reckon.Check {
	return []reckon.Check{
		converges(s),
		pure("lost-update", check.LostUpdate),
		pure("sessions", func(h *reckon.History) check.Result { return check.Sessions(h, false) }),
		pure("no-resurrection", check.NoResurrection),
		pure("no-thin-air", check.NoThinAir),
		pure("stale", check.Stale),
	}
}
