package runner

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// finalAttempts bounds how often a final read is tried.
const finalAttempts = 3

// final reads every key through every member, each from its own host.
func (r *run) final(ctx context.Context) error {
	r.journal.Phase("final")
	var g errgroup.Group
	for i, m := range r.plan.Members {
		g.Go(func() error { return r.finalAt(ctx, m, i) })
	}
	return g.Wait()
}

func (r *run) finalAt(ctx context.Context, m reckon.Member, index int) error {
	client, err := r.plan.System.Dial(ctx, []reckon.Member{m}, r.bed.Hosts[m.Name].Dial)
	if err != nil {
		return fmt.Errorf("dial %s for the final reads: %w", m.Name, err)
	}
	defer client.Close()
	var g errgroup.Group
	g.SetLimit(plan.AtOnce)
	var ps load.Processes
	for _, w := range r.plan.Workloads {
		f, ok := w.Value.(reckon.FinalReader)
		if !ok {
			continue
		}
		for op := range f.Final(r.plan.Setting) {
			op.Client = m.Name
			g.Go(func() error { return r.finalRead(ctx, client, &ps, op) })
		}
	}
	return g.Wait()
}

// finalRead reads until it is answered. One that never is stays in the record as it is.
func (r *run) finalRead(ctx context.Context, client reckon.Client, ps *load.Processes, op reckon.Op) error {
	for range finalAttempts {
		octx, cancel := context.WithTimeout(ctx, r.plan.Options.OpTimeout)
		op.Due = r.journal.Clock.Now()
		slot, _ := ps.Begin(&op, r.journal.Clock, 0, 1)
		done := client.Do(octx, op)
		cancel()
		ps.End(slot, done, r.journal.Clock, r.journal.Op)
		if done.Outcome == history.OK || ctx.Err() != nil {
			break
		}
	}
	return nil
}
