package check

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A simulated store: one atomic register a key. Every operation takes effect at
// a point of its own between call and return, so the history is linearizable by construction.
type store struct {
	rng  *rand.Rand
	ops  []history.Op
	when []time.Duration // by operation: its point; never where it has none

	wrote int
}

const never = time.Duration(1 << 61)

func newStore(seed uint64) *store { return &store{rng: rand.New(rand.NewPCG(seed, 1))} }

// offer adds an operation. What reads answer is settled by run.
func (s *store) offer(o history.Op, point time.Duration) {
	o.Process = len(s.ops) // one operation each
	o.Client = "c1"
	if o.Kind == history.Write {
		s.wrote++
		o.Value = fmt.Sprintf("v%d", s.wrote)
	}
	s.ops = append(s.ops, o)
	s.when = append(s.when, point)
}

// run lets the operations take effect in the order of their points, and returns
// the history in the order of return, with the store's changes.
func (s *store) run() *history.History {
	order := make([]int, len(s.ops))
	for i := range order {
		order[i] = i
	}
	s.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.when[a], s.when[b]) })
	h := &history.History{Events: []history.Event{{Kind: history.Phase, Subject: "done"}}}
	state := make(map[string]history.Change)
	revision := int64(1)
	for _, i := range order {
		o := &s.ops[i]
		was := state[o.Key]
		switch {
		case s.when[i] == never:
		case o.Kind == history.Read:
			o.Value, o.Version, o.Revision = was.Value, was.Version, was.Revision
		default:
			revision++
			c := history.Change{Key: o.Key, Value: o.Value, Revision: revision, Version: was.Version + 1}
			state[o.Key] = c
			h.Changes = append(h.Changes, c)
			if o.Outcome == history.OK {
				o.Revision = revision
			}
		}
	}
	h.Ops = slices.Clone(s.ops)
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return cmp.Compare(a.Return, b.Return) })
	return h
}

// small returns a random history of one key with a few operations that overlap much, and share
// instants.
func small(seed uint64) *history.History {
	s := newStore(seed)
	n, span := 2+s.rng.IntN(11), 4+s.rng.IntN(40)
	for range n {
		call := time.Duration(s.rng.IntN(span))
		ret := call + time.Duration(s.rng.IntN(1+span/3))
		o := history.Op{Key: "k", Kind: history.Kind(s.rng.IntN(2)), Call: call, Return: ret, Outcome: history.OK}
		point := call + time.Duration(s.rng.Int64N(int64(ret-call)+1))
		switch chance := s.rng.IntN(20); {
		case chance < 1:
			o.Outcome, point = history.Failed, never
		case chance < 4 && o.Kind == history.Write:
			o.Outcome = history.Unknown
			if point = never; s.rng.IntN(3) > 0 {
				point = call + time.Duration(s.rng.IntN(span))
			}
		}
		s.offer(o, point)
	}
	return s.run()
}

// mutate breaks the history a little; what is left may or may not be linearizable.
func mutate(h *history.History, rng *rand.Rand) {
	for range 1 + rng.IntN(2) {
		o := &h.Ops[rng.IntN(len(h.Ops))]
		other := h.Ops[rng.IntN(len(h.Ops))]
		switch chance := rng.IntN(10); {
		case chance < 4 && o.Kind == history.Read && o.Outcome == history.OK:
			o.Value, o.Version = other.Value, 1
		case chance < 5 && o.Kind == history.Read && o.Outcome == history.OK:
			o.Value, o.Version = "", 0
		case chance < 8:
			length := o.Return - o.Call
			o.Call = other.Call
			o.Return = o.Call + length
		case chance < 9 && o.Kind == history.Write:
			o.Outcome = history.Outcome(rng.IntN(3))
		default:
			o.Call, o.Return = min(o.Call, other.Return), max(o.Call, other.Return)
		}
	}
}

// load is an open-loop load on keys: rate operations a second, half of them writes, that
// take up to latency each.
type load struct {
	ops     int
	keys    int
	zipf    bool // some keys much hotter than others
	rate    int
	latency time.Duration
	outage  time.Duration // in the middle: what is called then returns after it
	unknown int           // writes in flight when the outage begins, at most, that end unknown
}

func (l load) history(seed uint64) *history.History {
	s := newStore(seed)
	mid := time.Duration(l.ops/2) * time.Second / time.Duration(l.rate)
	z := rand.NewZipf(s.rng, 1.2, 4, uint64(l.keys-1))
	for i := range l.ops {
		key := s.rng.Uint64N(uint64(l.keys))
		if l.zipf {
			key = z.Uint64()
		}
		call := time.Duration(i) * time.Second / time.Duration(l.rate)
		from, took := call, 1+time.Duration(s.rng.Int64N(int64(l.latency)))
		o := history.Op{Key: fmt.Sprint(key), Kind: history.Kind(s.rng.IntN(2)), Call: call, Outcome: history.OK}
		down := call+took >= mid && call < mid+l.outage
		if down {
			from = mid + l.outage
		}
		o.Return = from + took
		point := from + time.Duration(s.rng.Int64N(int64(took)))
		if down && o.Kind == history.Write && l.unknown > 0 && s.rng.IntN(4) == 0 {
			l.unknown--
			o.Outcome = history.Unknown
			if s.rng.IntN(2) == 0 {
				point = never
			}
		}
		s.offer(o, point)
	}
	return s.run()
}
