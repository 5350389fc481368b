// Package journal writes the record of a run, counts what it wrote, and shows the run's progress.
package journal

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

// A Journal is the record of a run that is under way. It is safe for concurrent use.
type Journal struct {
	reckon.Recorder
	Clock    *clock.Monotonic
	progress progress
	packets  *capture.Set // the captures under way show the events as well
	failed   func(error)  // called once, when something cannot be recorded

	ops, changes, passes atomic.Int64 // recorded

	mu      sync.Mutex
	failure error // the first error of the recorder
}

// New returns a journal that writes to rec. The captures in packets show the events as well; failed
// is called once, when something cannot be recorded.
func New(rec reckon.Recorder, c *clock.Monotonic, packets *capture.Set, failed func(error)) *Journal {
	return &Journal{Recorder: rec, Clock: c, packets: packets, failed: failed}
}

// Event records the event, as of now unless it has a time.
func (j *Journal) Event(e history.Event) {
	if e.At == 0 {
		e.At = j.Clock.Now()
	}
	j.progress.see(e)
	j.packets.Event(e, time.Now().Add(e.At-j.Clock.Now()))
	j.keep(j.Recorder.Event(e))
}

// Phase records that the run enters the phase.
func (j *Journal) Phase(name string) {
	j.progress.enter(name)
	j.Event(history.NewPhase(name))
}

// Ops records operations that a load driver has encoded.
func (j *Journal) Ops(lines []byte) {
	j.ops.Add(int64(bytes.Count(lines, []byte{'\n'})))
	j.keep(j.Recorder.Ops(lines))
}

// Op records one operation.
func (j *Journal) Op(op reckon.Op) {
	j.ops.Add(1)
	j.keep(j.Recorder.Op(op))
}

// Change records one change of the store's own account.
func (j *Journal) Change(c history.Change) {
	j.changes.Add(1)
	j.keep(j.Recorder.Change(c))
}

// Pass records one pass of a workload's workers.
func (j *Journal) Pass(p history.Pass) {
	j.passes.Add(1)
	j.keep(j.Recorder.Pass(p))
}

// Progress shows what a load driver reports.
func (j *Journal) Progress(p load.Progress) { j.progress.add(p) }

// Done records how much was recorded: a record that holds less has lost something.
func (j *Journal) Done() {
	j.progress.enter("done")
	j.Event(history.NewDone(history.Counts{Ops: int(j.ops.Load()), Changes: int(j.changes.Load()), Passes: int(j.passes.Load())}))
}

// keep remembers the first error of the recorder.
func (j *Journal) keep(err error) {
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

// Err returns the first error of the recorder.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failure
}

// Show shows the progress to whoever watches, until ctx ends.
func (j *Journal) Show(ctx context.Context, watch func(Progress)) {
	j.progress.tell(ctx, j.Clock, watch)
}

// Build records that the run begins.
func (j *Journal) Build() {
	j.progress.enter("build")
	j.Event(history.NewBuild(time.Now().Add(-j.Clock.Now())))
}

// Load records that the load is from start to end.
func (j *Journal) Load(start, end time.Duration) {
	j.Event(history.NewPhase("load").When(start))
	j.progress.load(start, end)
}
