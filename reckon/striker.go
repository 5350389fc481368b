package reckon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A striker carries out the strikes of a run, each line of them by itself.
type striker struct {
	clock   clock.Clock
	wait    func(ctx context.Context, until time.Duration) error // an instant of the clock
	start   time.Duration                                        // of the load
	event   func(history.Event)
	timeout time.Duration // election timeout
	bound   time.Duration // for what is undone
	look    func() *snapshot
	cluster func(strike int, told *snapshot) Cluster // as the strike sees it: what it does is logged under its number
	// undo takes away what the strike still holds or has laid, and says what that was; "" is nothing.
	undo func(ctx context.Context, strike int) string

	lines sync.WaitGroup

	mu     sync.Mutex
	struck []inEffect                // in order of injection
	told   map[time.Duration]telling // by planned instant
}

// telling is what the strikes are told that were due at an instant of the clock.
type telling struct {
	due time.Duration
	*snapshot
}

// inEffect is a strike that has not been healed.
type inEffect struct {
	strike
	heal func(context.Context) error
}

// run strikes and heals on time, until end or until ctx is done. It waits for nothing that is under way then, which
// may need what else is struck to be healed: that is release's.
func (k *striker) run(ctx context.Context, end time.Duration, strikes []strike) {
	lines := map[string][]strike{}
	for _, s := range strikes {
		lines[s.line] = append(lines[s.line], s)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	for _, list := range lines {
		k.lines.Go(func() { k.line(ctx, end, list) })
	}
	_ = k.wait(ctx, end) // that ctx is done shows in ctx
	cancel(errOver)      // a strike that is still looking for its leader has missed
}

// errOver is why strikes are cancelled when the load ends in its own time. A
// strike that is cancelled for any other reason has not missed: the run was cut short.
var errOver = errors.New("the load ended before it could strike")

// act is one end of a strike.
type act struct {
	at   time.Duration // since the start of the load
	heal bool
	s    strike
}

// line carries out the strikes of one line. One that takes effect late shifts what
// follows by as much, so that windows keep their length and their distance.
func (k *striker) line(ctx context.Context, end time.Duration, strikes []strike) {
	var shift time.Duration
	for _, a := range acts(strikes) {
		due := k.start + a.at + shift
		if due >= end {
			if !a.heal {
				k.missed(a.s, errOver.Error())
			}
			continue
		}
		if k.wait(ctx, due) != nil {
			return
		}
		if a.heal {
			_ = k.heal(ctx, a.s.index) // has been recorded as missed
			continue
		}
		if at, ok := k.inject(ctx, a.s, due); ok {
			shift += max(0, at-due)
		}
	}
}

// acts are both ends of all strikes in order of time; at one instant what heals comes first.
func acts(strikes []strike) []act {
	var all []act
	for _, s := range strikes {
		all = append(all, act{s.From, false, s}, act{s.To, true, s})
	}
	slices.SortStableFunc(all, func(a, b act) int {
		if c := cmp.Compare(a.at, b.at); c != 0 || a.s.index == b.s.index {
			return c
		}
		return cmp.Compare(rank(a.heal), rank(b.heal))
	})
	return all
}

func rank(heal bool) int {
	if heal {
		return 0
	}
	return 1
}

// tell is what a strike is told that is planned for from and due now. Strikes of one planned instant are
// told the same, unless one is late, by as much as it takes a follower to doubt its leader.
func (k *striker) tell(from, due time.Duration) *snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t, ok := k.told[from]; ok && (t.due-due).Abs() < k.timeout/2 {
		return t.snapshot
	}
	if k.told == nil {
		k.told = map[time.Duration]telling{}
	}
	k.told[from] = telling{due, k.look()}
	return k.told[from].snapshot
}

// retell is what a strike is told that is tried again, since it failed by err: how the nodes are by now, for what stood in its way
// may have passed. Who leads, and in what that one was held, it was told for the strikes of its instant, so that stays, unless
// nobody did, or one who was dead already.
func (k *striker) retell(told *snapshot, err error) *snapshot {
	now := k.look()
	if led := told.leads(); led != "" && told.state(led) != Dead && !errors.Is(err, errNoLeader) {
		now.leader, now.states[led] = led, told.state(led)
	}
	return now
}

// A strike that does not take effect is tried again after retryAfter of an election timeout, for as
// long as retryFor of them: by then, whoever is to be elected has been.
const (
	retryAfter = 0.25
	retryFor   = 20
)

// inject strikes, and says when it was in effect. It tries again for a bounded time, at most until the strike would have
// been healed: what strikes later than that is another fault.
func (k *striker) inject(ctx context.Context, s strike, due time.Duration) (at time.Duration, ok bool) {
	last := due + min(retryFor*k.timeout, s.To-s.From)
	told := k.tell(s.From, due)
	for tries := 1; ; tries++ {
		c := k.cluster(s.index, told)
		begun := k.clock.Now()
		in, err := s.Inject(ctx, c)
		if err == nil {
			if a, ok := c.(actor); ok {
				begun = acted(a, begun)
			}
			return k.took(s, in, begun, tries), true
		}
		if left := k.clear(ctx, s.index); left != "" { // a mistake of the fault's, which time will not mend
			k.missed(s, fmt.Sprintf("%v, and it left %s", err, left))
			return 0, false
		}
		told = k.retell(told, err)
		next := k.clock.Now() + time.Duration(retryAfter*float64(k.timeout))
		if next < last && k.wait(ctx, next) == nil {
			continue
		}
		switch cause := context.Cause(ctx); {
		case cause == errOver && errors.Is(err, context.Canceled):
			k.missed(s, errOver.Error())
		case cause == nil || cause == errOver:
			k.missed(s, err.Error()+timesTried(tries))
		}
		return 0, false
	}
}

// An actor is a Cluster that knows when something was first done to it: just before a signal was sent, or an overlay laid. A strike
// has been felt since then, though it is in effect only when a process was seen to be gone, which on a busy machine takes its time.
type actor interface {
	acted() (at time.Duration, ok bool)
}

// acted is when the actor did something first, or otherwise.
func acted(a actor, otherwise time.Duration) time.Duration {
	if at, ok := a.acted(); ok {
		return at
	}
	return otherwise
}

func timesTried(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (tried %d times)", n)
}

// took records that the strike, which did something first when it had begun, is in effect since now.
func (k *striker) took(s strike, in Injection, begun time.Duration, tries int) time.Duration {
	at := k.clock.Now()
	k.mu.Lock()
	k.struck = append(k.struck, inEffect{s, in.Heal})
	k.mu.Unlock()
	k.event(history.Event{At: at, Kind: history.Struck, Subject: s.fault, Detail: in.Detail, Data: map[string]float64{
		"strike": float64(s.index), "planned_from": s.From.Seconds(), "planned_to": s.To.Seconds(), "tries": float64(tries),
		"took_s": (at - begun).Seconds(),
	}})
	return at
}

// heal heals the strike, if it is in effect. The moment is when it has been, as far as can be done: that a process answers again is seen later.
func (k *striker) heal(ctx context.Context, index int) error {
	k.mu.Lock()
	i := slices.IndexFunc(k.struck, func(e inEffect) bool { return e.index == index })
	if i < 0 {
		k.mu.Unlock()
		return nil
	}
	e := k.struck[i]
	k.struck = slices.Delete(k.struck, i, i+1)
	k.mu.Unlock()
	healing, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.bound) // half a heal is none: it is not interrupted
	defer cancel()
	err := e.heal(healing)
	if left := k.clear(ctx, index); left != "" {
		err = errors.Join(err, errors.New("it left "+left))
	}
	if err != nil {
		k.missed(e.strike, "heal: "+err.Error())
		return fmt.Errorf("heal %s: %w", e.fault, err)
	}
	k.event(history.Event{Kind: history.Healed, Subject: e.fault, Data: map[string]float64{"strike": float64(index)}})
	return nil
}

// clear undoes what the strike has left, within its bound, and says what that was.
func (k *striker) clear(ctx context.Context, index int) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.bound)
	defer cancel()
	return k.undo(ctx, index)
}

// release heals everything that is still struck, the last first, and what was about to strike as well. It returns when no
// strike is at work any more.
func (k *striker) release(ctx context.Context) error {
	err := k.healAll(ctx)
	k.lines.Wait()
	return errors.Join(err, k.healAll(ctx))
}

func (k *striker) healAll(ctx context.Context) error {
	k.mu.Lock()
	left := slices.Clone(k.struck)
	k.mu.Unlock()
	var errs []error
	for _, e := range slices.Backward(left) {
		errs = append(errs, k.heal(ctx, e.index))
	}
	return errors.Join(errs...)
}

func (k *striker) missed(s strike, why string) {
	k.event(history.Event{Kind: history.Missed, Subject: s.fault, Detail: why, Data: map[string]float64{"strike": float64(s.index)}})
}
