package runner

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/journal"
)

// ErrRecorded is wrapped by errors that stand in the record.
var ErrRecorded = errors.New("recorded")

type recorded struct{ error }

func (recorded) Is(target error) bool { return target == ErrRecorded }

// fate is why a run cannot go on as planned, if it cannot. It is safe for concurrent use.
type fate struct {
	journal *journal.Journal
	abort   context.CancelCauseFunc // cuts the load short

	mu  sync.Mutex
	why error
}

// fatal records that the harness has failed so that nothing that follows can be right, once, and
// cuts the load short.
func (f *fate) fatal(why error) {
	f.fatalAs(history.NewHarness(why.Error()), why)
}

// fatalAs is fatal with the event that is recorded. What the store did is recorded each time.
func (f *fate) fatalAs(e history.Event, why error) {
	f.mu.Lock()
	first := f.why == nil
	if first {
		f.why = why
	}
	f.mu.Unlock()
	if first || e.Kind != history.Harness {
		f.journal.Event(e)
	}
	if first {
		f.abort(why)
	}
}

// err returns why nothing that follows can be right, nil where it can: a part of the run has ended,
// or the record cannot be written.
func (f *fate) err() error { return cmp.Or(f.cause(), f.journal.Err()) }

// cause returns what fatal was called with first.
func (f *fate) cause() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.why
}
