package link

import (
	"context"
	"fmt"
	"sync"
)

// A Net is a fabric with its baseline and the overlays that lie over it.
// It is safe for concurrent use.
type Net struct {
	fabric   Fabric
	baseline Matrix

	mu       sync.Mutex
	overlays []*overlay // in the order in which they were laid
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
	return &Net{fabric: f, baseline: baseline}, nil
}

// Degrade lays the overlay over the links and returns when it is in effect.
// heal takes it away again; calling heal twice does nothing more.
func (n *Net) Degrade(ctx context.Context, m Matrix) (heal func(context.Context) error, err error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	o := &overlay{m}
	n.overlays = append(n.overlays, o)
	if err := n.refresh(ctx, m); err != nil {
		n.remove(o)
		return nil, err
	}
	return func(ctx context.Context) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.remove(o) {
			return nil
		}
		return n.refresh(ctx, m)
	}, nil
}

// Links is what the links do now: the baseline and every overlay.
func (n *Net) Links() Matrix {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, err := n.sum()
	if err != nil { // refused by Degrade before it could get here
		panic(err)
	}
	return m
}

// refresh tells the fabric the present shape of every path in changed.
func (n *Net) refresh(ctx context.Context, changed Matrix) error {
	all, err := n.sum()
	if err != nil {
		return err
	}
	diff := make(Matrix, len(changed))
	for p := range changed {
		diff[p] = all[p] // the zero shape where nothing is left
	}
	return n.fabric.Apply(ctx, diff)
}

func (n *Net) sum() (Matrix, error) {
	m := n.baseline
	for _, o := range n.overlays {
		var err error
		if m, err = m.Then(o.m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (n *Net) remove(o *overlay) bool {
	for i, x := range n.overlays {
		if x == o {
			n.overlays = append(n.overlays[:i:i], n.overlays[i+1:]...)
			return true
		}
	}
	return false
}
