package matrix

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// Options say how cells are run.
type Options struct {
	Jobs         int  // cells at a time
	FailFast     bool // begin none after one that is not valid
	RetryHarness int  // how often a cell that was no result is tried again
	// Start runs the cell and returns when its process has ended. It records in the
	// directory dir, which it makes, and appends what it prints to the file log. When ctx ends it ends
	// the run in order, so that what was recorded is kept and judged.
	Start func(ctx context.Context, c *Cell, dir, log string) Exit
	// Watch, if not nil, is told of every cell that begins or ends. It is called by one goroutine at a time.
	Watch func(c *Cell)
}

// An Exit is how the process of a run ended.
type Exit struct {
	Status int
	Why    string   // what to say where it left no summary
	Last   []string // the last lines that it printed
}

// Run runs the cells that are not finished, in their shuffled order. When ctx ends,
// those under way are ended in order. Its error is about the directory, not about any run.
func (d *Dir) Run(ctx context.Context, o Options) error {
	r := &sitting{Dir: d, Options: o, began: time.Now(), before: d.Index.Took}
	for _, c := range d.Index.inOrder() {
		if c.State != Finished {
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

// A sitting is one go at a matrix.
type sitting struct {
	*Dir
	Options
	began  time.Time
	before float64 // seconds of earlier sittings

	mu    sync.Mutex
	queue []*Cell
	stop  bool
	err   error
}

// next is the cell to begin with now; nil where no more are.
func (r *sitting) next(ctx context.Context) *Cell {
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
	state   State
	outcome *Outcome
	err     error
}

// run runs the cell, again where it was no result and that was asked for.
func (r *sitting) run(ctx context.Context, c *Cell) ending {
	attempts := c.Attempts
	for {
		began := time.Now()
		exit := r.Start(ctx, c, r.Path(cellsDir, c.Name), r.Path(logsDir, c.Name+".log"))
		e := r.read(ctx, c, exit)
		if e.outcome != nil {
			e.outcome.Started = began.Round(time.Millisecond)
			e.outcome.Took = seconds(time.Since(began))
			e.outcome.Attempts = attempts
		}
		if e.state != Finished || e.outcome.Verdict != results.StatusHarness || len(attempts) >= r.RetryHarness || ctx.Err() != nil {
			return e
		}
		where, err := r.setAside(c)
		if err != nil {
			return ending{err: err}
		}
		attempts = append(attempts, Attempt{e.outcome.Verdict, e.outcome.Reason, where, e.outcome.Took})
		if err := r.remember(c, attempts); err != nil {
			return ending{err: err}
		}
	}
}

// remember writes down what was tried, so that it is not forgotten where the next try is cut short.
func (r *sitting) remember(c *Cell, attempts []Attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Attempts = attempts
	return r.writeIndex()
}

// read reads what the run left.
func (r *sitting) read(ctx context.Context, c *Cell, exit Exit) ending {
	run, err := results.Open(r.Path(cellsDir, c.Name))
	var s results.Summary
	if err == nil {
		s, err = run.ReadSummary()
	}
	cut := ctx.Err() != nil
	switch {
	case err == nil:
		_, missing := os.Stat(run.Path("report.html"))
		switch {
		case cut && (missing != nil || s.Interrupted && !c.convicted(s)):
			return ending{state: Interrupted}
		case missing != nil: // it ended between the two
			return ending{state: Finished, outcome: crashed(c, "The run left no report: "+exit.Why, exit.Last)}
		}
		o := judge(c, s)
		o.Report = true
		return ending{state: Finished, outcome: o}
	case cut && !r.begun(c): // nothing was recorded, and there is nothing to look at
		return ending{state: Waiting}
	case cut:
		return ending{state: Interrupted}
	}
	return ending{state: Finished, outcome: crashed(c, fmt.Sprintf("The run left no summary: %s.", exit.Why), exit.Last)}
}

// begun says whether the cell's run came to make its directory.
func (d *Dir) begun(c *Cell) bool {
	_, err := os.Lstat(d.Path(cellsDir, c.Name))
	return err == nil
}

// convicted says whether a run that was cut short is a result all the same: a broken promise stays broken, and running it
// again might not show it.
func (c *Cell) convicted(s results.Summary) bool {
	return s.Verdict == results.StatusInvalid && !c.MustFail
}

// finish notes what came of the cell and writes the index.
func (r *sitting) finish(c *Cell, e ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.State, c.Outcome = e.state, e.outcome
	if e.err != nil {
		c.State = Interrupted
	}
	if c.State == Finished {
		c.Attempts = nil
	}
	r.Index.Took = r.before + seconds(time.Since(r.began))
	if r.FailFast && c.State == Finished && c.verdict() != results.StatusValid {
		r.stop = true
		r.Index.note("stopped after %s, as --fail-fast asks", c.Name)
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

// seconds are to the millisecond: a summary is read, too.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1e3 }
