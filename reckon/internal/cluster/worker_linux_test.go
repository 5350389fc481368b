package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon"
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

// workerViewOf is a view with one worker, and what is recorded of it.
func workerViewOf(w reckon.Worker) (*view, *[]string) {
	var said []string
	clock := since{time.Now()}
	c := New(Config{Clock: clock, Bound: time.Minute, Workers: func() []reckon.Worker { return []reckon.Worker{w} }, Event: func(e history.Event) {
		said = append(said, fmt.Sprintf("%v %s %s", clock.Now(), e.Kind, e.Detail))
	}})
	return c.As(0, nil).(*view), &said
}

// A worker is healed when its process runs: that it is back at work, which may need all that is
// struck to be healed, is seen later. A strike acts when the signal is sent, or the tree is
// touched, and not when it begins to wait for the moment.
func TestWorkersAreHealedWhenTheyRun(t *testing.T) {
	for _, c := range []struct {
		back error
		last string
	}{
		{nil, "26s verified healed: process 8 runs, and is registered"},
		{errors.New("process 8 has ended"), "26s missed heal: process 8 has ended"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v, said := workerViewOf(slowWorker{c.back})
			w := v.Workers()[0]
			if err := w.Busy(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, restart, err := w.Kill(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if seen, err := restart(t.Context()); err != nil || seen != "process 8 runs" || v.cluster.Clock.Now() != 6*time.Second {
				t.Errorf("%s, %v, at %v", seen, err, v.cluster.Clock.Now())
			}
			v.cluster.Verified()
			if at, ok := v.Acted(); !ok || at != 5*time.Second {
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
		v, said := workerViewOf(slowWorker{})
		err := v.Workers()[0].AtRest(t.Context(), func(string) (string, error) { time.Sleep(time.Second); return "it is damaged", nil })
		if at, ok := v.Acted(); err != nil || !ok || at != 5*time.Second {
			t.Errorf("it acted at %v, %v", at, err)
		}
		if !strings.HasPrefix(strings.Join(*said, "\n"), "6s verified struck: it is damaged") {
			t.Errorf("%q", *said)
		}
	})
}
