package recon

import (
	"slices"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
)

// full is the Index of the method that sends all ids, a page at a time in order.
type full struct {
	ids map[uint64]struct{}
}

// pageIDs is how many ids one answer holds at most: 256 KiB.
const pageIDs = 32 << 10

func (f *full) Add(id uint64)    { f.ids[id] = struct{}{} }
func (f *full) Remove(id uint64) { delete(f.ids, id) }
func (f *full) View() View       { return Sorted(sortedIDs(f.ids)) }

func (f *full) Opening(int) []byte { return NewFull(nil).Query() }

func (f *full) Find(int) Finder { return NewFull(sortedIDs(f.ids)) }

// Sorted is a View for the method full of ids in order.
type Sorted []uint64

// Answer is the page that begins at the id that is asked for.
func (v Sorted) Answer(query []byte) ([]byte, error) {
	r := codec.NewReader(query)
	from := r.Uint64()
	if r.End() != nil {
		return nil, ErrMalformed
	}
	at, _ := slices.BinarySearch(v, from)
	rest := v[at:]
	page := rest[:min(len(rest), pageIDs)]
	b := codec.AppendBool(nil, len(page) == len(rest))
	return codec.AppendIDs(b, page), nil
}

// Full is a Finder of the method full, with which any other can be replaced where it gave up.
type Full struct {
	local  []uint64
	remote []uint64
	done   bool
}

// NewFull looks for the difference to ids in order.
func NewFull(local []uint64) *Full { return &Full{local: local} }

// Query asks for the next page.
func (f *Full) Query() []byte {
	if f.done {
		return nil
	}
	var from uint64
	if n := len(f.remote); n > 0 {
		from = f.remote[n-1] + 1
	}
	return codec.AppendUint64(nil, from)
}

// Answered takes a page.
func (f *Full) Answered(answer []byte) error {
	r := codec.NewReader(answer)
	last, page := r.Bool(), r.IDs()
	if r.End() != nil || !last && len(page) == 0 {
		return ErrMalformed
	}
	for _, id := range page {
		if n := len(f.remote); n > 0 && f.remote[n-1] >= id {
			return ErrMalformed
		}
		f.remote = append(f.remote, id)
	}
	n := len(f.remote)
	f.done = last || n > 0 && f.remote[n-1] == 1<<64-1
	return nil
}

// Difference is what the lists do not share.
func (f *Full) Difference() (remote, local []uint64) { return compare(f.remote, f.local) }
