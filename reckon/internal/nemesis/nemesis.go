// Package nemesis carries out the strikes of a plan: it injects each when it is due, tries again
// what does not take effect, heals it, and records all of that. It is pure but for the functions
// that it is given: the same code strikes real and simulated clusters.
package nemesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Config is what a nemesis needs of the run.
type Config struct {
	Clock clock.Clock
	// Wait returns at that instant of the clock, or with ctx's error when ctx ends earlier.
	Wait  func(ctx context.Context, until time.Duration) error
	Start time.Duration // of the load, on the clock
	Event func(history.Event)
	// ElectionTimeout is the store's. Strikes that fail are tried again at fractions of it.
	ElectionTimeout time.Duration
	Bound           time.Duration // of one heal
	Look            func() *clusterstate.Snapshot
	// Cluster returns the cluster for one strike, as that snapshot shows it; what is done to it is
	// recorded under the strike's number.
	Cluster func(strike int, shown *clusterstate.Snapshot) reckon.Cluster
	// Undo undoes whatever the strike still holds or cuts, and returns what that was; "" is
	// nothing.
	Undo func(ctx context.Context, strike int) string
}

// A Nemesis carries out the strikes of a run, the queues of those that wait for each other side by
// side.
type Nemesis struct {
	Config
	agenda agenda
	queues sync.WaitGroup

	mu     sync.Mutex
	struck []inEffect // in order of injection
}

// New returns a nemesis.
func New(c Config) *Nemesis {
	return &Nemesis{Config: c, agenda: agenda{timeout: c.ElectionTimeout, look: c.Look}}
}

// inEffect is a strike that has not been healed.
type inEffect struct {
	plan.Strike
	heal func(context.Context) error
}

// An Actor is a Cluster that knows when something was first done to it: just before a signal was
// sent, or an overlay applied. A strike can be felt from then on, though it is in effect only when,
// say, a process was seen to be gone, which takes its time on a busy machine.
type Actor interface {
	Acted() (at time.Duration, ok bool)
}

// Run strikes and heals on time, until end or until ctx is done. It does not wait for what is under
// way then, which may depend on other strikes being healed: Release does.
func (n *Nemesis) Run(ctx context.Context, end time.Duration, strikes []plan.Strike) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, list := range Queues(strikes) {
		n.queues.Go(func() { n.RunQueue(ctx, end, list) })
	}
	_ = n.Wait(ctx, end) // that ctx is done shows in ctx
	cancel(ErrOver)      // a strike that is still waiting for its target has missed
}

// ErrOver is the cause that cancels strikes when the load ends in its own time. A strike that is
// cancelled for any other reason has not missed: the run was cut short.
var ErrOver = errors.New("the load ended before it could strike")

// RunQueue carries out strikes that wait for each other, but for those that are due at end or later.
// One that takes effect late delays what follows by as much, so that windows keep their length and
// their distance. Run does so with every queue; who runs them otherwise, as the simulator does,
// cancels ctx with ErrOver at the end.
func (n *Nemesis) RunQueue(ctx context.Context, end time.Duration, strikes []plan.Strike) {
	var shift time.Duration
	for _, e := range plan.Ends(strikes) {
		due := n.Start + e.At + shift
		if due >= end {
			if !e.Heal {
				n.missed(e.Strike, ErrOver.Error())
			}
			continue
		}
		if n.Wait(ctx, due) != nil {
			return
		}
		if e.Heal {
			_ = n.heal(ctx, e.Strike.Index) // has been recorded as missed
			continue
		}
		if at, ok := n.inject(ctx, e.Strike, due); ok {
			shift += max(0, at-due)
		}
	}
}

// inject injects the strike, trying for a bounded time, and returns when it was in effect.
func (n *Nemesis) inject(ctx context.Context, s plan.Strike, due time.Duration) (at time.Duration, ok bool) {
	last := n.agenda.lastTry(s, due)
	shown := n.agenda.snapshotFor(s.From, due)
	for tries := 1; ; tries++ {
		c := n.Cluster(s.Index, shown)
		begun := n.Clock.Now()
		in, err := s.Inject(ctx, c)
		if err == nil {
			return n.took(s, in, acted(c, begun), tries), true
		}
		if left := n.clear(ctx, s.Index); left != "" { // a mistake of the fault's, which trying again does not mend
			n.missed(s, fmt.Sprintf("%v, and it left %s", err, left))
			return 0, false
		}
		shown = n.agenda.snapshotAfter(shown, err)
		next := n.agenda.nextTry(n.Clock.Now())
		if next < last && n.Wait(ctx, next) == nil {
			continue
		}
		switch cause := context.Cause(ctx); {
		case cause == ErrOver && errors.Is(err, context.Canceled):
			n.missed(s, ErrOver.Error())
		case cause == nil || cause == ErrOver:
			n.missed(s, err.Error()+timesTried(tries))
		}
		return 0, false
	}
}

// acted returns when something was first done to the cluster, or otherwise where it cannot tell.
func acted(c reckon.Cluster, otherwise time.Duration) time.Duration {
	if a, ok := c.(Actor); ok {
		if at, ok := a.Acted(); ok {
			return at
		}
	}
	return otherwise
}

func timesTried(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (tried %d times)", n)
}

// took records that the strike, which first acted at begun, is in effect since now.
func (n *Nemesis) took(s plan.Strike, in reckon.Injection, begun time.Duration, tries int) time.Duration {
	at := n.Clock.Now()
	n.mu.Lock()
	n.struck = append(n.struck, inEffect{s, in.Heal})
	n.mu.Unlock()
	n.Event(history.NewStruck(history.Injection{
		Strike: s.Index, Fault: s.Fault, Target: in.Detail, PlannedFrom: s.From, PlannedTo: s.To, Took: at - begun, Tries: tries,
	}).When(at))
	return at
}

// heal heals the strike, if it is in effect. The recorded moment is when everything that could be
// done at once has been done; that a process answers again is observed later.
func (n *Nemesis) heal(ctx context.Context, index int) error {
	n.mu.Lock()
	i := slices.IndexFunc(n.struck, func(e inEffect) bool { return e.Index == index })
	if i < 0 {
		n.mu.Unlock()
		return nil
	}
	e := n.struck[i]
	n.struck = slices.Delete(n.struck, i, i+1)
	n.mu.Unlock()
	healing, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.Bound) // half a heal is none: it is not interrupted
	defer cancel()
	err := e.heal(healing)
	if left := n.clear(ctx, index); left != "" {
		err = errors.Join(err, errors.New("it left "+left))
	}
	if err != nil {
		n.missed(e.Strike, "heal: "+err.Error())
		return fmt.Errorf("heal %s: %w", e.Fault, err)
	}
	n.Event(history.NewHealed(index, e.Fault))
	return nil
}

// clear undoes what the strike has left, within its bound, and returns what that was.
func (n *Nemesis) clear(ctx context.Context, index int) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.Bound)
	defer cancel()
	return n.Undo(ctx, index)
}

// Release heals everything that is still in effect, the last first, and what was about to take
// effect as well. It returns when no strike is at work any more.
func (n *Nemesis) Release(ctx context.Context) error {
	err := n.healAll(ctx)
	n.queues.Wait()
	return errors.Join(err, n.healAll(ctx))
}

func (n *Nemesis) healAll(ctx context.Context) error {
	n.mu.Lock()
	left := slices.Clone(n.struck)
	n.mu.Unlock()
	var errs []error
	for _, e := range slices.Backward(left) {
		errs = append(errs, n.heal(ctx, e.Index))
	}
	return errors.Join(errs...)
}

func (n *Nemesis) missed(s plan.Strike, why string) {
	n.Event(history.NewMissed(s.Index, s.Fault, why))
}
