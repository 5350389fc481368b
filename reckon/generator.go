package reckon

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A generator offers one client's operations when they are due, whether or not
// earlier ones have ended: a stalled store then shows as latency, not as a
// quiet patch with fewer samples.
type generator struct {
	name     string // of the client host
	client   Client
	clock    clock.Clock
	wait     func(ctx context.Context, until time.Duration) // returns at that instant of the clock, at once where it has passed, or when ctx ends
	record   func(Op)                                       // safe for concurrent use
	timeout  time.Duration                                  // of one operation
	inFlight int                                            // at most so many at once
	index    int                                            // of this client, of
	clients  int                                            // so many

	processes *processes
}

// grace is how long after its time-out an operation may still return before
// its client counts as overstaying.
const grace = 2 * time.Second

// errInFlight says that the cap was hit.
type errInFlight int

func (e errInFlight) Error() string {
	return fmt.Sprintf("%d operations under way at once: the cap on one client", int(e))
}

// offer runs the stream: an operation whose Due is d is dispatched at start+d,
// and those due at end or later are not offered. It returns when every operation offered
// has been recorded with its outcome. lag is in nanoseconds.
func (g *generator) offer(ctx context.Context, ops iter.Seq[Op], start, end time.Duration) (offered int, lag *hdrhistogram.Histogram, err error) {
	lag = hdrhistogram.New(1, int64(time.Minute), 3)
	for op := range ops {
		op.Due += start
		if op.Due >= end {
			break
		}
		g.wait(ctx, op.Due)
		if ctx.Err() != nil {
			break
		}
		op.Client = g.name
		p, n := g.processes.begin(&op, g.clock, g.index, g.clients)
		_ = lag.RecordValue(min(int64(max(op.Call-op.Due, 1)), int64(time.Minute)))
		offered++
		go g.do(ctx, op, p)
		if n >= g.inFlight {
			err = errInFlight(n)
			break
		}
	}
	g.drain(ctx)
	return offered, lag, err
}

// do runs one operation as process p.
func (g *generator) do(ctx context.Context, op Op, p int) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	g.processes.end(p, g.client.Do(ctx, op), g.clock, g.record)
}

// drain waits until nothing is under way. What overstays is recorded as unknown
// (a read: failed, since it cannot have had an effect) and its own return, should it come, is passed over.
func (g *generator) drain(ctx context.Context) {
	limit := time.NewTimer(g.timeout + grace)
	defer limit.Stop()
	select {
	case <-g.processes.idle():
	case <-limit.C:
		g.processes.abandon(g.clock.Now(), g.record)
	}
}

// processes hands out logical process ids. An operation that ends Unknown may
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
type processes struct {
	mu    sync.Mutex
	slots []pending
	free  []int
	busy  int
	quiet chan struct{} // closed when busy falls to zero, while someone waits
}

type pending struct {
	op   Op
	busy bool
}

// begin gives the operation a free process and its Call, and says how many are busy with it.
func (ps *processes) begin(op *Op, clock clock.Clock, index, stride int) (slot, busy int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	op.Call = clock.Now()
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

// end gives the operation its Return, records it, once, and frees its process unless that is retired.
func (ps *processes) end(i int, op Op, clock clock.Clock, record func(Op)) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !ps.slots[i].busy {
		return // abandoned
	}
	op.Return = clock.Now()
	record(op)
	ps.slots[i] = pending{}
	if op.Outcome != history.Unknown {
		ps.free = append(ps.free, i)
	}
	ps.leave(1)
}

// idle is closed when no operation is under way.
func (ps *processes) idle() <-chan struct{} {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	quiet := make(chan struct{})
	ps.quiet = quiet
	ps.leave(0)
	return quiet
}

func (ps *processes) leave(n int) {
	ps.busy -= n
	if ps.busy == 0 && ps.quiet != nil {
		close(ps.quiet)
		ps.quiet = nil
	}
}

// abandon records everything under way as it must be taken: undecided.
func (ps *processes) abandon(now time.Duration, record func(Op)) {
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

// merge is the streams as one, in order of Due.
func merge(streams []iter.Seq[Op]) iter.Seq[Op] {
	if len(streams) == 1 {
		return streams[0]
	}
	return func(yield func(Op) bool) {
		heads := make([]Op, len(streams))
		alive := make([]bool, len(streams))
		nexts := make([]func() (Op, bool), len(streams))
		for i, s := range streams {
			next, stop := iter.Pull(s)
			defer stop()
			nexts[i] = next
			heads[i], alive[i] = next()
		}
		for {
			first := -1
			for i := range heads {
				if alive[i] && (first < 0 || heads[i].Due < heads[first].Due) {
					first = i
				}
			}
			if first < 0 || !yield(heads[first]) {
				return
			}
			heads[first], alive[first] = nexts[first]()
		}
	}
}
