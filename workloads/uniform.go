package workloads

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/history"
)

func init() {
	reckon.Workloads.Register(reckon.Word[reckon.Workload]{
		Name: "uniform",
		Doc:  "reads and writes of registers with uniformly random keys, at a fixed rate whatever the store does",
		New: func(fs *pflag.FlagSet) reckon.Workload {
			u := &uniform{}
			fs.Float64Var(&u.rate, "rate", 100, "operations a second, of all clients together")
			flags.ChoiceVar(fs, &u.arrivals, "arrival-process", "uniform", []string{"uniform", "poisson"}, "how arrivals are spaced: evenly, or with exponential gaps")
			flags.ChoiceVar(fs, &u.distribution, "key-distribution", "uniform", []string{"uniform"}, "how keys are drawn")
			fs.Float64Var(&u.writes, "write-ratio", 0.5, "share of operations that write, 0 to 1")
			fs.IntVar(&u.maxKey, "max-key", 99, "keys are 0 to this")
			fs.IntVar(&u.size, "payload-size", 10, "bytes of each value")
			return u
		},
	})
}

type uniform struct {
	rate                   float64
	arrivals, distribution string
	writes                 float64
	maxKey, size           int
}

// Validate returns an error for a load that cannot be offered or whose record could not be checked.
func (u *uniform) Validate(s reckon.Setting) error {
	switch {
	case !(u.rate > 0 && u.rate <= 1e6):
		return fmt.Errorf("--rate %v: must be above 0 and at most 1,000,000", u.rate)
	case !(u.writes >= 0 && u.writes <= 1):
		return fmt.Errorf("--write-ratio %v: must be from 0 to 1", u.writes)
	case u.maxKey < 0 || u.maxKey >= 1e7:
		return fmt.Errorf("--max-key %d: must be from 0 to 9,999,999", u.maxKey)
	case u.size < 1 || u.size > 1<<20:
		return fmt.Errorf("--payload-size %d: must be from 1 to 1,048,576", u.size)
	}
	// Values are unique, so that a read identifies its write. Poisson arrivals vary: ten standard
	// deviations are enough.
	n := u.rate * s.Duration.Seconds()
	n += 10*math.Sqrt(n) + float64(len(s.Clients)) + float64(reckon.PreloadAttempts*(u.maxKey+1))
	if width := int(math.Ceil(math.Log(n) / math.Log(36))); u.size < width {
		return fmt.Errorf("--payload-size %d: too small for the %.0f unique values of this run; at least %d", u.size, n, width)
	}
	return nil
}

// Ops offers the client's share of the rate: every len(s.Clients)-th arrival if they are even, or
// else a Poisson process of its own (the sum of such processes is one with the sum of their rates).
func (u *uniform) Ops(s reckon.Setting, client int, rng *rand.Rand) iter.Seq[reckon.Op] {
	clients := len(s.Clients)
	return func(yield func(reckon.Op) bool) {
		var at float64 // seconds since the load started
		for seq := 0; ; seq++ {
			n := seq*clients + client
			if u.arrivals == "poisson" {
				at += rng.ExpFloat64() * float64(clients) / u.rate
			} else {
				at = float64(n) / u.rate
			}
			op := reckon.Op{Stage: history.Load, Due: time.Duration(at * float64(time.Second)), Key: strconv.Itoa(rng.IntN(u.maxKey + 1))}
			if rng.Float64() < u.writes {
				op.Kind, op.Value = history.Write, u.value(reckon.PreloadAttempts*(u.maxKey+1)+n)
			}
			if !yield(op) {
				return
			}
		}
	}
}

// Preload writes every key once; clients share the keys.
func (u *uniform) Preload(s reckon.Setting, client, attempt int) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for key := client; key <= u.maxKey; key += len(s.Clients) {
			op := reckon.Op{Stage: history.Preload, Kind: history.Write, Key: strconv.Itoa(key), Value: u.value(attempt*(u.maxKey+1) + key)}
			if !yield(op) {
				return
			}
		}
	}
}

// Final reads every key.
func (u *uniform) Final(reckon.Setting) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for key := range u.maxKey + 1 {
			if !yield(reckon.Op{Stage: history.Final, Kind: history.Read, Key: strconv.Itoa(key)}) {
				return
			}
		}
	}
}

// value returns the n-th unique value: n in base 36, padded on the left to 13 digits, which hold
// any int64, or to the payload's size, and filled up with dots.
func (u *uniform) value(n int) string {
	id := strconv.FormatInt(int64(n), 36)
	width := min(u.size, 13)
	return strings.Repeat("0", max(0, width-len(id))) + id + strings.Repeat(".", u.size-width)
}

// Checks verify what the store guarantees of registers: replicas agree, acknowledged writes are
// durable, and operations are linearizable.
func (u *uniform) Checks(s reckon.Setting) []reckon.Check {
	return []reckon.Check{
		{Name: "replicas", Unobserved: true, Run: func(_ context.Context, h *reckon.History) check.Result { return check.Replicas(h, s.Nodes) }},
		{Name: "durable", Run: func(_ context.Context, h *reckon.History) check.Result { return check.Durable(h) }},
		{Name: "linearizable", Run: func(ctx context.Context, h *reckon.History) check.Result {
			return check.Linearizable(ctx, h, check.Bounds{})
		}},
	}
}
