package workloads

import (
	"context"
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
		Name: "set",
		Doc:  "a set that grows: each key is written once; reads of earlier ones; for stores that need not be linearizable",
		New: func(fs *pflag.FlagSet) reckon.Workload {
			s := &set{}
			rateVar(fs, &s.rate)
			return s
		},
	})
}

// rateVar declares --rate, which workloads share.
func rateVar(fs *pflag.FlagSet, rate *float64) {
	fs.Float64Var(rate, "rate", 100, "operations a second, of all clients together")
}

// set is a growing set. Arrival n of all clients, of which client n mod len(s.Clients) offers it,
// adds element n where n is even, and reads a random earlier element where it is odd.
type set struct{ rate float64 }

// elementsMost bounds the elements of a run: each is read through every member in the end.
const elementsMost = 100_000

// Validate refuses settings that cannot be offered or could not be checked.
func (w *set) Validate(s reckon.Setting) error {
	if !(w.rate > 0 && w.rate <= 1e6) {
		return fmt.Errorf("--rate %v: must be above 0 and at most 1,000,000", w.rate)
	}
	if n := w.elements(s); n < 1 || n > elementsMost {
		return fmt.Errorf("--rate %v for %v adds %d elements: want 1 to %d", w.rate, s.Duration, n, elementsMost)
	}
	return nil
}

// due is when arrival n is.
func (w *set) due(n int) time.Duration {
	return time.Duration(float64(n) / w.rate * float64(time.Second))
}

// elements is how many are added while the load lasts.
func (w *set) elements(s reckon.Setting) int {
	n := int(w.rate*s.Duration.Seconds()/2) + 1
	for n > 0 && w.due(2*(n-1)) >= s.Duration {
		n--
	}
	return n
}

func element(n int) string { return "e" + strconv.Itoa(n) }

func (w *set) Ops(s reckon.Setting, client int, rng *rand.Rand) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for n := client; ; n += len(s.Clients) {
			op := reckon.Op{Stage: history.Load, Due: w.due(n)}
			if n%2 == 0 {
				op.Kind, op.Key, op.Value = history.Write, element(n/2), "v"+strconv.Itoa(n/2)
			} else {
				op.Key = element(rng.IntN(n/2 + 1))
			}
			if !yield(op) {
				return
			}
		}
	}
}

// Final reads every element.
func (w *set) Final(s reckon.Setting) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for n := range w.elements(s) {
			if !yield(reckon.Op{Stage: history.Final, Kind: history.Read, Key: element(n)}) {
				return
			}
		}
	}
}

// Checks hold the store to convergence, and to keeping every element that it acknowledged.
func (w *set) Checks(s reckon.Setting) []reckon.Check {
	return []reckon.Check{
		converges(s),
		pure("set", func(h *reckon.History) check.Result { return check.Set(h, false) }),
		pure("no-thin-air", check.NoThinAir),
		pure("stale", check.Stale),
	}
}

// pure makes a check of a function of the history.
func pure(name string, run func(h *reckon.History) check.Result) reckon.Check {
	return reckon.Check{Name: name, Run: func(_ context.Context, h *reckon.History) check.Result { return run(h) }}
}

func converges(s reckon.Setting) reckon.Check {
	return pure("converges", func(h *reckon.History) check.Result { return check.Converges(h, s.Nodes) })
}
