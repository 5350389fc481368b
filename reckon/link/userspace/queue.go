package userspace

// A packet is a frame under way. It belongs to the queue until it is delivered or dropped.
type packet struct {
	path  *path
	frame []byte // offload header and frame, at the start of a buffer of its class
	wire  uint64 // number of packets on the wire
	class int
}

// A queue holds packets in order of due time, and packets due at the same time in order of arrival.
// It is a binary heap, and pure: it reads no clock.
type queue struct {
	heap []entry
	seq  uint64 // of the last packet pushed
}

type entry struct {
	due int64 // nanoseconds on the switch's clock
	seq uint64
	*packet
}

func (a *entry) before(b *entry) bool {
	return a.due < b.due || a.due == b.due && a.seq < b.seq
}

func (q *queue) len() int { return len(q.heap) }

// next returns when the first packet is due. The queue must not be empty.
func (q *queue) next() int64 { return q.heap[0].due }

func (q *queue) push(due int64, p *packet) {
	q.seq++
	q.heap = append(q.heap, entry{due, q.seq, p})
	q.up(len(q.heap) - 1)
}

// pop removes the first packet. The queue must not be empty.
func (q *queue) pop() (due int64, p *packet) {
	first, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap[last] = entry{} // keeps no packet alive
	q.heap = q.heap[:last]
	q.down(0)
	return first.due, first.packet
}

// remove takes out every packet that drop agrees to.
func (q *queue) remove(drop func(*packet) bool) {
	kept := q.heap[:0]
	for _, e := range q.heap {
		if !drop(e.packet) {
			kept = append(kept, e)
		}
	}
	clear(q.heap[len(kept):])
	q.heap = kept
	for i := len(kept)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.heap[i].before(&q.heap[parent]) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *queue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			return
		}
		if right := child + 1; right < len(q.heap) && q.heap[right].before(&q.heap[child]) {
			child = right
		}
		if !q.heap[child].before(&q.heap[i]) {
			return
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
}
