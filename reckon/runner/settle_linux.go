package runner

import (
	"context"
	"fmt"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/journal"
)

// A sink takes what load drivers report: to the record, and to whoever decides which members serve.
type sink struct {
	*journal.Journal
	run *run
}

// Answered takes how a client's operation ended that was sent through one member.
func (s sink) Answered(a clusterstate.Answer) { s.run.cluster.Answered(a) }

// event records what the cluster or its links report. After a heal, members may serve again.
func (r *run) event(e history.Event) {
	if e.At == 0 {
		e.At = r.journal.Clock.Now()
	}
	r.journal.Event(e)
	r.cluster.Healed(e)
}

// settle waits until the cluster has settled, and records since when it has; false where it does not
// settle. That every process runs and every link is as planned has been verified for each strike, so
// it is the system's doing.
func (r *run) settle(ctx context.Context) (settled bool, err error) {
	r.journal.Phase("settle")
	bounded, cancel := context.WithTimeout(ctx, r.plan.Bounds.Settle)
	defer cancel()
	died := func(err error) {
		r.fate.fatal(err)
		cancel()
	}
	if err := r.fleet.Settle(bounded, died); err != nil {
		return false, err
	}
	since, leader, err := r.cluster.Settle(bounded)
	r.cluster.Verified()
	r.verifier.Wait()
	switch {
	case err == nil:
		if err := r.fleet.Rest(ctx); err != nil {
			return false, err
		}
		r.journal.Event(history.NewServing(leader, len(r.plan.Members)).When(since))
		return true, nil
	case r.fate.err() != nil || bounded.Err() == nil:
		return false, fmt.Errorf("settle: %w", err)
	}
	r.journal.Event(history.NewUnsettled(r.plan.Bounds.Settle, err.Error()))
	return false, nil
}
