package reckon

import (
	"bufio"
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

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A load driver is a process in a client's namespace. It is told what to do by
// lines on its standard input, and answers on its standard output:
//
//	-> {driverJob}         <- ready
//	-> preload             <- preloaded
//	-> load NANOSECONDS    <- operations, one JSON object a line, and progress lines
//	                       <- done {driverDone}
//	-> stop                   (ends a load early)
//
// Anything that goes wrong is "failed REASON", and the end of the input ends the process.

// DriverRole is the name under which the binary is a load driver.
const DriverRole = "reckon-load"

// driverJob is what a driver needs to know.
type driverJob struct {
	Words   Words
	Flags   Flags
	Setting Setting
	Members []Member
	Client  int           // index in Setting.Clients
	Epoch   time.Duration // on CLOCK_MONOTONIC
}

// driverDone is a driver's account of its load; lag in microseconds.
type driverDone struct {
	Offered                int
	LagP50, LagP99, LagMax float64
	Error                  string // why the load is no load: the cap was hit
}

// driverGC (GOGC) makes the collections of a load driver rare. Larger would cost more than it gains: memory
// that is touched for the first time is slow.
const driverGC = 400

// DriverMain is the load driver's main.
func DriverMain() {
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
	var job driverJob
	if err := json.Unmarshal([]byte(<-commands), &job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	p := &Plan{Words: job.Words, Flags: job.Flags}
	if err := p.assemble(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	members := job.Members
	if p.Options.pinned() {
		beside := job.Setting.Nearest[job.Setting.Clients[job.Client]]
		members = slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return m.Name != beside })
	}
	client, err := p.system.Dial(ctx, members, new(net.Dialer).DialContext)
	if err != nil {
		return fmt.Errorf("dial %s: %w", p.Words.System, err)
	}
	defer client.Close()
	d := &driver{plan: p, job: job, members: members, client: client, clock: clock.NewMonotonic(job.Epoch), out: out}
	out.line("ready")
	for command := range commands {
		switch word, arg, _ := strings.Cut(command, " "); word {
		case "preload":
			if err := d.preload(ctx); err != nil {
				return err
			}
			if p.Options.ClientCmd != "" {
				if d.foreign, err = d.musterForeign(ctx); err != nil {
					return err
				}
				defer d.foreign.close()
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

// lines yields the reader's lines; it is closed at the end.
func lines(r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		br := bufio.NewReaderSize(r, 1<<20)
		for {
			s, err := br.ReadString('\n')
			if err != nil {
				return
			}
			c <- strings.TrimSuffix(s, "\n")
		}
	}()
	return c
}

type driver struct {
	plan    *Plan
	job     driverJob
	members []Member // that the client uses
	client  Client
	foreign *foreign // who offers the load in place of the client; nil without --client-cmd
	clock   *clock.Monotonic
	out     *lineWriter

	processes processes // one pool for preload and load: the ids are the run's

	mu       sync.Mutex
	progress driverProgress // since the last progress line
}

// preloadAttempts bounds how often a key is tried.
const preloadAttempts = 10

// preload writes what must be there, again with other values where it was not acknowledged.
func (d *driver) preload(ctx context.Context) error {
	name := d.job.Setting.Clients[d.job.Client]
	for _, w := range d.plan.workloads {
		b, ok := w.value.(Bookends)
		if !ok {
			continue
		}
		var missing map[string]bool // nil: all of them
		for attempt := range preloadAttempts {
			next, err := d.attempt(ctx, b.Preload(d.job.Setting, d.job.Client, attempt), missing)
			if missing = next; len(missing) == 0 {
				break
			}
			if attempt == preloadAttempts-1 {
				return fmt.Errorf("preload from %s: %d keys were not acknowledged in %d attempts: %w", name, len(missing), preloadAttempts, err)
			}
		}
	}
	return d.out.flush()
}

func (d *driver) attempt(ctx context.Context, ops iter.Seq[Op], only map[string]bool) (missing map[string]bool, last error) {
	var (
		g  errgroup.Group
		mu sync.Mutex
	)
	missing = map[string]bool{}
	g.SetLimit(atOnce)
	for op := range ops {
		if only != nil && !only[op.Key] {
			continue
		}
		g.Go(func() error {
			octx, cancel := context.WithTimeout(ctx, d.job.Setting.OpTimeout)
			defer cancel()
			op.Client = d.job.Setting.Clients[d.job.Client]
			op.Due = d.clock.Now()
			slot, _ := d.processes.begin(&op, d.clock, d.job.Client, len(d.job.Setting.Clients))
			done := d.client.Do(octx, op)
			d.processes.end(slot, done, d.clock, d.out.op)
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
	done.say(d.out)
}

// offer offers the load by reckon's own client, or by the foreign one.
func (d *driver) offer(ctx context.Context, start time.Duration) driverDone {
	if d.foreign != nil {
		return d.foreign.load(ctx, start)
	}
	g := &generator{
		name: d.job.Setting.Clients[d.job.Client], client: d.client, clock: d.clock, wait: clock.Waiter(d.clock), record: d.record,
		timeout: d.job.Setting.OpTimeout, inFlight: maxInFlight, index: d.job.Client, clients: len(d.job.Setting.Clients),
		processes: &d.processes,
	}
	return account(g.offer(ctx, merge(d.streams()), start, start+d.job.Setting.Duration))
}

// streams are the workloads' operations for this client.
func (d *driver) streams() (all []iter.Seq[Op]) {
	for _, w := range d.plan.workloads {
		rng := seed.Stream(d.plan.Options.Seed, fmt.Sprintf("workload %s client %d", w.name, d.job.Client))
		all = append(all, w.value.Ops(d.job.Setting, d.job.Client, rng))
	}
	return all
}

// progressEvery is how often a driver says how it goes.
const progressEvery = 250 * time.Millisecond

func (d *driver) record(op Op) {
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
		if d.progress.Latencies == nil {
			d.progress.Latencies = Sketch{}
		}
		d.progress.Latencies.add(latency)
	case history.Failed:
		d.progress.Failed++
	default:
		d.progress.Unknown++
	}
}

func (d *driver) reportEvery(every time.Duration) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				d.report()
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

func (d *driver) report() {
	d.mu.Lock()
	p := d.progress
	d.progress = driverProgress{}
	d.mu.Unlock()
	b, _ := json.Marshal(p)
	d.out.line("progress " + string(b))
	_ = d.out.flush()
}

// A lineWriter collects lines from many goroutines, and one of its own writes
// them, so that nobody who adds a line waits for whoever reads it: a runner that is slow for a
// moment must not hold up arrivals. It holds at most holdAtMost bytes; beyond, adding waits, and shows as lag.
type lineWriter struct {
	w io.Writer

	mu      sync.Mutex
	cond    sync.Cond // any of what follows has changed
	buf     []byte
	added   int64 // bytes, in all
	written int64 // of those
	wanted  int64 // so many are to be written now
	err     error
}

// writeAt is how many bytes wake the writer before anybody flushes.
const (
	writeAt    = 64 << 10
	holdAtMost = 64 << 20
)

func newLineWriter(w io.Writer) *lineWriter {
	l := &lineWriter{w: w}
	l.cond.L = &l.mu
	go l.run()
	return l
}

// op adds the operation as a line.
func (l *lineWriter) op(op Op) {
	l.add(func(b []byte) []byte { return op.AppendJSON(b) }, false)
}

// line adds a line and has all there is written soon.
func (l *lineWriter) line(s string) {
	l.add(func(b []byte) []byte { return append(b, s...) }, true)
}

func (l *lineWriter) add(encode func([]byte) []byte, now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) >= holdAtMost && l.err == nil {
		l.cond.Wait()
	}
	before := len(l.buf)
	l.buf = append(encode(l.buf), '\n')
	l.added += int64(len(l.buf) - before)
	if now || len(l.buf) >= writeAt {
		l.wanted = l.added
		l.cond.Broadcast()
	}
}

// flush returns when everything added before is written.
func (l *lineWriter) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.added
	l.wanted = until
	l.cond.Broadcast()
	for l.written < until && l.err == nil {
		l.cond.Wait()
	}
	return l.err
}

// run writes for as long as the process lives.
func (l *lineWriter) run() {
	var spare []byte
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.err == nil {
		for l.written >= l.wanted {
			l.cond.Wait()
		}
		out := l.buf
		l.buf = spare[:0]
		l.mu.Unlock()
		_, err := l.w.Write(out)
		l.mu.Lock()
		l.written += int64(len(out))
		spare, l.err = out, err
		l.cond.Broadcast()
	}
}
