package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/links"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/link"
)

// leaderBound is how long Leader waits for one, in election timeouts: four times over what even a
// split vote or two take.
const leaderBound = 20

// As returns the cluster for one strike, as the snapshot shows it; nil shows the present. What is
// done to it is recorded under the strike's number.
func (c *Cluster) As(strike int, shown *clusterstate.Snapshot) reckon.Cluster {
	return &view{cluster: c, strike: strike, shown: shown}
}

// view is a Cluster whose actions are recorded under one strike's number.
type view struct {
	cluster *Cluster
	strike  int
	shown   *clusterstate.Snapshot

	mu    sync.Mutex
	acts  bool
	acted time.Duration // just before it first did something
}

var (
	_ reckon.Cluster       = (*view)(nil)
	_ reckon.GroupHolder   = (*view)(nil)
	_ reckon.WorkerCluster = (*view)(nil)
	_ nemesis.Actor        = (*view)(nil)
	_ links.Strike         = (*view)(nil)
)

// Number returns the number of the view's strike.
func (v *view) Number() int { return v.strike }

// Begin notes that the view is about to do something.
func (v *view) Begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.acts {
		v.acted, v.acts = v.cluster.Clock.Now(), true
	}
}

// Acted returns when the view first did something, false where it did nothing.
func (v *view) Acted() (time.Duration, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.acted, v.acts
}

// Verified records that an end of the strike was observed on the subject; "" for the links.
func (v *view) Verified(end history.End, subject, seen string) {
	v.cluster.Event(history.NewVerified(v.strike, end, subject, seen))
}

// Enter records in the ledger what the strike did, and returns the function that undoes it.
func (v *view) Enter(what string, undo func(context.Context) error) func(context.Context) error {
	return v.cluster.ledger.Enter(v.strike, what, undo)
}

func (v *view) Nodes() []reckon.Node {
	var ns []reckon.Node
	for _, n := range v.cluster.all() {
		ns = append(ns, nodeView{n, v})
	}
	return ns
}

// Leader returns who led at the view's snapshot, or the first one to lead since.
func (v *view) Leader(ctx context.Context) (reckon.Node, error) {
	name := v.shown.Leader()
	if name == "" {
		c := v.cluster
		ctx, cancel := context.WithTimeout(ctx, leaderBound*c.ElectionTimeout)
		defer cancel()
		err := c.await(ctx, func(s clusterstate.View) error {
			if name = s.Leading().Node; name == "" {
				return fmt.Errorf("%w within %v", reckon.ErrNoLeader, leaderBound*c.ElectionTimeout)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		name = v.shown.Found(name, c.states())
	}
	return nodeView{v.cluster.find(name), v}, nil
}

func (v *view) Links() link.Matrix { return v.cluster.Links.Matrix() }

func (v *view) Degrade(ctx context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	return v.cluster.Links.Degrade(ctx, v, overlay)
}

func (v *view) Cut(ctx context.Context, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	return v.cluster.Links.Cut(ctx, v, paths, mode)
}

// HoldAll holds the nodes side by side, so that the time which one takes does not delay the others,
// and releases them so.
func (v *view) HoldAll(ctx context.Context, nodes []reckon.Node, s reckon.State) (func(context.Context) error, error) {
	releases := make([]func(context.Context) error, len(nodes))
	err := sideBySide(len(nodes), func(i int) (err error) {
		releases[i], err = nodes[i].Hold(ctx, s)
		return err
	})
	release := func(ctx context.Context) error {
		return sideBySide(len(nodes), func(i int) error {
			if releases[i] == nil { // it could not be held
				return nil
			}
			return releases[i](ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(err, release(context.WithoutCancel(ctx)))
	}
	return release, nil
}

// sideBySide calls do with every number below n at once, and joins the errors.
func sideBySide(n int, do func(i int) error) error {
	errs := make([]error, n)
	var g errgroup.Group
	for i := range n {
		g.Go(func() error { errs[i] = do(i); return nil })
	}
	_ = g.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// nodeView is a node for one strike.
type nodeView struct {
	node *node
	view *view
}

var _ reckon.Node = nodeView{}

func (v nodeView) Name() string { return v.node.Name() }

// State returns what the node was held in at the strike's snapshot.
func (v nodeView) State() reckon.State {
	if shown := v.view.shown; shown != nil {
		return shown.State(v.Name())
	}
	return v.node.State()
}

// Ready waits, bounded, until the node serves.
func (v nodeView) Ready(ctx context.Context) error {
	c := v.view.cluster
	ctx, cancel := context.WithTimeout(ctx, c.Bound)
	defer cancel()
	asked := c.Clock.Now()
	return c.await(ctx, func(s clusterstate.View) error {
		if n := s.Node(v.Name()); !n.Up || !n.Status.Ready || n.Seen < asked {
			return fmt.Errorf("%w: %s does not serve within %v", reckon.ErrNotReady, v.Name(), c.Bound)
		}
		return nil
	})
}

// Hold puts the node into the state, and records it with what was observed.
func (v nodeView) Hold(ctx context.Context, s reckon.State) (func(context.Context) error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.view.Begin()
	seen, err := v.node.hold(v.view.strike, s)
	if err != nil {
		return nil, err
	}
	v.view.cluster.Event(history.NewHeld(v.view.strike, v.Name(), history.State(s.String())))
	v.view.Verified(history.EndStruck, v.Name(), seen)
	return v.view.Enter(v.Name()+" "+s.String(), func(context.Context) error { return v.release(s) }), nil
}

// release releases the hold; that the node answers again is observed in the background, and awaited
// before the run is over.
func (v nodeView) release(s reckon.State) error {
	c := v.view.cluster
	seen, moves, free, err := v.node.release(v.view.strike, s)
	if err != nil {
		return err
	}
	c.Event(history.NewReleased(v.view.strike, v.Name(), history.State(s.String())))
	if !free {
		v.view.Verified(history.EndHealed, v.Name(), seen)
		return nil
	}
	released := c.Clock.Now()
	c.verifying.Go(func() { v.seeBack(seen, released, moves) })
	return nil
}

// seeBack records that the node is healed, once it answers again or did not within its bound;
// nothing where the run was over before.
func (v nodeView) seeBack(runs string, released time.Duration, moves int) {
	if answers := v.answers(released, moves); answers != "" {
		v.view.Verified(history.EndHealed, v.Name(), runs+answers)
	}
}

// answers waits, bounded, for the node to answer again, and returns whether it did, "" where the
// run was over before it could. That its process runs has been observed: a system that does not
// answer all the same is what the run is to find out.
func (v nodeView) answers(released time.Duration, moves int) string {
	c := v.view.cluster
	ctx, cancel := context.WithTimeout(context.Background(), c.Bound)
	defer cancel()
	moved, over := false, false
	err := c.await(ctx, func(s clusterstate.View) error {
		n := s.Node(v.Name())
		moved = n.Moves != moves
		if moved || n.Up && n.Seen >= released {
			return nil
		}
		if over = s.Over(); over {
			return nil
		}
		return fmt.Errorf("it does not answer within %v", c.Bound)
	})
	switch {
	case over:
		return ""
	case err != nil:
		return ", but " + err.Error()
	case moved:
		return ", and was struck again before it was asked"
	}
	return fmt.Sprintf(", and answers again after %v", (c.Clock.Now() - released).Round(time.Millisecond))
}
