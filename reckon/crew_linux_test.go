package reckon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// slowWorker is a Worker for whom everything takes its time.
type slowWorker struct{ back error }

func (slowWorker) Name() string { return "c1" }

func (slowWorker) Busy(context.Context) error { time.Sleep(5 * time.Second); return nil }

func (slowWorker) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	return "process 7 is gone", func(context.Context) (string, error) { return "process 8 runs", nil }, nil
}

func (w slowWorker) Back(context.Context, time.Duration) (string, error) {
	time.Sleep(20 * time.Second)
	return "and is registered", w.back
}

func (slowWorker) AtRest(_ context.Context, do func(string) (string, error)) error {
	time.Sleep(5 * time.Second)
	_, err := do("tree")
	return err
}

// crewView is a view with one worker, and what is logged of it.
func crewView(w Worker) (view, *[]string) {
	var said []string
	clock := since{time.Now()}
	c := &cluster{clock: clock, bound: time.Minute, marks: map[int][]*mark{}, event: func(e history.Event) {
		said = append(said, fmt.Sprintf("%v %s %s", clock.Now(), e.Kind, e.Detail))
	}}
	c.crews = []*crew{{duty: oneHand{worker: w}}}
	return c.as(0, nil).(view), &said
}

type oneHand struct {
	Workers
	worker Worker
}

func (h oneHand) List() []Worker { return []Worker{h.worker} }

// A worker is healed when its process runs: that it is back at work, which may need all that is struck to be healed, is seen
// later. A strike acts when the signal is sent, or the tree is touched, and not when it begins to wait for the moment.
func TestWorkersAreHealedWhenTheyRun(t *testing.T) {
	for _, c := range []struct {
		back error
		last string
	}{
		{nil, "26s verified healed: process 8 runs, and is registered"},
		{errors.New("process 8 has ended"), "26s missed heal: process 8 has ended"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v, said := crewView(slowWorker{c.back})
			w := v.Workers()[0]
			if err := w.Busy(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, restart, err := w.Kill(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if seen, err := restart(t.Context()); err != nil || seen != "process 8 runs" || v.clock.Now() != 6*time.Second {
				t.Errorf("%s, %v, at %v", seen, err, v.clock.Now())
			}
			v.verifying.Wait()
			if at, ok := v.acted(); !ok || at != 5*time.Second {
				t.Errorf("it acted at %v", at)
			}
			if want := []string{"5s verified struck: process 7 is gone", c.last}; !slices.Equal(*said, want) {
				t.Errorf("got %q, want %q", *said, want)
			}
		})
	}
}

func TestATreeIsTouchedWhenItIsAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, said := crewView(slowWorker{})
		err := v.Workers()[0].AtRest(t.Context(), func(string) (string, error) { time.Sleep(time.Second); return "it is damaged", nil })
		if at, ok := v.acted(); err != nil || !ok || at != 5*time.Second {
			t.Errorf("it acted at %v, %v", at, err)
		}
		if !strings.HasPrefix(strings.Join(*said, "\n"), "6s verified struck: it is damaged") {
			t.Errorf("%q", *said)
		}
	})
}

// awaited is a worker who is not back before its crew is dismissed, and then seems to have been killed again.
type awaited struct {
	slowWorker
	dismissed chan struct{}
}

func (w awaited) Back(context.Context, time.Duration) (string, error) {
	<-w.dismissed
	return "and was killed again before it was asked", nil
}

// dismissible is the duty of one such worker.
type dismissible struct{ oneHand }

func (d dismissible) Stop() { close(d.worker.(awaited).dismissed) }

// eventRecorder keeps events alone.
type eventRecorder struct {
	Recorder
	mu   sync.Mutex
	said []string
}

func (r *eventRecorder) Event(e history.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Subject, e.Detail)))
	return nil
}

// What a run that is cut short ends has not been healed: neither a worker nor a node that is waited for then is said to be back, and
// nothing is said after the end.
func TestWhatTheEndCutsShortIsNotHealed(t *testing.T) {
	rec := &eventRecorder{}
	r, ctx := newRun(t.Context(), &Plan{}, rec, func(Progress) {})
	v, _ := crewView(awaited{dismissed: make(chan struct{})})
	r.cluster = v.cluster
	v.event, v.changed, v.timeout = r.event, make(chan struct{}), time.Hour
	v.crews[0].duty = dismissible{v.crews[0].duty.(oneHand)}
	_, restart, err := v.Workers()[0].Kill(ctx)
	if err == nil {
		_, err = restart(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := nodeView{&node{cluster: v.cluster, member: Member{Name: "n1"}}, v}
	v.verifying.Go(func() { n.seeBack("process 9 runs", r.clock.Now(), 0) })
	r.doomedBy(errors.New("the links ended"))
	if err := r.finish(ctx, nil); !errors.Is(err, ErrRecorded) {
		t.Error(err)
	}
	v.verifying.Wait()
	if want := []string{"verified c1 struck: process 7 is gone", "harness  the links ended", "phase done"}; !slices.Equal(rec.said, want) {
		t.Errorf("got %q, want %q", rec.said, want)
	}
}
