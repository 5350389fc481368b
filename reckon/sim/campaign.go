package sim

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// A Campaign runs many seeds, as many at a time as there are workers.
type Campaign struct {
	From, Runs uint64
	Workers    int
	// Run runs one seed, on a goroutine with other runs beside it.
	Run func(ctx context.Context, seed uint64) error
	// Done is called after each run, one at a time, and reports whether to go on. The error is Run's, or a *Crash.
	Done func(seed uint64, err error) bool
}

// A Crash is a panic of the simulator itself, which ends the run of one seed and no other.
type Crash struct {
	Value any
	Stack string
}

// Go runs the campaign until its seeds are used up, Done ends it, or ctx does; it returns how many runs were made.
func (c Campaign) Go(ctx context.Context) (runs uint64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := uint64(0)
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == c.Runs || ctx.Err() != nil {
			return 0, false
		}
		next++
		return c.From + next - 1, true
	}
	for range max(1, c.Workers) {
		wg.Go(func() {
			for {
				seed, ok := take()
				if !ok {
					return
				}
				err := c.one(ctx, seed)
				mu.Lock()
				if ctx.Err() == nil {
					runs++
					if !c.Done(seed, err) {
						cancel()
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return runs
}

func (c Campaign) one(ctx context.Context, seed uint64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Crash{r, string(debug.Stack())}
		}
	}()
	return c.Run(ctx, seed)
}

func (c *Crash) Error() string { return fmt.Sprintf("the simulator panicked: %v", c.Value) }
