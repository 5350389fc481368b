package riblt

import "container/heap"

// Decoder recovers the difference of two sets from the symbols of both, in order from symbol 0.
type Decoder struct {
	code    Code
	cells   []Symbol // of the difference, without the ids decoded so far
	decoded walks    // by the next symbol that they are part of, beyond the cells
	ripe    []uint64 // indices of cells that may hold one id alone
	limit   int

	remote, local []uint64
}

// NewDecoder decodes differences of at most limit ids; beyond, Failed says so.
func NewDecoder(code Code, limit int) *Decoder { return &Decoder{code: code, limit: limit} }

// Add takes the next symbol of the remote and of the local set, and decodes what can be.
func (d *Decoder) Add(remote, local Symbol) {
	i := uint64(len(d.cells))
	cell := remote.minus(local)
	for len(d.decoded) > 0 && d.decoded[0].index == i {
		k := &d.decoded[0]
		cell.add(k.id, d.code.Check(k.id), -k.sign)
		k.next()
		heap.Fix(&d.decoded, 0)
	}
	d.cells = append(d.cells, cell)
	d.ripe = append(d.ripe, i)
	d.peel()
}

// peel takes ids that stand alone in a symbol out of all symbols, until none does.
func (d *Decoder) peel() {
	for len(d.ripe) > 0 && !d.Failed() {
		i := d.ripe[len(d.ripe)-1]
		d.ripe = d.ripe[:len(d.ripe)-1]
		c := d.cells[i]
		if c.Count != 1 && c.Count != -1 || d.code.Check(c.ID) != c.Check {
			continue
		}
		if c.Count == 1 {
			d.remote = append(d.remote, c.ID)
		} else {
			d.local = append(d.local, c.ID)
		}
		d.remove(c.ID, c.Check, c.Count)
	}
}

// remove takes the id out of the cells that there are, and remembers it for those to come.
func (d *Decoder) remove(id uint64, check uint32, sign int64) {
	w := d.code.start(id)
	for ; w.index < uint64(len(d.cells)); w.next() {
		c := &d.cells[w.index]
		c.add(id, check, -sign)
		if c.Count == 1 || c.Count == -1 {
			d.ripe = append(d.ripe, w.index)
		}
	}
	heap.Push(&d.decoded, walker{w, id, sign})
}

// Len is how many symbols were added.
func (d *Decoder) Len() int { return len(d.cells) }

// Done reports whether the whole difference has been decoded.
func (d *Decoder) Done() bool { return len(d.cells) > 0 && d.cells[0].empty() }

// Failed reports whether more ids were decoded than the limit allows: the difference is larger, or
// the symbols were not those of a set.
func (d *Decoder) Failed() bool { return len(d.remote)+len(d.local) > d.limit }

// Difference is what was decoded: the ids that only the remote set has, and those that only the
// local one has.
func (d *Decoder) Difference() (remote, local []uint64) { return d.remote, d.local }

// walker is a decoded id on its way through the symbols.
type walker struct {
	walk
	id   uint64
	sign int64
}

// walks is a heap of walkers by their next index.
type walks []walker

func (h walks) Len() int           { return len(h) }
func (h walks) Less(i, j int) bool { return h[i].index < h[j].index }
func (h walks) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *walks) Push(x any)        { *h = append(*h, x.(walker)) }
func (h *walks) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
