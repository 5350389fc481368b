package recon

import (
	"math/bits"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
)

// ranged is the Index of range-based reconciliation. It sorts the set anew for each exchange.
type ranged struct {
	ids map[uint64]struct{}
}

const (
	branch = 16 // into how many parts a range is split
	// listed is how many ids a range has at most whose ids are sent instead of fingerprints.
	listed = 16
	// asked bounds how many ranges one query asks for.
	asked = 512
)

func (r *ranged) Add(id uint64)    { r.ids[id] = struct{}{} }
func (r *ranged) Remove(id uint64) { delete(r.ids, id) }
func (r *ranged) View() View       { return rangeView(sortedIDs(r.ids)) }

func (r *ranged) Opening(int) []byte {
	return (&rangeFinder{todo: []span{{0, 1<<64 - 1}}}).Query()
}

func (r *ranged) Find(int) Finder {
	f := &rangeFinder{local: sortedIDs(r.ids)}
	f.todo = []span{{0, 1<<64 - 1}}
	return f
}

// span is a range of ids, both ends included.
type span struct{ low, high uint64 }

// split is the range in up to 16 parts of nearly one width.
func (s span) split() (parts []span) {
	width := (s.high-s.low)/branch + 1
	for low := s.low; ; low += width {
		high := low + width - 1
		if high >= s.high || high < low {
			return append(parts, span{low, s.high})
		}
		parts = append(parts, span{low, high})
	}
}

// fingerprint is the sum of the ids, each mixed: sums of random numbers of 64 bits.
func fingerprint(ids []uint64) (sum uint64) {
	for _, id := range ids {
		hi, lo := bits.Mul64(id^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
		sum += hi ^ lo
	}
	return sum
}

type rangeView []uint64

// Answer says of each range that is asked for either its ids, or its parts' fingerprints and
// numbers.
func (v rangeView) Answer(query []byte) ([]byte, error) {
	r := codec.NewReader(query)
	n := r.Count(16)
	if n > asked {
		return nil, ErrMalformed
	}
	var b []byte
	for range n {
		s := span{r.Uint64(), r.Uint64()}
		if r.Err() != nil || s.low > s.high {
			return nil, ErrMalformed
		}
		ids := between(v, s.low, s.high)
		b = codec.AppendBool(b, len(ids) <= listed)
		if len(ids) <= listed {
			b = codec.AppendIDs(b, ids)
			continue
		}
		for _, part := range s.split() {
			in := between(ids, part.low, part.high)
			b = codec.AppendUint64(b, fingerprint(in))
			b = codec.AppendUint(b, uint64(len(in)))
		}
	}
	return b, r.End()
}

type rangeFinder struct {
	local         []uint64
	todo          []span
	under         []span // those that the last query asked for
	remote, alone []uint64
}

func (f *rangeFinder) Query() []byte {
	if len(f.todo) == 0 {
		return nil
	}
	n := min(len(f.todo), asked)
	f.under, f.todo = f.todo[:n:n], f.todo[n:]
	b := codec.AppendUint(nil, uint64(n))
	for _, s := range f.under {
		b = codec.AppendUint64(codec.AppendUint64(b, s.low), s.high)
	}
	return b
}

func (f *rangeFinder) Answered(answer []byte) error {
	r := codec.NewReader(answer)
	for _, s := range f.under {
		mine := between(f.local, s.low, s.high)
		if r.Bool() {
			remote, local := compare(r.IDs(), mine)
			f.remote, f.alone = append(f.remote, remote...), append(f.alone, local...)
			continue
		}
		if s.low == s.high {
			return ErrMalformed // one id cannot be more than listed
		}
		for _, part := range s.split() {
			in := between(mine, part.low, part.high)
			sum, n := r.Uint64(), r.Uint()
			if n != uint64(len(in)) || sum != fingerprint(in) {
				f.todo = append(f.todo, part)
			}
		}
	}
	f.under = nil
	if r.End() != nil {
		return ErrMalformed
	}
	return nil
}

func (f *rangeFinder) Difference() (remote, local []uint64) { return f.remote, f.alone }
