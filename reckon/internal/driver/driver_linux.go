package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// driverGC (GOGC) makes the collections of a load driver rare. Larger would cost more than it
// gains: memory that is touched for the first time is slow.
const driverGC = 400

// Main is the load driver's main.
func Main() {
	debug.SetGCPercent(driverGC)
	hurry()
	out := newLineWriter(os.Stdout)
	if err := drive(os.Stdin, out); err != nil {
		out.line("failed " + strings.ReplaceAll(err.Error(), "\n", " "))
		out.flush()
		os.Exit(1)
	}
}

func drive(in io.Reader, out *lineWriter) error {
	commands := lines(in)
	var j Job
	if err := json.Unmarshal([]byte(<-commands), &j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	p, err := plan.Assemble(j.Words, j.Flags)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	members := j.Members
	if p.Options.Pinned() {
		nearest := j.Setting.Nearest[j.name()]
		members = slices.DeleteFunc(slices.Clone(members), func(m reckon.Member) bool { return m.Name != nearest })
	}
	client, err := p.System.Dial(ctx, members, new(net.Dialer).DialContext)
	if err != nil {
		return fmt.Errorf("dial %s: %w", p.Words.System, err)
	}
	defer client.Close()
	d := newDriver(p, j, members, client, out)
	out.line("ready")
	for command := range commands {
		switch word, arg, _ := strings.Cut(command, " "); word {
		case "preload":
			if err := d.preload(ctx); err != nil {
				return err
			}
			if p.Options.ClientCmd != "" {
				if d.external, err = d.startExternal(ctx); err != nil {
					return err
				}
				defer d.external.close()
			}
			out.line("preloaded")
		case "load":
			start, err := strconv.ParseInt(arg, 10, 64)
			if err != nil {
				return fmt.Errorf("read the start of the load: %w", err)
			}
			d.load(ctx, time.Duration(start), commands)
			return out.flush()
		default:
			return fmt.Errorf("unknown command %q", command)
		}
	}
	return nil // the runner is gone, or needs no load
}

// newDriver returns a driver that offers the job's load through the client, which uses those
// members.
func newDriver(p plan.Parts, j Job, members []reckon.Member, client reckon.Client, out *lineWriter) *driver {
	return &driver{parts: p, job: j, members: members, client: client, clock: clock.NewMonotonic(j.Epoch), out: out}
}

type driver struct {
	parts   plan.Parts
	job     Job
	members []reckon.Member // that the client uses
	client  reckon.Client
	clock   *clock.Monotonic
	out     *lineWriter

	external *external // the program that offers the load in place of the client; nil without --client-cmd

	processes load.Processes // one pool for preload and load: the ids are the run's

	mu       sync.Mutex
	progress load.Progress // since the last progress line
}

// preload writes what must be there, again with other values where it was not acknowledged.
func (d *driver) preload(ctx context.Context) error {
	for _, w := range d.parts.Workloads {
		b, ok := w.Value.(reckon.Preloader)
		if !ok {
			continue
		}
		var missing map[string]bool // nil: all of them
		for attempt := range reckon.PreloadAttempts {
			next, err := d.attempt(ctx, b.Preload(d.job.Setting, d.job.Client, attempt), missing)
			if missing = next; len(missing) == 0 {
				break
			}
			if attempt == reckon.PreloadAttempts-1 {
				return fmt.Errorf("preload from %s: %d keys were not acknowledged in %d attempts: %w", d.job.name(), len(missing), reckon.PreloadAttempts, err)
			}
		}
	}
	return d.out.flush()
}

func (d *driver) attempt(ctx context.Context, ops iter.Seq[reckon.Op], only map[string]bool) (missing map[string]bool, last error) {
	var (
		g  errgroup.Group
		mu sync.Mutex
	)
	missing = map[string]bool{}
	g.SetLimit(plan.AtOnce)
	for op := range ops {
		if only != nil && !only[op.Key] {
			continue
		}
		g.Go(func() error {
			octx, cancel := context.WithTimeout(ctx, d.job.Setting.OpTimeout)
			defer cancel()
			op.Client = d.job.name()
			op.Due = d.clock.Now()
			slot, _ := d.processes.Begin(&op, d.clock, d.job.Client, len(d.job.Setting.Clients))
			done := d.client.Do(octx, op)
			d.processes.End(slot, done, d.clock, d.out.op)
			if done.Outcome != history.OK {
				mu.Lock()
				defer mu.Unlock()
				missing[op.Key], last = true, fmt.Errorf("%s", done.Error)
			}
			return nil
		})
	}
	_ = g.Wait() // no part of it returns an error
	return missing, last
}

// load offers the load from start on, and ends with the account of it.
func (d *driver) load(ctx context.Context, start time.Duration, commands <-chan string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for c := range commands {
			if c == "stop" {
				break
			}
		}
		cancel() // told to stop, or the runner is gone
	}()
	stopProgress := d.reportEvery(progressEvery)
	done := d.offer(ctx, start)
	stopProgress()
	done.write(d.out)
}

// offer offers the load by reckon's own client, or by the external program.
func (d *driver) offer(ctx context.Context, start time.Duration) Report {
	if d.external != nil {
		return d.external.load(ctx, start)
	}
	g := load.NewGenerator(load.Config{
		Name: d.job.name(), Client: d.client, Clock: d.clock, Wait: clock.Waiter(d.clock), Record: d.record,
		Timeout: d.job.Setting.OpTimeout, InFlight: plan.MaxInFlight, Index: d.job.Client, Clients: len(d.job.Setting.Clients),
		Processes: &d.processes,
	})
	return newReport(g.Offer(ctx, load.Merge(d.streams()), start, start+d.job.Setting.Duration))
}

// streams are the workloads' operations for this client.
func (d *driver) streams() (all []iter.Seq[reckon.Op]) {
	for _, w := range d.parts.Workloads {
		rng := seed.Stream(d.parts.Options.Seed, fmt.Sprintf("workload %s client %d", w.Name, d.job.Client))
		all = append(all, w.Value.Ops(d.job.Setting, d.job.Client, rng))
	}
	return all
}

// progressEvery is how often a driver reports its progress.
const progressEvery = 250 * time.Millisecond

func (d *driver) record(op reckon.Op) {
	d.out.op(op)
	d.count(op.Outcome, op.Latency())
}

// count adds one operation to the progress.
func (d *driver) count(outcome history.Outcome, latency time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch outcome {
	case history.OK:
		d.progress.OK++
		d.progress.Latencies.Add(latency)
	case history.Failed:
		d.progress.Failed++
	default:
		d.progress.Unknown++
	}
}

// reportEvery reports the progress until stop is called, which returns when the last report has
// been written.
func (d *driver) reportEvery(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		clock.Every(ctx, every, d.report)
	}()
	return func() { cancel(); <-done }
}

func (d *driver) report() {
	d.mu.Lock()
	p := d.progress
	d.progress = load.Progress{}
	d.mu.Unlock()
	b, _ := json.Marshal(p)
	d.out.line("progress " + string(b))
	_ = d.out.flush()
}
