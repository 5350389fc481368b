package reckon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Run carries the plan out and records what happens, one call a step:
//
//  1. build:   hosts, and the links between them
//  2. probe:   what the links do is measured, to stand beside what they should
//  3. start:   a process for every member, a load driver for every client
//  4. ready:   every member answers and one of them leads; then workloads that have workers of their own start those
//  5. preload: what must be in the store before the load
//  6. load, while the faults strike
//  7. release: whatever is still struck is healed, while the last operations end (drain); the links give their account
//  8. settle:  every member serves, and the same leader has stood for two election timeouts; where that does not come about, nothing follows
//  9. final:   workers do the last of their work; every key is read through every member
//  10. collect: the store's own account of its past, its replicas' hashes
//
// It must be called in a process tree of its own (host.Settle). Cancelling ctx
// cuts the load short: what was struck is healed, and what can be collected is. An error means that
// the run is no result. One that wraps ErrRecorded has been recorded as an event, and so has
// all that happened before; any other could not be, and is for the caller to keep.
func Run(ctx context.Context, plan *Plan, rec Recorder, watch func(Progress)) (err error) {
	r, ctx := newRun(ctx, plan, rec, watch)
	defer func() { err = r.finish(ctx, err) }()

	if err := r.build(ctx); err != nil {
		return err
	}
	if err := r.probe(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := r.muster(ctx); err != nil {
		return err
	}
	if err := r.preload(ctx); err != nil {
		return err
	}
	loadErr := r.loadAndStrike(ctx)

	// What follows is owed to the record even when the load was cut short, unless there is nothing left to ask.
	owed, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Bounds.Settle+collectBound)
	defer cancel()
	r.account(owed)
	if loadErr != nil || r.doomed() != nil {
		return loadErr
	}
	if stands, err := r.settle(owed); err != nil || !stands {
		return err
	}
	if err := r.finishWork(owed); err != nil {
		return err
	}
	closing, end := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Bounds.Final)
	defer end()
	if err := r.final(closing); err != nil {
		return err
	}
	return r.collect(closing)
}

// ErrRecorded is wrapped by errors that stand in the record.
var ErrRecorded = errors.New("recorded")

type recorded struct{ error }

func (recorded) Is(target error) bool { return target == ErrRecorded }

// run is a plan being carried out.
type run struct {
	plan     *Plan
	recorder Recorder
	clock    *clock.Monotonic

	hub     *host.Host
	fabric  running
	hosts   map[string]*host.Host
	net     *link.Net
	prober  *prober
	witness *witness
	cluster *cluster
	drivers []*driverProcess

	packets  *capture.Capture // of the whole run; nil without --pcap
	captures captures

	life       context.Context // of the samplers
	stop       context.CancelFunc
	background sync.WaitGroup // the samplers
	progress   progress

	abort   context.CancelCauseFunc // cuts the load short
	loaded  bool                    // the load has begun
	mu      sync.Mutex
	failure error // the first error of the recorder
	doom    error // why nothing that follows can be right

	ops, changes, passes atomic.Int64 // recorded
}

// newRun begins a run, and tells whoever watches how it goes until it is finished.
func newRun(ctx context.Context, plan *Plan, rec Recorder, watch func(Progress)) (*run, context.Context) {
	r := &run{plan: plan, recorder: rec, clock: clock.NewMonotonic(clock.Epoch())}
	ctx, r.abort = context.WithCancelCause(ctx)
	r.life, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.background.Go(func() { r.progress.tell(r.life, r.clock, watch) })
	return r, ctx
}

// build makes the hosts and the links between them.
func (r *run) build(ctx context.Context) (err error) {
	r.progress.enter("build")
	epoch := time.Now().Add(-r.clock.Now())
	r.event(history.Event{Kind: history.Phase, Subject: "build", Data: map[string]float64{"unix_s": float64(epoch.UnixMicro()) / 1e6}})
	if r.hub, err = host.New("hub"); err != nil {
		return fmt.Errorf("make the hub: %w", err)
	}
	log, err := r.recorder.Log("switch")
	if err != nil {
		return err
	}
	if r.fabric, err = startLinks(r.plan.Options.Links, r.hub, r.plan.Options.Seed, log); err != nil {
		return fmt.Errorf("start the links: %w", err)
	}
	var seats []host.Seat
	for _, h := range r.plan.Hosts {
		seats = append(seats, host.Seat{Name: h.Name, Addr: h.Addr})
	}
	hosts, err := host.Star(r.hub, seats)
	if err != nil {
		return fmt.Errorf("make the hosts: %w", err)
	}
	r.hosts = map[string]*host.Host{}
	var ports []host.Port
	for _, h := range hosts {
		r.hosts[h.Name()] = h
		ports = append(ports, h.Port())
	}
	if err := r.fabric.Attach(ctx, ports); err != nil {
		return fmt.Errorf("attach the hosts: %w", err)
	}
	if r.net, err = link.NewNet(ctx, r.fabric, r.plan.Links); err != nil {
		return fmt.Errorf("shape the links: %w", err)
	}
	r.background.Go(func() { sampleNoise(r.life, r.event) })
	r.background.Go(func() {
		select {
		case <-r.fabric.ended():
			r.doomedBy(fmt.Errorf("the links ended by themselves: %w", r.fabric.why()))
		case <-r.life.Done():
		}
	})
	return r.capturePackets()
}

// start starts the members and the load drivers.
func (r *run) start(ctx context.Context) error {
	if err := r.startMembers(); err != nil {
		return err
	}
	for i, c := range r.plan.Setting.Clients {
		d, err := r.startDriver(i, c)
		if err != nil {
			return err
		}
		r.drivers = append(r.drivers, d)
	}
	return nil
}

// startMembers starts the members, and asks them how they are from then on.
func (r *run) startMembers() error {
	r.phase("start")
	r.cluster = newCluster(r)
	for i := range r.plan.Members {
		m := &r.plan.Members[i]
		dir, err := r.recorder.Scratch(m.Name)
		if err != nil {
			return err
		}
		m.Dir = dir
	}
	for _, m := range r.plan.Members {
		if err := r.cluster.add(m, r.hosts[m.Name]); err != nil {
			return err
		}
	}
	r.sample()
	return nil
}

// ready waits until the cluster and the drivers are.
func (r *run) ready(ctx context.Context) error {
	r.phase("ready")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Ready)
	defer cancel()
	if err := r.cluster.await(ctx, r.cluster.allReady); err != nil {
		return fmt.Errorf("start %s: %w", r.plan.Words.System, err)
	}
	r.cluster.started()
	return r.everyDriver(func(d *driverProcess) error { return d.expect(ctx, "ready") })
}

// preload has the drivers write what must be there.
func (r *run) preload(ctx context.Context) error {
	r.phase("preload")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Preload)
	defer cancel()
	return r.everyDriver(func(d *driverProcess) error {
		if err := d.tell("preload"); err != nil {
			return err
		}
		return d.expect(ctx, "preloaded")
	})
}

// startIn is how long before its beginning the load is announced to the drivers, so that they begin together.
const startIn = 50 * time.Millisecond

// loadAndStrike offers the load while the faults strike, and heals everything when it is over.
func (r *run) loadAndStrike(ctx context.Context) error {
	r.loaded = true
	start := r.clock.Now() + startIn
	end := start + r.plan.Options.Duration
	r.event(history.Event{At: start, Kind: history.Phase, Subject: "load"})
	r.progress.load(start, end)
	var unheard error
	for _, d := range r.drivers {
		unheard = errors.Join(unheard, d.tell(fmt.Sprintf("load %d", start)))
	}
	if unheard != nil { // one that does not listen has died; the others need not go on
		r.abort(unheard)
	}
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	r.cancelWhenDriverDies(loading, cancel)

	working := r.work(loading)
	k := &striker{
		clock: r.clock, wait: r.waitUntil, start: start, event: r.event, timeout: r.plan.Options.FailureTimeout, bound: r.plan.Bounds.Settle,
		look: r.cluster.look, cluster: r.cluster.as, undo: r.cluster.undo,
	}
	k.run(loading, end, r.plan.strikes)

	if ctx.Err() != nil && r.doomed() == nil {
		r.event(history.Event{Kind: history.Interrupted, Detail: cutShort(ctx)})
	}
	if loading.Err() != nil {
		for _, d := range r.drivers {
			_ = d.tell("stop") // one that has ended needs no telling
		}
	}
	r.phase("drain")
	released := make(chan error, 1)
	go func() { released <- k.release(context.WithoutCancel(ctx)) }()
	err := r.awaitDrivers(context.WithoutCancel(ctx))
	cancel() // the load is over: crews bring what is under way to its end
	return errors.Join(err, <-released, <-working)
}

// cutShort says why the run was.
func cutShort(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != context.Canceled {
		return cause.Error()
	}
	return "by a signal"
}

// waitUntil waits for an instant of the run's clock, as exactly as a driver does.
func (r *run) waitUntil(ctx context.Context, until time.Duration) error {
	return clock.WaitUntil(ctx, r.clock, until)
}

// settle waits until the cluster stands, and says since when it does; false when it does not come to. That every process
// runs and every link is as planned has been seen to by those who strike, so that is the system's doing.
func (r *run) settle(ctx context.Context) (stands bool, err error) {
	r.phase("settle")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Settle)
	defer cancel()
	begun := r.clock.Now()
	err = r.cluster.await(ctx, func() error { return r.cluster.settled(begun) })
	r.cluster.verifying.Wait()
	r.witness.wait()
	switch {
	case err == nil:
		r.event(history.Event{At: r.cluster.stands(), Kind: history.Settled, Subject: r.cluster.leads()})
		return true, nil
	case r.doomed() != nil || ctx.Err() == nil:
		return false, fmt.Errorf("settle: %w", err)
	}
	r.event(history.Event{Kind: history.Unsettled, Detail: err.Error(), Data: map[string]float64{"bound_s": r.plan.Bounds.Settle.Seconds()}})
	return false, nil
}

// finish records how the run ended, ends every process and surfaces errors of the record itself.
func (r *run) finish(ctx context.Context, err error) error {
	defer r.abort(nil)
	switch {
	case err != nil && r.interrupted(ctx, err):
		if r.doomed() == nil {
			r.event(history.Event{Kind: history.Interrupted, Detail: "before the load, " + cutShort(ctx)})
		}
		err = nil
	case err != nil && r.doomed() == nil:
		r.event(history.Event{Kind: history.Harness, Detail: err.Error()})
	}
	if r.cluster != nil {
		r.cluster.over()
	}
	r.dismiss()
	if r.cluster != nil {
		r.cluster.close()
		r.cluster.verifying.Wait()
	}
	r.stop()
	r.witness.wait()
	if r.prober != nil {
		r.prober.close()
	}
	r.background.Wait()
	for _, d := range r.drivers {
		d.close()
	}
	// The counts are the last line: a record that holds less has lost something.
	r.progress.enter("done")
	r.event(history.Event{Kind: history.Phase, Subject: "done", Data: map[string]float64{
		"ops": float64(r.ops.Load()), "changes": float64(r.changes.Load()), "passes": float64(r.passes.Load()),
	}})
	torn := errors.Join(r.endPackets(), r.tearDown())
	r.mu.Lock()
	defer r.mu.Unlock()
	if torn != nil || r.failure != nil {
		return errors.Join(r.failure, torn)
	}
	if err = cmp.Or(r.doom, err); err != nil {
		return recorded{err}
	}
	return nil
}

// interrupted says whether the error is what came of a signal. Before the load any is, whatever it says of itself: a
// worker for which nobody waits any more is one too few.
func (r *run) interrupted(ctx context.Context, err error) bool {
	if !r.loaded && r.doomed() == nil && context.Cause(ctx) == context.Canceled {
		return true
	}
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// doomedBy records why nothing that follows can be right, once, and cuts the load short.
func (r *run) doomedBy(why error) {
	r.doomedAs(history.Event{Kind: history.Harness, Detail: why.Error()}, why)
}

// doomedAs is doomedBy with the event that says so. What the store did is recorded each time.
func (r *run) doomedAs(e history.Event, why error) {
	r.mu.Lock()
	first := r.doom == nil
	if first {
		r.doom = why
	}
	r.mu.Unlock()
	if first || e.Kind != history.Harness {
		r.event(e)
	}
	if first {
		r.abort(why)
	}
}

// doomed is why nothing that follows can be right: a part of the run has ended, or the record cannot be written.
func (r *run) doomed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.doom, r.failure)
}

func (r *run) tearDown() error {
	var errs []error
	errs = append(errs, host.CloseAll(slices.Collect(maps.Values(r.hosts))))
	if r.fabric.backend != nil {
		errs = append(errs, r.fabric.Close())
	}
	if r.hub != nil {
		errs = append(errs, r.hub.Close())
	}
	return errors.Join(errs...)
}

// phase enters the phase.
func (r *run) phase(name string) {
	r.progress.enter(name)
	r.event(history.Event{Kind: history.Phase, Subject: name})
}

// event records the event, now unless it says when.
func (r *run) event(e history.Event) {
	if e.At == 0 {
		e.At = r.clock.Now()
	}
	r.progress.see(e)
	r.captures.note(e, time.Now().Add(e.At-r.clock.Now()))
	r.keep(r.recorder.Event(e))
}

// keep remembers the first error of the recorder, and cuts the load short: what cannot be recorded need not happen.
func (r *run) keep(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = fmt.Errorf("record: %w", err)
		r.abort(r.failure)
	}
}
