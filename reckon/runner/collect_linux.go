package runner

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// collect asks the store for its own account of its past, and its members for the hashes of their
// states.
func (r *run) collect(ctx context.Context) error {
	r.journal.Phase("collect")
	first := r.plan.Members[0]
	if h, ok := r.plan.System.(reckon.Historian); ok {
		var changes int
		var newest int64
		for c, err := range h.Changes(ctx, first, r.bed.Hosts[first.Name].Dial) {
			if err != nil {
				return fmt.Errorf("collect the changes from %s: %w", first.Name, err)
			}
			if c.Member == "" {
				c.Member = first.Name
			}
			changes, newest = changes+1, max(newest, c.Revision)
			r.journal.Change(c)
		}
		r.journal.Event(history.NewCollected(first.Name, changes, newest))
	}
	return r.hashes(ctx)
}

// hashes has every member hash its state at one revision.
func (r *run) hashes(ctx context.Context) error {
	h, ok := r.plan.System.(reckon.Hasher)
	if !ok {
		return nil
	}
	first := r.plan.Members[0]
	at, _, err := h.Hash(ctx, first, 0, r.bed.Hosts[first.Name].Dial)
	if err != nil {
		return fmt.Errorf("ask %s for its revision: %w", first.Name, err)
	}
	var g errgroup.Group
	for _, m := range r.plan.Members {
		g.Go(func() error {
			got, hash, err := h.Hash(ctx, m, at, r.bed.Hosts[m.Name].Dial)
			if err != nil {
				return fmt.Errorf("ask %s for its hash at revision %d: %w", m.Name, at, err)
			}
			r.journal.Event(history.NewHash(m.Name, got, hash))
			return nil
		})
	}
	return g.Wait()
}
