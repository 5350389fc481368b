package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Net is a fabric with its baseline and the overlays in effect. It is safe for concurrent use.
type Net struct {
	fabric   Fabric
	baseline Matrix

	mu       sync.Mutex
	overlays []*overlay // in the order in which they were applied
}

type overlay struct{ m Matrix }

// NewNet applies the baseline to the fabric.
func NewNet(ctx context.Context, f Fabric, baseline Matrix) (*Net, error) {
	if err := baseline.Validate(); err != nil {
		return nil, err
	}
	if err := f.Apply(ctx, baseline); err != nil {
		return nil, fmt.Errorf("apply the baseline: %w", err)
	}
	return &Net{fabric: f, baseline: maps.Clone(baseline)}, nil
}

// Degrade applies the overlay to the links and returns once it is in effect. heal removes it; after
// a success, further calls do nothing.
func (n *Net) Degrade(ctx context.Context, m Matrix) (heal func(context.Context) error, err error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	o := &overlay{maps.Clone(m)}
	n.overlays = append(n.overlays, o)
	if _, err := n.sum(); err != nil {
		n.remove(o)
		return nil, err
	}
	if err := n.refresh(ctx, o.m); err != nil {
		n.remove(o)
		return nil, errors.Join(err, n.restore(ctx, o.m))
	}
	healed := false
	return func(ctx context.Context) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if healed {
			return nil
		}
		n.remove(o)
		if err := n.refresh(ctx, o.m); err != nil {
			return err // calling heal again retries
		}
		healed = true
		return nil
	}, nil
}

// restoreTime bounds the attempt to undo a failed change.
const restoreTime = 2 * time.Second

// restore is refresh after a failed refresh: the fabric may have made a change that it did not
// confirm in time.
func (n *Net) restore(ctx context.Context, changed Matrix) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	if err := n.refresh(ctx, changed); err != nil {
		return fmt.Errorf("restore the links: %w", err)
	}
	return nil
}

// Links returns what the links do now: the baseline with every overlay applied.
func (n *Net) Links() Matrix {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, err := n.sum()
	if err != nil { // impossible: Degrade refused it
		panic(err)
	}
	return m
}

// refresh gives the fabric the present shape of every path in changed.
func (n *Net) refresh(ctx context.Context, changed Matrix) error {
	all, err := n.sum()
	if err != nil {
		return err
	}
	diff := make(Matrix, len(changed))
	for p := range changed {
		diff[p] = all[p] // the zero shape if no shape is left
	}
	return n.fabric.Apply(ctx, diff)
}

func (n *Net) sum() (Matrix, error) {
	m := maps.Clone(n.baseline)
	for _, o := range n.overlays {
		var err error
		if m, err = m.Then(o.m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// remove removes the overlay from the list, if it is there.
func (n *Net) remove(o *overlay) {
	n.overlays = slices.DeleteFunc(n.overlays, func(x *overlay) bool { return x == o })
}
