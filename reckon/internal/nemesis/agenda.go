package nemesis

import (
	"errors"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// A strike that does not take effect is tried again after retryAfter of an election timeout, for as
// long as retryFor of them: by then, whoever is to be elected has been.
const (
	retryAfter = 0.25
	retryFor   = 20
)

// An agenda decides what each strike sees of the cluster, and until when it is tried. It is pure.
type agenda struct {
	timeout time.Duration // election timeout
	look    func() *clusterstate.Snapshot

	mu    sync.Mutex
	shown map[time.Duration]showing // by planned instant
}

// A showing is the snapshot that strikes saw that were due at an instant of the clock.
type showing struct {
	due time.Duration
	*clusterstate.Snapshot
}

// snapshotFor returns the snapshot shared by all strikes planned for that instant, unless this one
// is due half an election timeout apart from them: in that time a follower may doubt its leader.
func (a *agenda) snapshotFor(planned, due time.Duration) *clusterstate.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.shown[planned]; ok && (s.due-due).Abs() < a.timeout/2 {
		return s.Snapshot
	}
	if a.shown == nil {
		a.shown = map[time.Duration]showing{}
	}
	a.shown[planned] = showing{due, a.look()}
	return a.shown[planned].Snapshot
}

// snapshotAfter returns what a strike sees that is tried again because it failed with err: the
// present, since what prevented it may have passed. The leader, and the state in which it is held,
// stay those of the strikes of its instant, unless there was none, or it was dead already.
func (a *agenda) snapshotAfter(earlier *clusterstate.Snapshot, err error) *clusterstate.Snapshot {
	now := a.look()
	if led := earlier.Leader(); led != "" && earlier.State(led) != reckon.Dead && !errors.Is(err, reckon.ErrNoLeader) {
		now.KeepLeader(earlier)
	}
	return now
}

// lastTry returns until when a strike that is due is tried: at most until it would have been
// healed, since what strikes later than that is another fault.
func (a *agenda) lastTry(s plan.Strike, due time.Duration) time.Duration {
	return due + min(retryFor*a.timeout, s.To-s.From)
}

// nextTry returns when a strike that has just failed is tried again.
func (a *agenda) nextTry(now time.Duration) time.Duration {
	return now + time.Duration(retryAfter*float64(a.timeout))
}

// Queues groups the strikes by those that wait for each other.
func Queues(strikes []plan.Strike) map[string][]plan.Strike {
	all := map[string][]plan.Strike{}
	for _, s := range strikes {
		all[s.Queue] = append(all[s.Queue], s)
	}
	return all
}
