package recon

import (
	"slices"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
)

// merkle is the Index of the method that descends a tree of digests. Its leaves are buckets of ids
// by their leading bits; a node's digest is the sum of its leaves', so that a change costs one
// path.
type merkle struct {
	leaves [buckets]map[uint64]struct{}
	// digests by level, from the root's one node to the leaves'.
	digests [levels + 1][]uint64
}

const (
	levels  = 4 // below the root
	bitsPer = 4 // each node has 16 children
	buckets = 1 << (levels * bitsPer)
	// askedNodes bounds how many nodes one query asks for.
	askedNodes = 1024
)

func newMerkle() *merkle {
	m := &merkle{}
	for level := range m.digests {
		m.digests[level] = make([]uint64, 1<<(level*bitsPer))
	}
	return m
}

func bucketOf(id uint64) uint64 { return id >> (64 - levels*bitsPer) }

func (m *merkle) Add(id uint64) {
	leaf := &m.leaves[bucketOf(id)]
	if *leaf == nil {
		*leaf = map[uint64]struct{}{}
	}
	(*leaf)[id] = struct{}{}
	m.change(id, fingerprint([]uint64{id}))
}

func (m *merkle) Remove(id uint64) {
	delete(m.leaves[bucketOf(id)], id)
	m.change(id, -fingerprint([]uint64{id}))
}

func (m *merkle) change(id, by uint64) {
	for level := range m.digests {
		m.digests[level][bucketOf(id)>>((levels-level)*bitsPer)] += by
	}
}

// tree is a merkle at an instant. Leaves are copied, as lists.
type tree struct {
	leaves  [][]uint64
	digests [][]uint64
}

func (m *merkle) snapshot() *tree {
	t := &tree{leaves: make([][]uint64, buckets)}
	for i, leaf := range m.leaves {
		if len(leaf) > 0 {
			t.leaves[i] = sortedIDs(leaf)
		}
	}
	for _, level := range m.digests {
		t.digests = append(t.digests, slices.Clone(level))
	}
	return t
}

func (m *merkle) View() View { return m.snapshot() }

func (m *merkle) Opening(int) []byte { return (&treeFinder{todo: []node{{0, 0}}}).Query() }

func (m *merkle) Find(int) Finder {
	return &treeFinder{local: m.snapshot(), todo: []node{{0, 0}}}
}

// node is the place of a digest.
type node struct{ level, index uint64 }

// Answer says of each node that is asked for its children's digests, or of a leaf its ids.
func (t *tree) Answer(query []byte) ([]byte, error) {
	r := codec.NewReader(query)
	n := r.Count(2)
	if n > askedNodes {
		return nil, ErrMalformed
	}
	var b []byte
	for range n {
		at := node{r.Uint(), r.Uint()}
		if r.Err() != nil || at.level > levels || at.index >= 1<<(at.level*bitsPer) {
			return nil, ErrMalformed
		}
		if at.level == levels {
			b = codec.AppendIDs(b, t.leaves[at.index])
			continue
		}
		for _, digest := range t.digests[at.level+1][at.index<<bitsPer:][:1<<bitsPer] {
			b = codec.AppendUint64(b, digest)
		}
	}
	return b, r.End()
}

type treeFinder struct {
	local         *tree
	todo, under   []node
	remote, alone []uint64
}

func (f *treeFinder) Query() []byte {
	if len(f.todo) == 0 {
		return nil
	}
	n := min(len(f.todo), askedNodes)
	f.under, f.todo = f.todo[:n:n], f.todo[n:]
	b := codec.AppendUint(nil, uint64(n))
	for _, at := range f.under {
		b = codec.AppendUint(codec.AppendUint(b, at.level), at.index)
	}
	return b
}

func (f *treeFinder) Answered(answer []byte) error {
	r := codec.NewReader(answer)
	for _, at := range f.under {
		if at.level == levels {
			remote, local := compare(r.IDs(), f.local.leaves[at.index])
			f.remote, f.alone = append(f.remote, remote...), append(f.alone, local...)
			continue
		}
		for child := at.index << bitsPer; child < (at.index+1)<<bitsPer; child++ {
			if r.Uint64() != f.local.digests[at.level+1][child] {
				f.todo = append(f.todo, node{at.level + 1, child})
			}
		}
	}
	f.under = nil
	if r.End() != nil {
		return ErrMalformed
	}
	return nil
}

func (f *treeFinder) Difference() (remote, local []uint64) { return f.remote, f.alone }
