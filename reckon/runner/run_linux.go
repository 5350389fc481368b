// Package runner carries out plans: it builds the hosts and links, runs the store and the load on
// them, lets the nemesis strike, and records what happens (Run); or it starts the store for people
// who use it at a prompt (Debug). Linux only.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/cluster"
	"github.com/reckon-bench/reckon/reckon/internal/driver"
	"github.com/reckon-bench/reckon/reckon/internal/fleet"
	"github.com/reckon-bench/reckon/reckon/internal/journal"
	"github.com/reckon-bench/reckon/reckon/internal/links"
	"github.com/reckon-bench/reckon/reckon/internal/linkverify"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/internal/probe"
	"github.com/reckon-bench/reckon/reckon/internal/testbed"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// DriverRole is the name under which reckon's binary is a load driver, and DriverMain its main.
const DriverRole = driver.Role

// DriverMain is the main of a load driver.
func DriverMain() { driver.Main() }

// Run carries out the plan and records what happens, one call a step:
//
//  1. build:   hosts, and the links between them
//  2. probe:   the links are measured
//  3. start:   a process for every member, a load driver for every client
//  4. ready:   every member answers and one of them leads; then workloads that have workers of their own start them
//  5. preload: what must be in the store before the load
//  6. load, while the nemesis strikes
//  7. release: whatever is still in effect is healed, while the last operations end (drain); the links' counters are recorded
//  8. settle:  every member serves, and the same leader has led for two election timeouts; where that does not come about, nothing follows
//  9. final:   workers do the last of their work; every key is read through every member
//  10. collect: the store's own account of its past, its replicas' hashes
//
// It must be called in a process tree of its own (host.Settle). Cancelling ctx cuts the load short:
// what is in effect is healed, and what can be collected is. An error means that the run is
// inconclusive. One that wraps ErrRecorded has been recorded as an event, and so has all that
// happened before; any other could not be, and is for the caller to keep.
func Run(ctx context.Context, p *plan.Plan, rec reckon.Recorder, watch func(Progress)) (err error) {
	r, ctx := newRun(ctx, p, rec, watch)
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
	if err := r.launch(ctx); err != nil {
		return err
	}
	if err := r.preload(ctx); err != nil {
		return err
	}
	loadErr := r.loadAndStrike(ctx)

	// What follows is owed to the record even when the load was cut short, unless there is nothing
	// left to ask.
	owed, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Bounds.Settle+plan.CollectBound)
	defer cancel()
	r.recordLinks(owed)
	if loadErr != nil || r.fate.err() != nil {
		return loadErr
	}
	if settled, err := r.settle(owed); err != nil || !settled {
		return err
	}
	if err := r.workers.finish(owed, r.journal.Phase); err != nil {
		return err
	}
	closing, end := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Bounds.Final)
	defer end()
	if err := r.final(closing); err != nil {
		return err
	}
	return r.collect(closing)
}

// run is a plan that is being carried out: the parts that its steps use.
type run struct {
	plan     *plan.Plan
	journal  *journal.Journal
	fate     *fate
	bed      *testbed.Testbed
	prober   *probe.Prober
	verifier *linkverify.Verifier
	cluster  *cluster.Cluster
	fleet    *fleet.Fleet
	workers  crowd

	life       context.Context // of what runs in the background
	stop       context.CancelFunc
	background sync.WaitGroup
	loaded     bool // the load has begun
}

// newRun begins a run, and shows its progress until it is finished.
func newRun(ctx context.Context, p *plan.Plan, rec reckon.Recorder, watch func(Progress)) (*run, context.Context) {
	mono := clock.NewMonotonic(clock.Epoch())
	r := &run{plan: p, fate: &fate{}}
	ctx, r.fate.abort = context.WithCancelCause(ctx)
	var packets capture.Set
	r.journal = journal.New(rec, mono, &packets, func(err error) { r.fate.abort(err) }) // what cannot be recorded need not happen
	r.fate.journal = r.journal
	r.bed = testbed.New(ctx, testbed.Config{
		Plan: p, Clock: mono, Event: r.journal.Event, Fatal: r.fate.fatal, Log: rec.Log, Packets: &packets,
	})
	r.fleet = fleet.New(fleet.Config{Plan: p, Epoch: mono.Epoch(), Hosts: r.bed.Hosts, Log: rec.Log, Sink: r.journal})
	r.life, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.background.Go(func() { r.journal.Show(r.life, watch) })
	return r, ctx
}

// build makes the hosts and the links between them.
func (r *run) build(ctx context.Context) error {
	r.journal.Build()
	if err := r.bed.Build(ctx); err != nil {
		return err
	}
	if !r.plan.Options.Pcap {
		return nil
	}
	rec, ok := r.journal.Recorder.(reckon.PacketRecorder)
	if !ok {
		return errors.New("capture packets: this record has no place for them")
	}
	return r.bed.CapturePackets(rec)
}

// probe measures the links before anything else uses them.
func (r *run) probe(ctx context.Context) error {
	r.journal.Phase("probe")
	r.prober = probe.NewProber(r.journal.Clock, r.bed.Hosts)
	r.verifier = linkverify.New(linkverify.Config{
		Prober: r.prober, Net: r.bed.Net, Fabric: r.bed.Fabric, Event: r.journal.Event, Slack: r.plan.Bounds.Late, Life: r.life, Down: r.bed.Downs.Held,
	})
	rng := seed.Stream(r.plan.Options.Seed, "probe")
	return r.prober.Survey(ctx, r.bed.HostNames(), r.plan.Links, r.plan.Bounds.Late, rng, r.journal.Event)
}

// start starts the members and the load drivers.
func (r *run) start(ctx context.Context) error {
	if err := r.startMembers(); err != nil {
		return err
	}
	return r.fleet.Start()
}

// startMembers starts the members, and samples their status from then on.
func (r *run) startMembers() error {
	r.journal.Phase("start")
	for i := range r.plan.Members {
		m := &r.plan.Members[i]
		dir, err := r.journal.Scratch(m.Name)
		if err != nil {
			return err
		}
		m.Dir = dir
	}
	r.cluster = cluster.New(r.clusterConfig())
	for _, m := range r.plan.Members {
		if err := r.cluster.Start(m, r.bed.Hosts[m.Name]); err != nil {
			return err
		}
	}
	r.background.Go(func() { r.cluster.Sample(r.life) })
	return nil
}

func (r *run) clusterConfig() cluster.Config {
	var used []string
	for _, h := range r.plan.Hosts {
		if h.Role != "idle" {
			used = append(used, h.Name)
		}
	}
	return cluster.Config{
		System: r.plan.System, Members: r.plan.Members, Clock: r.journal.Clock,
		ElectionTimeout: r.plan.Options.FailureTimeout, Bound: r.plan.Bounds.Settle,
		Event: r.journal.Event, Fatal: r.fate.fatalAs, Log: r.journal.Log,
		Links: links.New(links.Config{
			Clock: r.journal.Clock, Event: r.journal.Event, Net: r.bed.Net, Verifier: r.verifier, Packets: r.bed.Packets, Hosts: r.bed.Hosts, Used: used, Downs: &r.bed.Downs,
		}),
		Workers: r.workers.each,
	}
}

// ready waits until the cluster and the drivers are.
func (r *run) ready(ctx context.Context) error {
	r.journal.Phase("ready")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Ready)
	defer cancel()
	if err := r.cluster.Ready(ctx); err != nil {
		return fmt.Errorf("start %s: %w", r.plan.Words.System, err)
	}
	return r.fleet.Ready(ctx)
}

// preload lets the drivers write what must be in the store.
func (r *run) preload(ctx context.Context) error {
	r.journal.Phase("preload")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Preload)
	defer cancel()
	return r.fleet.Preload(ctx)
}

// startIn is how long before its beginning the load is announced to the drivers, so that they begin
// together.
const startIn = 50 * time.Millisecond

// loadAndStrike offers the load while the nemesis strikes, and heals everything when it is over.
func (r *run) loadAndStrike(ctx context.Context) error {
	r.loaded = true
	start := r.journal.Clock.Now() + startIn
	end := start + r.plan.Options.Duration
	r.journal.Load(start, end)
	if err := r.fleet.Load(start); err != nil { // a driver that does not listen has died; the others need not go on
		r.fate.abort(err)
	}
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	r.fleet.OnDeath(loading, cancel)

	working := r.workers.run(loading, func(err error) { r.fate.abort(err) })
	n := r.nemesis(start)
	n.Run(loading, end, r.plan.Strikes)

	if ctx.Err() != nil && r.fate.err() == nil {
		r.journal.Event(history.NewInterrupted(cutShort(ctx)))
	}
	if loading.Err() != nil {
		r.fleet.Stop()
	}
	r.journal.Phase("drain")
	released := make(chan error, 1)
	go func() { released <- n.Release(context.WithoutCancel(ctx)) }()
	err := r.fleet.Await(context.WithoutCancel(ctx))
	cancel() // the load is over: workers bring what is under way to its end
	return errors.Join(err, <-released, <-working)
}

// nemesis returns what strikes during a load that begins at start.
func (r *run) nemesis(start time.Duration) *nemesis.Nemesis {
	c := r.journal.Clock
	return nemesis.New(nemesis.Config{
		Clock: c, Start: start, Event: r.journal.Event, ElectionTimeout: r.plan.Options.FailureTimeout, Bound: r.plan.Bounds.Settle,
		Wait: func(ctx context.Context, until time.Duration) error { return clock.WaitUntil(ctx, c, until) },
		Look: r.cluster.Look, Cluster: r.cluster.As, Undo: r.cluster.Undo,
	})
}

// cutShort returns why the run was cut short.
func cutShort(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != context.Canceled {
		return cause.Error()
	}
	return "by a signal"
}

// recordLinks records the links' counters at the end of the load.
func (r *run) recordLinks(ctx context.Context) {
	if err := r.bed.RecordLinks(ctx); err != nil && r.fate.err() == nil { // otherwise it is a consequence of that
		r.journal.Event(history.NewHarness(err.Error()))
	}
}

// settle waits until the cluster has settled, and records since when it has; false where it does
// not settle. That every process runs and every link is as planned has been verified for each
// strike, so it is the system's doing.
func (r *run) settle(ctx context.Context) (settled bool, err error) {
	r.journal.Phase("settle")
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Settle)
	defer cancel()
	since, leader, err := r.cluster.Settle(ctx)
	r.cluster.Verified()
	r.verifier.Wait()
	switch {
	case err == nil:
		r.journal.Event(history.NewSettled(leader).When(since))
		return true, nil
	case r.fate.err() != nil || ctx.Err() == nil:
		return false, fmt.Errorf("settle: %w", err)
	}
	r.journal.Event(history.NewUnsettled(r.plan.Bounds.Settle, err.Error()))
	return false, nil
}

// finish records how the run ended, ends every process and returns errors of the record itself.
func (r *run) finish(ctx context.Context, err error) error {
	defer r.fate.abort(nil)
	switch {
	case err != nil && r.interrupted(ctx, err):
		if r.fate.err() == nil {
			r.journal.Event(history.NewInterrupted("before the load, " + cutShort(ctx)))
		}
		err = nil
	case err != nil && r.fate.err() == nil:
		r.journal.Event(history.NewHarness(err.Error()))
	}
	if r.cluster != nil {
		r.cluster.End()
	}
	r.workers.stop()
	if r.cluster != nil {
		r.cluster.Close()
		r.cluster.Verified()
	}
	r.stop()
	r.verifier.Wait()
	if r.prober != nil {
		r.prober.Close()
	}
	r.bed.Stop()
	r.background.Wait()
	r.fleet.Close()
	r.journal.Done()
	torn := errors.Join(r.bed.EndCapture(), r.bed.Close())
	if failure := r.journal.Err(); torn != nil || failure != nil {
		return errors.Join(failure, torn)
	}
	if err = cmp.Or(r.fate.cause(), err); err != nil {
		return recorded{err}
	}
	return nil
}

// interrupted reports whether the error came of a signal. Before the load any does, whatever it is:
// a worker for which nobody waits any more is one too few.
func (r *run) interrupted(ctx context.Context, err error) bool {
	if !r.loaded && r.fate.err() == nil && context.Cause(ctx) == context.Canceled {
		return true
	}
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
