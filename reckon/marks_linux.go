package reckon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A mark is something that a strike did and has not undone.
type mark struct {
	what string // "n2 dead"
	undo func(context.Context) error
}

// leave notes what the view's strike did, and returns its undoing, which takes note too. Once
// undone, undoing it again does nothing; where it fails it is still to be done.
func (v view) leave(what string, undo func(context.Context) error) func(context.Context) error {
	m := &mark{what: what}
	var mu sync.Mutex
	done := false
	m.undo = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return nil
		}
		if err := undo(ctx); err != nil {
			return err
		}
		done = true
		v.mu.Lock()
		defer v.mu.Unlock()
		v.marks[v.strike] = slices.DeleteFunc(v.marks[v.strike], func(x *mark) bool { return x == m })
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.marks[v.strike] = append(v.marks[v.strike], m)
	return m.undo
}

// undo undoes what the strike has left, the last first, and says what that was; "" is nothing. A strike that failed, or that
// was healed, must have left nothing: a fault that never ends makes a run look like what it is not.
func (c *cluster) undo(ctx context.Context, strike int) string {
	c.mu.Lock()
	left := slices.Clone(c.marks[strike])
	c.mu.Unlock()
	var what []string
	for _, m := range slices.Backward(left) {
		w := m.what
		if err := m.undo(ctx); err != nil {
			w += fmt.Sprintf(" (which cannot be undone: %v)", err)
		}
		what = append(what, w)
	}
	return strings.Join(what, ", ")
}
