package runner

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
)

// A journal writes the record of a run, counts what it wrote, and shows the run's progress. It is safe for concurrent use.
type journal struct {
	reckon.Recorder
	clock    *clock.Monotonic
	progress progress
	packets  *capture.Set // the captures under way show the events as well
	failed   func(error)  // called once, when something cannot be recorded

	ops, changes, passes atomic.Int64 // recorded

	mu      sync.Mutex
	failure error // the first error of the recorder
}

// Event records the event, as of now unless it has a time.
func (j *journal) Event(e history.Event) {
	if e.At == 0 {
		e.At = j.clock.Now()
	}
	j.progress.see(e)
	j.packets.Event(e, time.Now().Add(e.At-j.clock.Now()))
	j.keep(j.Recorder.Event(e))
}

// phase records that the run enters the phase.
func (j *journal) phase(name string) {
	j.progress.enter(name)
	j.Event(history.NewPhase(name))
}

// Ops records operations that a load driver has encoded.
func (j *journal) Ops(lines []byte) {
	j.ops.Add(int64(bytes.Count(lines, []byte{'\n'})))
	j.keep(j.Recorder.Ops(lines))
}

// Op records one operation.
func (j *journal) Op(op reckon.Op) {
	j.ops.Add(1)
	j.keep(j.Recorder.Op(op))
}

// Change records one change of the store's own account.
func (j *journal) Change(c history.Change) {
	j.changes.Add(1)
	j.keep(j.Recorder.Change(c))
}

// Pass records one pass of a workload's workers.
func (j *journal) Pass(p history.Pass) {
	j.passes.Add(1)
	j.keep(j.Recorder.Pass(p))
}

// Progress shows what a load driver reports.
func (j *journal) Progress(p load.Progress) { j.progress.add(p) }

// done records how much was recorded: a record that holds less has lost something.
func (j *journal) done() {
	j.progress.enter("done")
	j.Event(history.NewDone(history.Counts{Ops: int(j.ops.Load()), Changes: int(j.changes.Load()), Passes: int(j.passes.Load())}))
}

// keep remembers the first error of the recorder.
func (j *journal) keep(err error) {
	if err == nil {
		return
	}
	j.mu.Lock()
	first := j.failure == nil
	if first {
		j.failure = fmt.Errorf("record: %w", err)
	}
	failure := j.failure
	j.mu.Unlock()
	if first {
		j.failed(failure)
	}
}

// err returns the first error of the recorder.
func (j *journal) err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failure
}

// show shows the progress to whoever watches, until ctx ends.
func (j *journal) show(ctx context.Context, watch func(Progress)) {
	j.progress.tell(ctx, j.clock, watch)
}
