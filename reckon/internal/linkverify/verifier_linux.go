// Package linkverify verifies by probes of its own, and by the counters of the fabric, that links
// do what they should: before the load, when an overlay is applied, and when it is removed. A cut
// that lets packets through, or a heal that does not, would make a faulty run look healthy.
//
// What probes of a path may measure is worked out in expect.go, which is pure.
package linkverify

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/probe"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Config is what a verifier needs of the run.
type Config struct {
	Prober *probe.Prober
	Net    *link.Net
	Fabric link.Fabric
	Event  func(history.Event)
	Slack  time.Duration          // how late a busy machine may be
	Life   context.Context        // of the run; nothing is recorded once it has ended
	Down   func() map[string]bool // the hosts whose interface is held down: they send no probes
}

// A Verifier verifies that overlays take effect, and that their removal does. A nil Verifier
// verifies nothing.
type Verifier struct {
	Config

	watching sync.WaitGroup
	mu       sync.Mutex
	changes  map[link.Path]int // how often each path was struck or healed
	heals    []*Observation    // those that have not been observed yet
}

// New returns a verifier.
func New(c Config) *Verifier { return &Verifier{Config: c, changes: map[link.Path]int{}} }

// How much of an overlay is probed: it may have thousands of paths, and the run should not be
// drowned in probes. The paths are spread over all that there are.
const (
	verifiedCut      = 24
	verifiedDegraded = 4
	verifiedControls = 4
	verifyTries      = 5                      // while other strikes change the same paths
	trainGap         = 500 * time.Microsecond // between the probes of a path
	meetBound        = 2 * time.Second        // for probes to meet the links before those change again
	counterInterval  = time.Millisecond       // between looks at the counters
)

// An Observation is an overlay, or its removal, that is being verified.
type Observation struct {
	overlay link.Matrix
	met     chan struct{} // closed when the first probes have entered the links as they are
	once    sync.Once
	closed  atomic.Int64 // since when the links may have changed, on the run's clock; 0: they have not
}

func newObservation(overlay link.Matrix) *Observation {
	return &Observation{overlay: overlay, met: make(chan struct{})}
}

// seen records that the probes have entered the links, which may change from now on.
func (o *Observation) seen() { o.once.Do(func() { close(o.met) }) }

// Close returns when the links may change again: when the probes have entered them, a few
// milliseconds after they last changed. It is bounded, so that a mistake does not stop the run. A
// nil Observation returns at once.
func (o *Observation) Close(ctx context.Context, c clock.Clock) {
	if o == nil {
		return
	}
	t := time.NewTimer(meetBound)
	defer t.Stop()
	select {
	case <-o.met:
	case <-t.C:
	case <-ctx.Done():
	}
	o.closed.CompareAndSwap(0, int64(c.Now()))
}

// until returns until when the links were what is observed.
func (o *Observation) until() time.Duration {
	if at := o.closed.Load(); at != 0 {
		return time.Duration(at)
	}
	return math.MaxInt64
}

// Ready returns when the removal of earlier overlays has been observed on the links that the
// overlay is to change.
func (v *Verifier) Ready(ctx context.Context, overlay link.Matrix) {
	if v == nil {
		return
	}
	v.mu.Lock()
	heals := slices.Clone(v.heals)
	v.mu.Unlock()
	for _, o := range heals {
		for p := range overlay {
			if _, same := o.overlay[p]; same {
				o.Close(ctx, v.Prober.Clock)
				break
			}
		}
	}
}

// Wait returns when nothing is being verified any more.
func (v *Verifier) Wait() {
	if v != nil {
		v.watching.Wait()
	}
}

// Struck verifies, in the background, that the overlay is in effect, and records the result under
// the strike's number.
func (v *Verifier) Struck(strike int, overlay link.Matrix) *Observation {
	if v == nil {
		return nil
	}
	v.changed(overlay)
	o := newObservation(overlay)
	v.watching.Go(func() {
		defer o.seen()
		seen, err := v.seeStruck(overlay, o)
		v.log(strike, history.EndStruck, seen, err)
	})
	return o
}

// Healed verifies, in the background, that the overlay is gone, and records the result under the
// strike's number.
func (v *Verifier) Healed(strike int, overlay link.Matrix) {
	if v == nil {
		return
	}
	v.changed(overlay)
	o := newObservation(overlay)
	v.mu.Lock()
	v.heals = append(v.heals, o)
	v.mu.Unlock()
	v.watching.Go(func() {
		seen, err := v.seeHealed(o)
		v.mu.Lock()
		v.heals = slices.DeleteFunc(v.heals, func(x *Observation) bool { return x == o })
		v.mu.Unlock()
		o.seen()
		v.log(strike, history.EndHealed, seen, err)
	})
}

func (v *Verifier) log(strike int, end history.End, seen string, err error) {
	switch {
	case v.Life.Err() != nil: // the run is over
	case err != nil:
		v.Event(history.NewUnseen(strike, end, "links", err))
	default:
		v.Event(history.NewVerified(strike, end, "links", seen))
	}
}

func (v *Verifier) changed(overlay link.Matrix) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for p := range overlay {
		v.changes[p]++
	}
}

// A moment is the state of the links at one time.
type moment struct {
	links   link.Matrix
	changes map[link.Path]int
}

func (v *Verifier) now() moment {
	v.mu.Lock()
	changes := maps.Clone(v.changes)
	v.mu.Unlock()
	return moment{v.Net.Links(), changes}
}

// same reports whether the path has not changed since the moment.
func (v *Verifier) same(m moment, p link.Path) bool {
	v.mu.Lock()
	n := v.changes[p]
	v.mu.Unlock()
	return n == m.changes[p] && v.Net.Links()[p] == m.links[p]
}

// errTooSoon is why a path could not be verified.
var errTooSoon = errors.New("it could not be seen: other strikes changed the same links again too soon")
