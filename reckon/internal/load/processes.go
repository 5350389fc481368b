package load

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Processes hands out logical process ids. An operation that ends Unknown may
// take effect at any later time, as if its process were still at it; so that process is
// never used again, and the next arrival gets a fresh one:
//
//	c1/0  write k=a  [1 ......... unknown, and it may still land here ->
//	c1/0  write k=b             [5, 6]   would claim that a came before b
//	c1/1  write k=b             [5, 6]   claims nothing
//
// Call and Return are taken under the same lock as the process. Taken before
// it, a Call could be earlier than the Return of the operation whose process it is given:
// one process would seem to do two things at once.
type Processes struct {
	mu    sync.Mutex
	slots []pending
	free  []int
	busy  int
	quiet chan struct{} // closed when busy falls to zero, while someone waits
}

type pending struct {
	op   reckon.Op
	busy bool
}

// Begin gives the operation a free process and its Call, and returns how many are busy then. index
// is the client's among stride clients, whose process ids differ.
func (ps *Processes) Begin(op *reckon.Op, c clock.Clock, index, stride int) (slot, busy int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	op.Call = c.Now()
	i := len(ps.slots)
	if n := len(ps.free); n > 0 {
		i, ps.free = ps.free[n-1], ps.free[:n-1]
	} else {
		ps.slots = append(ps.slots, pending{})
	}
	op.Process = i*stride + index
	ps.slots[i] = pending{*op, true}
	ps.busy++
	return i, ps.busy
}

// End gives the operation its Return, records it, once, and frees its process unless that is
// retired.
func (ps *Processes) End(i int, op reckon.Op, c clock.Clock, record func(reckon.Op)) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !ps.slots[i].busy {
		return // abandoned
	}
	op.Return = c.Now()
	record(op)
	ps.slots[i] = pending{}
	if op.Outcome != history.Unknown {
		ps.free = append(ps.free, i)
	}
	ps.leave(1)
}

// Count returns how many logical processes there have been.
func (ps *Processes) Count() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.slots)
}

// idle is closed when no operation is under way.
func (ps *Processes) idle() <-chan struct{} {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	quiet := make(chan struct{})
	ps.quiet = quiet
	ps.leave(0)
	return quiet
}

func (ps *Processes) leave(n int) {
	ps.busy -= n
	if ps.busy == 0 && ps.quiet != nil {
		close(ps.quiet)
		ps.quiet = nil
	}
}

// abandon records everything under way as undecided.
func (ps *Processes) abandon(now time.Duration, record func(reckon.Op)) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i, s := range ps.slots {
		if !s.busy {
			continue
		}
		s.op.Return, s.op.Error = now, "the client did not return"
		if s.op.Kind == history.Read {
			s.op.Outcome = history.Failed
		}
		record(s.op)
		ps.slots[i] = pending{}
	}
	ps.busy = 0
}

// Sequence gives operations that have ended logical processes, from the first on: the operations of
// one process do not overlap, and none follows one whose outcome is unknown.
func Sequence(ops []reckon.Op, first, index, stride int) {
	byCall := make([]*reckon.Op, len(ops))
	for i := range ops {
		byCall[i] = &ops[i]
	}
	slices.SortStableFunc(byCall, func(a, b *reckon.Op) int { return cmp.Compare(a.Call, b.Call) })
	var free opsByReturn // the last operations of processes that may go on
	next := first
	for _, op := range byCall {
		if len(free) > 0 && free[0].Return < op.Call {
			op.Process = heap.Pop(&free).(*reckon.Op).Process
		} else {
			op.Process = next*stride + index
			next++
		}
		if op.Outcome != history.Unknown {
			heap.Push(&free, op)
		}
	}
}

// opsByReturn is a heap (container/heap).
type opsByReturn []*reckon.Op

func (h opsByReturn) Len() int { return len(h) }

func (h opsByReturn) Less(i, j int) bool { return h[i].Return < h[j].Return }

func (h opsByReturn) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *opsByReturn) Push(x any) { *h = append(*h, x.(*reckon.Op)) }

func (h *opsByReturn) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
