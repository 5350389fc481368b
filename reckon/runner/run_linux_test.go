package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/internal/cluster"
	"github.com/reckon-bench/reckon/reckon/plan"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// What a signal brings about before the load is an interruption, whatever it says of itself; what
// the run itself ends by is none.
func TestInterrupted(t *testing.T) {
	few, doom := errors.New("0 nodes are there, want 2"), errors.New("the links ended")
	signalled, cancel := context.WithCancel(t.Context())
	cancel()
	aborted, abort := context.WithCancelCause(t.Context())
	abort(doom)
	for _, c := range []struct {
		name   string
		loaded bool
		fatal  error
		ctx    context.Context
		err    error
		want   bool
	}{
		{"a signal while workers gather", false, nil, signalled, few, true},
		{"no signal", false, nil, t.Context(), few, false},
		{"a signal after the load, and an error by itself", true, nil, signalled, few, false},
		{"a signal and a part of the run that has ended", false, doom, signalled, few, false},
		{"a part of the run that has ended", false, doom, aborted, few, false},
		{"an error that is one of the signal", false, nil, signalled, context.Canceled, true},
	} {
		r, _ := newRun(t.Context(), &plan.Plan{}, &eventRecorder{}, func(Progress) {})
		if r.loaded = c.loaded; c.fatal != nil {
			r.fate.fatal(c.fatal)
		}
		if got := r.interrupted(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		_ = r.finish(t.Context(), nil)
	}
}

// eventRecorder keeps events alone.
type eventRecorder struct {
	reckon.Recorder
	mu   sync.Mutex
	h    history.History
	said []string
}

func (r *eventRecorder) Event(e history.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Events = append(r.h.Events, e)
	r.said = append(r.said, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Subject, e.Detail)))
	return nil
}

func (r *eventRecorder) Log(string) (io.WriteCloser, error) { return discard{io.Discard}, nil }

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// away is a worker that is not back before its workload's workers are stopped, and then seems to
// have been killed again.
type away struct {
	reckon.Worker
	stopped chan struct{}
}

func (away) Name() string { return "c1" }

func (away) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	return "process 7 is gone", func(context.Context) (string, error) { return "process 8 runs", nil }, nil
}

func (w away) Back(context.Context, time.Duration) (string, error) {
	<-w.stopped
	return "and was killed again before it was asked", nil
}

// oneWorker is workers of which there is one.
type oneWorker struct {
	reckon.Workers
	worker away
}

func (o oneWorker) List() []reckon.Worker { return []reckon.Worker{o.worker} }
func (o oneWorker) Stop()                 { close(o.worker.stopped) }

// What a run that is cut short ends has not been healed: neither a worker nor a node that is waited
// for then is recorded as back, and nothing is recorded after the end.
func TestWhatTheEndCutsShortIsNotHealed(t *testing.T) {
	hosttest.Need(t)
	rec := &eventRecorder{}
	p := &plan.Plan{Parts: plan.Parts{System: sleepers{}, Options: plan.Options{FailureTimeout: time.Hour}}, Bounds: plan.Bounds{Settle: time.Minute}}
	r, ctx := newRun(t.Context(), p, rec, func(Progress) {})
	h, err := host.New("n1")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r.workers.add(&workers{name: "one", Workers: oneWorker{worker: away{stopped: make(chan struct{})}}})
	r.cluster = cluster.New(r.clusterConfig())
	if err := r.cluster.Start(reckon.Member{Name: "n1", Dir: t.TempDir()}, h); err != nil {
		t.Fatal(err)
	}
	view := r.cluster.As(0, nil)
	_, restart, err := view.(reckon.WorkerCluster).Workers()[0].Kill(ctx)
	if err == nil {
		_, err = restart(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	release, err := view.Nodes()[0].Hold(ctx, reckon.Paused)
	if err == nil {
		err = release(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.fate.fatal(errors.New("the links ended"))
	if err := r.finish(ctx, nil); !errors.Is(err, ErrRecorded) {
		t.Error(err)
	}
	r.cluster.Verified()
	for _, s := range rec.said {
		if strings.Contains(s, "healed") {
			t.Errorf("recorded %q", s)
		}
	}
	if n := len(rec.said); n < 4 || rec.said[0] != "verified c1 struck: process 7 is gone" || !slices.Equal(rec.said[n-2:], []string{"harness  the links ended", "phase done"}) {
		t.Errorf("recorded %q", rec.said)
	}
}

// sleepers is a System whose members sleep and are never asked.
type sleepers struct{ reckon.System }

func (sleepers) Command(reckon.Member, []reckon.Member) reckon.Command {
	return reckon.Command{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}
}

// ready is a System whose member answers that it serves, and does not lead.
type ready struct{ sleepers }

func (ready) Status(context.Context, reckon.Member, reckon.Dial) (reckon.Status, error) {
	return reckon.Status{Ready: true}, nil
}

// A cluster that never settles: the run records so within its bound, which is no error of the
// run's; the store is to blame where every strike was what it was to be, and nobody knows where one
// missed.
func TestAClusterThatNeverSettles(t *testing.T) {
	hosttest.Need(t)
	rec := &eventRecorder{}
	p := &plan.Plan{Parts: plan.Parts{System: ready{}, Options: plan.Options{FailureTimeout: 100 * time.Millisecond}}, Bounds: plan.Bounds{Settle: time.Second}}
	r, ctx := newRun(t.Context(), p, rec, func(Progress) {})
	h, err := host.New("n1")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r.cluster = cluster.New(r.clusterConfig())
	if err := r.cluster.Start(reckon.Member{Name: "n1", Dir: t.TempDir()}, h); err != nil {
		t.Fatal(err)
	}
	r.background.Go(func() { r.cluster.Sample(r.life) })
	settled, err := r.settle(ctx)
	if settled || err != nil {
		t.Fatalf("it settled: %v, %v", settled, err)
	}
	if err := r.finish(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := check.Recovers(&rec.h); got.Verdict != check.Invalid || !strings.Contains(got.Detail, "no node leads") {
		t.Errorf("%s: %s", got.Verdict, got.Detail)
	}
	rec.h.Events = append(rec.h.Events, history.Event{Kind: history.Missed, Detail: "heal: stuck"})
	if got := check.Recovers(&rec.h); got.Verdict != check.Unknown {
		t.Errorf("with a strike that missed: %s: %s", got.Verdict, got.Detail)
	}
}
