package cluster

import (
	"context"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Workers returns the workers of all workloads, for faults that strike them.
func (v *view) Workers() (all []reckon.Worker) {
	if v.cluster.Config.Workers == nil {
		return nil
	}
	for _, w := range v.cluster.Config.Workers() {
		all = append(all, workerView{w, v})
	}
	return all
}

// workerView is a worker for one strike: what is done to it is recorded under the strike's number,
// with what was observed.
type workerView struct {
	reckon.Worker
	view *view
}

// Kill kills the worker. It is healed when its process runs; that it is back at work, for which its
// store must serve, is observed in the background, as of a node, and awaited before the run is
// over.
func (w workerView) Kill(ctx context.Context) (string, func(context.Context) (string, error), error) {
	w.view.Begin()
	seen, restart, err := w.Worker.Kill(ctx)
	if err != nil {
		return "", nil, err
	}
	w.view.Verified(history.EndStruck, w.Name(), seen)
	var back string
	undo := w.view.Enter("worker "+w.Name()+" dead", func(ctx context.Context) (err error) {
		if back, err = restart(ctx); err == nil {
			w.view.cluster.verifying.Go(func() { w.seeBack(back) })
		}
		return err
	})
	return seen, func(ctx context.Context) (string, error) {
		err := undo(ctx)
		return back, err
	}, nil
}

// seeBack records that the worker is healed, once it is at work again or was not within its bound;
// nothing where the run was over before.
func (w workerView) seeBack(runs string) {
	c := w.view.cluster
	seen, err := w.Back(context.Background(), c.Bound)
	if c.monitor.Over() { // the workers were stopped, which is no end of the worker's own
		return
	}
	if err != nil {
		c.Event(history.NewMissed(w.view.strike, w.Name(), "heal: "+err.Error()))
		return
	}
	w.view.Verified(history.EndHealed, w.Name(), runs+", "+seen)
}

// AtRest calls do with the worker's tree. Nothing is left to undo afterwards: the tree is
// overwritten.
func (w workerView) AtRest(ctx context.Context, do func(tree string) (string, error)) error {
	return w.Worker.AtRest(ctx, func(tree string) (string, error) {
		w.view.Begin()
		seen, err := do(tree)
		if err == nil {
			w.view.Verified(history.EndStruck, w.Name(), seen)
			w.view.Verified(history.EndHealed, w.Name(), "nothing to heal, what was done to the tree stays until a pass overwrites it")
		}
		return seen, err
	})
}
