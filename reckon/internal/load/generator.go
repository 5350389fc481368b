// Package load offers the operations of one client when they are due, and gives each its logical
// process, its times and its outcome. It is pure but for the functions that it is given.
package load

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
)

// Config is what a generator needs to know of its client and of the run.
type Config struct {
	Name   string // of the client host
	Client reckon.Client
	Clock  clock.Clock
	// Wait returns at that instant of the clock, at once where it has passed, or when ctx ends.
	Wait      func(ctx context.Context, until time.Duration)
	Record    func(reckon.Op) // safe for concurrent use
	Timeout   time.Duration   // of one operation
	InFlight  int             // at most so many operations are under way at once
	Index     int             // of this client, from 0, of
	Clients   int             // so many
	Processes *Processes      // shared with whatever else this client does in the run
}

// A Generator offers one client's operations when they are due, whether or not earlier ones have
// ended: a store that stalls then shows as latency, and not as fewer samples.
type Generator struct{ Config }

// NewGenerator returns a generator.
func NewGenerator(c Config) *Generator { return &Generator{c} }

// Grace is how long after its time-out an operation may still return before its client is given up
// on.
const Grace = 2 * time.Second

// TooMany is the error of a generator that reached its limit of operations under way at once.
type TooMany int

func (n TooMany) Error() string {
	return fmt.Sprintf("%d operations under way at once: the cap on one client", int(n))
}

// Offer runs the stream: an operation whose Due is d is dispatched at start+d, and those due at end
// or later are not offered. It returns when every operation offered has been recorded with its
// outcome. lag is how late operations were dispatched, in nanoseconds.
func (g *Generator) Offer(ctx context.Context, ops iter.Seq[reckon.Op], start, end time.Duration) (offered int, lag *hdrhistogram.Histogram, err error) {
	lag = hdrhistogram.New(1, int64(time.Minute), 3)
	for op := range ops {
		op.Due += start
		if op.Due >= end {
			break
		}
		g.Wait(ctx, op.Due)
		if ctx.Err() != nil {
			break
		}
		op.Client = g.Name
		p, n := g.Processes.Begin(&op, g.Clock, g.Index, g.Clients)
		_ = lag.RecordValue(min(int64(max(op.Call-op.Due, 1)), int64(time.Minute)))
		offered++
		go g.do(ctx, op, p)
		if n >= g.InFlight {
			err = TooMany(n)
			break
		}
	}
	g.drain(ctx)
	return offered, lag, err
}

// do runs one operation as process p.
func (g *Generator) do(ctx context.Context, op reckon.Op, p int) {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	g.Processes.End(p, g.Client.Do(ctx, op), g.Clock, g.Record)
}

// drain waits until nothing is under way. An operation that does not return in time is recorded as
// unknown (a read: failed, since it cannot have had an effect), and its own return, should it come,
// is ignored.
func (g *Generator) drain(ctx context.Context) {
	limit := time.NewTimer(g.Timeout + Grace)
	defer limit.Stop()
	select {
	case <-g.Processes.idle():
	case <-limit.C:
		g.Processes.abandon(g.Clock.Now(), g.Record)
	}
}
