package campaign

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Options are how a session runs cells.
type Options struct {
	Jobs         int  // cells at a time
	FailFast     bool // begin no cell after one that is not valid
	RetryHarness int  // how often a cell whose verdict is harness is run again
	// Start runs the cell and returns when its process has ended. It makes the run's directory dir,
	// and appends what the run prints to the file log. When ctx is done it interrupts the run in
	// order, so that what was recorded is kept and judged.
	Start func(ctx context.Context, c *index.Cell, dir, log string) Exit
	// Watch, if not nil, is called when a cell begins or ends, by one goroutine at a time.
	Watch func(c *index.Cell)
}

// An Exit is how the process of a run ended.
type Exit struct {
	Status int
	Why    string   // the reason to give where it left no summary
	Last   []string // the last lines that it printed
}

// Run runs the cells that are not finished, in their shuffled order. When ctx is done, those under
// way are interrupted in order. Its error is about the directory, not about any run.
func (d *Dir) Run(ctx context.Context, o Options) error {
	r := &session{Dir: d, Options: o, began: time.Now(), before: d.Index.Took}
	for _, c := range d.Index.InOrder() {
		if c.State != index.Finished {
			r.queue = append(r.queue, c)
		}
	}
	d.Index.Jobs = o.Jobs
	var wg sync.WaitGroup
	for range max(1, o.Jobs) {
		wg.Go(func() {
			for c := r.next(ctx); c != nil; c = r.next(ctx) {
				r.finish(c, r.run(ctx, c))
			}
		})
	}
	wg.Wait()
	d.Index.Interrupted = ctx.Err() != nil && d.Index.Unfinished > 0
	if r.err != nil {
		return r.err
	}
	return d.Write()
}

// A session is one invocation that runs cells of a matrix.
type session struct {
	*Dir
	Options
	began  time.Time
	before float64 // seconds that earlier sessions took

	mu    sync.Mutex
	queue []*index.Cell
	stop  bool
	err   error
}

// next returns the cell to begin now; nil where no more are to begin.
func (r *session) next(ctx context.Context) *index.Cell {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.stop || r.err != nil || len(r.queue) == 0 {
		return nil
	}
	c := r.queue[0]
	r.queue = r.queue[1:]
	if r.Watch != nil {
		r.Watch(c)
	}
	return c
}

// ending is what a cell came to.
type ending struct {
	state   index.State
	outcome *index.Outcome
	err     error
}

// run runs the cell, and again while its verdict is harness and retries are left.
func (r *session) run(ctx context.Context, c *index.Cell) ending {
	attempts := c.Attempts
	for {
		began := time.Now()
		exit := r.Start(ctx, c, r.Path(index.CellsDir, c.Name), r.Path(index.LogsDir, c.Name+".log"))
		e := r.read(ctx, c, exit)
		if e.outcome != nil {
			e.outcome.Started = began.Round(time.Millisecond)
			e.outcome.Took = seconds(time.Since(began))
			e.outcome.Attempts = attempts
		}
		if e.state != index.Finished || e.outcome.Verdict != results.StatusHarness || len(attempts) >= r.RetryHarness || ctx.Err() != nil {
			return e
		}
		where, err := r.setAside(c)
		if err != nil {
			return ending{err: err}
		}
		attempts = append(attempts, index.Attempt{Verdict: e.outcome.Verdict, Reason: e.outcome.Reason, Dir: where, Took: e.outcome.Took})
		if err := r.remember(c, attempts); err != nil {
			return ending{err: err}
		}
	}
}

// remember records the attempts, so that they are not lost where the next one is interrupted.
func (r *session) remember(c *index.Cell, attempts []index.Attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Attempts = attempts
	return r.writeIndex()
}

// read returns what the cell came to, from what its run left.
func (r *session) read(ctx context.Context, c *index.Cell, exit Exit) ending {
	run, err := results.Open(r.Path(index.CellsDir, c.Name))
	var s results.Summary
	if err == nil {
		s, err = run.ReadSummary()
	}
	cut := ctx.Err() != nil
	switch {
	case err == nil:
		_, missing := os.Stat(run.Path("report.html"))
		switch {
		case cut && (missing != nil || s.Interrupted && !settled(c, s)):
			return ending{state: index.Interrupted}
		case missing != nil: // it ended after its summary and before its report
			return ending{state: index.Finished, outcome: index.Crashed("The run left no report: "+exit.Why, exit.Last)}
		}
		o := index.Judge(c, s)
		o.Report = true
		return ending{state: index.Finished, outcome: o}
	case cut && !r.begun(c): // it recorded nothing
		return ending{state: index.Waiting}
	case cut:
		return ending{state: index.Interrupted}
	}
	return ending{state: index.Finished, outcome: index.Crashed(fmt.Sprintf("The run left no summary: %s.", exit.Why), exit.Last)}
}

// begun reports whether the cell's run made its directory.
func (d *Dir) begun(c *index.Cell) bool {
	_, err := os.Lstat(d.Path(index.CellsDir, c.Name))
	return err == nil
}

// settled reports whether an interrupted run counts all the same: a violation stays one, and
// another run might not show it. A violation that was planted is expected of every run, so that run
// is repeated.
func settled(c *index.Cell, s results.Summary) bool {
	return s.Verdict == results.StatusInvalid && !c.MustFail
}

// finish records what the cell came to and writes the index.
func (r *session) finish(c *index.Cell, e ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.State, c.Outcome = e.state, e.outcome
	if e.err != nil {
		c.State = index.Interrupted
	}
	if c.State == index.Finished {
		c.Attempts = nil
	}
	r.Index.Took = r.before + seconds(time.Since(r.began))
	if r.FailFast && c.State == index.Finished && c.Verdict() != results.StatusValid {
		r.stop = true
		r.Index.Note("stopped after %s (--fail-fast)", c.Name)
	}
	if err := r.writeIndex(); e.err == nil {
		e.err = err
	}
	if r.err == nil {
		r.err = e.err
	}
	if r.Watch != nil {
		r.Watch(c)
	}
}

// seconds returns the duration in seconds, to the millisecond, for JSON that people read as well.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1e3 }
