package driver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// external is the driver's end of a external client.
type external struct {
	driver   *driver
	cmd      *exec.Cmd
	in       io.WriteCloser
	log      *host.LastWords
	said     chan externalResult // closed at the end of its output
	end      error               // why its output ended; read it once said is closed
	schedule []reckon.Op         // the whole load; Due counts from its start
}

// newExternal returns the driver's end of a program that has not been started; its log goes to log.
func newExternal(d *driver, log io.Writer) *external {
	return &external{driver: d, log: host.NewLastWords(log), said: make(chan externalResult, 1024)}
}

// startExternal starts the client program and hands it the whole load; it returns when the program
// is ready.
func (d *driver) startExternal(ctx context.Context) (*external, error) {
	f := newExternal(d, os.Stderr)
	f.schedule = externalSchedule(load.Merge(d.streams()), d.job.Setting.Duration)
	f.command(plan.FillClientCmd(d.parts.Options.ClientCmd, d.targets(), d.job.Client))
	in, err := f.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the client program: %w", err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the client program: %w", err)
	}
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the client program: %w", err)
	}
	f.in = in
	go f.listen(out)
	ctx, cancel := context.WithTimeout(ctx, d.parts.Options.ClientReady)
	defer cancel()
	if err := f.handOver(ctx); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// command makes the program's process, a shell for whatever a shell understands.
func (f *external) command(line string) {
	f.cmd = exec.Command("/bin/sh", "-c", line)
	f.cmd.Stderr = f.log
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that all of it can be ended
}

// targets are the URLs of the members that the client uses.
func (d *driver) targets() (urls []string) {
	for i, m := range d.job.Members {
		if slices.ContainsFunc(d.members, func(used reckon.Member) bool { return used.Name == m.Name }) {
			urls = append(urls, d.job.Setting.Endpoints[i])
		}
	}
	return urls
}

// listen passes on what the program says until its output ends, or is none that can be read.
func (f *external) listen(out io.Reader) {
	defer close(f.said)
	r := bufio.NewReaderSize(out, 1<<16)
	for {
		m, err := readFrame(r)
		if err != nil {
			f.end = err
			return
		}
		f.said <- m
	}
}

// handOver gives the program its operations and waits until it has them and is ready.
func (f *external) handOver(ctx context.Context) error {
	given := make(chan struct{})
	go func() {
		defer close(given)
		f.give()
	}()
	ready, waiting := false, given
	for {
		if ready && waiting == nil {
			return nil
		}
		select {
		case <-waiting:
			waiting = nil
		case m, ok := <-f.said:
			switch {
			case !ok:
				return f.ended("before it was ready")
			case m.Kind == "ready" && !ready:
				ready = true
			case m.Kind != "result": // those are of prerequisites, which nobody asked for
				return f.failed(fmt.Errorf("it says %q before it is ready", m.Kind))
			}
		case <-ctx.Done():
			if ready {
				return f.failed(fmt.Errorf("it said that it is ready, and has not read its operations within %v", f.driver.parts.Options.ClientReady))
			}
			return f.failed(fmt.Errorf("it did not say that it is ready within %v", f.driver.parts.Options.ClientReady))
		}
	}
}

// give writes all that comes before the start. What cannot be written shows in what the program
// says.
func (f *external) give() {
	w := bufio.NewWriterSize(f.in, 1<<16)
	for op := range f.prerequisites() {
		_ = writeFrame(w, preloadMessage(op, true))
	}
	for _, op := range f.schedule {
		_ = writeFrame(w, preloadMessage(op, false))
	}
	_ = writeFrame(w, externalMessage{Kind: "finalise"})
	_ = w.Flush()
}

// prerequisites are reads of the keys that this client host has just written. They connect the
// program to the store. The writes are reckon's own: the checks want to know at which revisions
// they took effect.
func (f *external) prerequisites() iter.Seq[reckon.Op] {
	d := f.driver
	return func(yield func(reckon.Op) bool) {
		for _, w := range d.parts.Workloads {
			b, ok := w.Value.(reckon.Preloader)
			if !ok {
				continue
			}
			for op := range b.Preload(d.job.Setting, d.job.Client, 0) {
				if !yield(reckon.Op{Kind: history.Read, Key: op.Key}) {
					return
				}
			}
		}
	}
}

// failed is the error with the program's last lines.
func (f *external) failed(err error) error {
	return fmt.Errorf("client program: %w%s", err, f.log.Quote())
}

// ended says how the program ended, which it was not to.
func (f *external) ended(when string) error {
	if !errors.Is(f.end, io.EOF) {
		return f.failed(f.end)
	}
	_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL) // its output is closed, so it is of no more use
	_ = f.cmd.Wait()                                      // its state says it all
	return f.failed(fmt.Errorf("it ended %s (%v)", when, f.cmd.ProcessState))
}

// close ends the program with all its children.
func (f *external) close() {
	_ = f.in.Close()
	_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
	if f.cmd.ProcessState == nil {
		_ = f.cmd.Wait()
	}
}

// load has the program offer the load from start on, records what it says, and returns the account
// of it.
func (f *external) load(ctx context.Context, start time.Duration) Report {
	defer f.close()
	d := f.driver
	clock.Waiter(d.clock)(ctx, start)
	before := wallAtZero(d.clock)
	go func() { _ = writeFrame(f.in, externalMessage{Kind: "start"}) }() // where it is not read, that shows in what the program says
	results, err := f.hear(ctx, start)
	if moved := time.Duration(wallAtZero(d.clock) - before); err == nil && moved.Abs() > expectedApart {
		err = fmt.Errorf("the wall clock, by which the client program counts, moved by %v during the load", moved)
	}
	if err == nil && ctx.Err() == nil {
		if err = matchExternal(f.schedule, results); err != nil {
			err = f.failed(err)
		}
	}
	ops := f.recordable(start)
	if err == nil && ctx.Err() == nil {
		err = f.fill(ops, results, before)
	}
	return f.record(ops, err)
}

// fill gives the operations what their results tell.
func (f *external) fill(ops []reckon.Op, results []externalResult, base int64) error {
	if len(ops) < len(results) {
		return f.failed(fmt.Errorf("it finished before its last operation was due"))
	}
	for i := range ops {
		results[i].fill(&ops[i], base, f.driver.job.Members)
		if ops[i].Call < ops[i].Due-expectedApart {
			return f.failed(fmt.Errorf("by its clock it submitted %s before it was due", ops[i]))
		}
	}
	return nil
}

// hear collects results until the program has finished, or ctx ends.
func (f *external) hear(ctx context.Context, start time.Duration) (results []externalResult, err error) {
	d := f.driver
	limit := time.NewTimer(start - d.clock.Now() + d.job.Setting.Duration + d.job.Setting.OpTimeout + 2*load.Grace)
	defer limit.Stop()
	for {
		select {
		case m, ok := <-f.said:
			switch {
			case !ok:
				return results, f.ended("before it had finished")
			case m.Kind == "finished":
				return results, nil
			case m.Kind != "result":
				return results, f.failed(fmt.Errorf("it says %q where results belong", m.Kind))
			}
			results = append(results, m)
			f.show(m)
		case <-limit.C:
			return results, f.failed(fmt.Errorf("it did not finish within %v of the end of the load", d.job.Setting.OpTimeout+2*load.Grace))
		case <-ctx.Done():
			return results, nil
		}
	}
}

// show lets whoever watches see the result as it comes. It is recorded when all are there.
func (f *external) show(r externalResult) {
	op := reckon.Op{}
	if r.OpKind == history.Write.String() {
		op.Kind = history.Write
	}
	r.fill(&op, 0, nil)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	f.driver.count(op.Outcome, seconds(*r.Returned-*r.Other.Expected))
}

// recordable are the operations that may have been done, as what they are where nothing more is
// known: undecided.
func (f *external) recordable(start time.Duration) (ops []reckon.Op) {
	d := f.driver
	now := d.clock.Now()
	for _, op := range f.schedule {
		op.Due += start
		if op.Due > now {
			break
		}
		op.Client, op.Call, op.Return = d.job.name(), op.Due, now
		op.Error = "the client program did not say what became of it"
		if op.Kind == history.Read {
			op.Outcome = history.Failed
		}
		ops = append(ops, op)
	}
	return ops
}

// record records the operations, and gives the account of them.
func (f *external) record(ops []reckon.Op, err error) Report {
	d := f.driver
	load.Sequence(ops, d.processes.Count(), d.job.Client, len(d.job.Setting.Clients))
	lag := hdrhistogram.New(1, int64(time.Minute), 3)
	for _, op := range ops {
		_ = lag.RecordValue(min(int64(max(op.Call-op.Due, 1)), int64(time.Minute)))
		d.out.op(op)
	}
	return newReport(len(ops), lag, err)
}

// wallAtZero is the wall clock's reading, in nanoseconds since 1970, when the run's clock was zero:
// the best of a few looks.
func wallAtZero(c clock.Clock) int64 {
	var base int64
	best := time.Duration(1<<63 - 1)
	for range 20 {
		before := c.Now()
		wall := time.Now().UnixNano()
		after := c.Now()
		if took := after - before; took < best {
			best, base = took, wall-int64(before+took/2)
		}
	}
	return base
}
