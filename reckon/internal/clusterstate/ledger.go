package clusterstate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Ledger lists what each strike has done and not undone. The zero value is empty and ready. It is
// safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries map[int][]*entry // by strike
}

// An entry is something that a strike did and has not undone.
type entry struct {
	what string // "n2 dead"
	undo func(context.Context) error
}

// Enter records what the strike did, and returns the function that undoes it and removes it from
// the ledger. Once undone, undoing it again does nothing; where undoing fails, the entry stays.
func (l *Ledger) Enter(strike int, what string, undo func(context.Context) error) func(context.Context) error {
	e := &entry{what: what}
	var mu sync.Mutex
	done := false
	e.undo = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return nil
		}
		if err := undo(ctx); err != nil {
			return err
		}
		done = true
		l.remove(strike, e)
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[int][]*entry{}
	}
	l.entries[strike] = append(l.entries[strike], e)
	return e.undo
}

func (l *Ledger) remove(strike int, e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[strike] = slices.DeleteFunc(l.entries[strike], func(x *entry) bool { return x == e })
}

// Undo undoes what the strike has left, the last first, and returns what that was; "" is nothing. A
// strike that failed, or that was healed, must have left nothing: a fault that never ends would
// make the rest of the run meaningless.
func (l *Ledger) Undo(ctx context.Context, strike int) string {
	l.mu.Lock()
	left := slices.Clone(l.entries[strike])
	l.mu.Unlock()
	var what []string
	for _, e := range slices.Backward(left) {
		w := e.what
		if err := e.undo(ctx); err != nil {
			w += fmt.Sprintf(" (which cannot be undone: %v)", err)
		}
		what = append(what, w)
	}
	return strings.Join(what, ", ")
}
