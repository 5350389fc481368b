// Package fleet is the runner's end of the load drivers: it starts one on every client host, tells
// them what to do, and passes on what they report.
package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/driver"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// A Sink takes what load drivers report. It is safe for concurrent use.
type Sink interface {
	// Ops takes operations that are encoded already, in whole lines.
	Ops(lines []byte)
	Progress(load.Progress)
	Event(history.Event)
}

// Config is what a fleet needs of the run.
type Config struct {
	Plan  *plan.Plan
	Epoch time.Duration // of the run's clock, on CLOCK_MONOTONIC
	Hosts map[string]*host.Host
	Log   func(name string) (io.WriteCloser, error)
	Sink  Sink
}

// A Fleet is the load drivers of a run, one for each client.
type Fleet struct {
	Config
	drivers []*remote
}

// New returns a fleet without drivers.
func New(c Config) *Fleet { return &Fleet{Config: c} }

// Start starts a driver on every client host and gives it its job.
func (f *Fleet) Start() error {
	for i, c := range f.Plan.Setting.Clients {
		d, err := f.start(i, c)
		if err != nil {
			return err
		}
		f.drivers = append(f.drivers, d)
	}
	return nil
}

// Ready waits until every driver is ready.
func (f *Fleet) Ready(ctx context.Context) error {
	return f.each(func(d *remote) error { return d.expect(ctx, "ready") })
}

// Preload lets the drivers write what must be in the store before the load.
func (f *Fleet) Preload(ctx context.Context) error {
	return f.each(func(d *remote) error {
		if err := d.tell("preload"); err != nil {
			return err
		}
		return d.expect(ctx, "preloaded")
	})
}

// Load tells every driver to begin at that instant of the run's clock. The error is of those that
// no longer listen.
func (f *Fleet) Load(start time.Duration) (err error) {
	for _, d := range f.drivers {
		err = errors.Join(err, d.tell(fmt.Sprintf("load %d", start)))
	}
	return err
}

// Stop tells every driver to end its load early.
func (f *Fleet) Stop() {
	for _, d := range f.drivers {
		_ = d.tell("stop") // one that has ended need not be told
	}
}

// OnDeath calls died when a driver ends without having reported that its load is done, until ctx
// ends.
func (f *Fleet) OnDeath(ctx context.Context, died func()) {
	for _, d := range f.drivers {
		go func() {
			select {
			case <-d.ended:
				if !d.reported.Load() {
					died()
				}
			case <-ctx.Done():
			}
		}()
	}
}

// Await waits for the last operations, and records what each driver reports of its load.
func (f *Fleet) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.Plan.Options.OpTimeout+3*load.Grace)
	defer cancel()
	return f.each(func(d *remote) error {
		if err := d.expect(ctx, "done"); err != nil {
			return err
		}
		f.Sink.Event(history.NewDriver(d.client, d.done.Offered, history.Late{P50: d.done.LagP50, P99: d.done.LagP99, Max: d.done.LagMax}))
		if d.done.Error != "" {
			return fmt.Errorf("load driver on %s: %s", d.client, d.done.Error)
		}
		return nil
	})
}

// Close ends the drivers.
func (f *Fleet) Close() {
	for _, d := range f.drivers {
		d.close()
	}
}

// each calls do for all drivers at once; the error of the first driver that has one counts.
func (f *Fleet) each(do func(*remote) error) error {
	errs := make([]error, len(f.drivers))
	var g errgroup.Group
	for i, d := range f.drivers {
		g.Go(func() error { errs[i] = do(d); return nil })
	}
	_ = g.Wait() // the errors are in errs
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A remote is the runner's end of a load driver.
type remote struct {
	sink     Sink
	client   string
	process  *host.Process
	in       io.WriteCloser
	said     chan string // control lines; closed at the end of the output
	log      *host.LastWords
	closer   io.Closer
	ended    chan struct{} // closed at the end of the output
	reported atomic.Bool   // it has reported that its load is done: the end that follows is in order
	done     *driver.Report
}

// newRemote returns the runner's end of a driver that has not been started.
func newRemote(client string, sink Sink, log io.WriteCloser) *remote {
	return &remote{client: client, sink: sink, said: make(chan string, 16), ended: make(chan struct{}), log: host.NewLastWords(log), closer: log}
}

// start starts the driver of the i-th client and gives it its job.
func (f *Fleet) start(i int, client string) (*remote, error) {
	log, err := f.Log(client)
	if err != nil {
		return nil, err
	}
	d := newRemote(client, f.Sink, log)
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	d.in = in
	d.process, err = f.Hosts[client].Start(host.Command{Args: []string{driver.Role}, Stdin: stdin, Stdout: stdout, Stderr: d.log})
	stdin.Close()
	stdout.Close()
	if err != nil {
		return nil, fmt.Errorf("start the load driver on %s: %w", client, err)
	}
	go d.listen(out)
	b, err := json.Marshal(driver.Job{
		Words: f.Plan.Words, Flags: f.Plan.Flags, Setting: f.Plan.Setting, Members: f.Plan.Members,
		Client: i, Epoch: f.Epoch,
	})
	if err != nil {
		return nil, err
	}
	return d, d.tell(string(b))
}

// listen sorts the driver's output: operations go to the record as they are, many lines at a time;
// control lines go to whoever waits for them.
func (d *remote) listen(out io.ReadCloser) {
	defer close(d.ended)
	defer close(d.said)
	defer out.Close()
	br := bufio.NewReaderSize(out, 1<<20)
	var ops []byte
	for {
		line, err := br.ReadBytes('\n')
		if err != nil { // a line without its end was being written when the driver died
			d.sink.Ops(ops)
			return
		}
		if line[0] == '{' {
			ops = append(ops, line...)
		}
		if len(ops) > 0 && (line[0] != '{' || br.Buffered() == 0 || len(ops) > 1<<20) {
			d.sink.Ops(ops)
			ops = ops[:0]
		}
		if line[0] != '{' {
			d.hear(string(bytes.TrimSuffix(line, []byte{'\n'})))
		}
	}
}

func (d *remote) hear(line string) {
	if rest, ok := strings.CutPrefix(line, "progress "); ok {
		var p load.Progress
		if json.Unmarshal([]byte(rest), &p) == nil { // a progress line that is lost costs a progress line
			d.sink.Progress(p)
		}
		return
	}
	if strings.HasPrefix(line, "done ") {
		d.reported.Store(true)
	}
	d.said <- line
}

func (d *remote) tell(line string) error {
	if _, err := io.WriteString(d.in, line+"\n"); err != nil {
		return fmt.Errorf("tell the load driver on %s: %w", d.client, err)
	}
	return nil
}

// expect waits for the driver's next control line, which must begin with the word.
func (d *remote) expect(ctx context.Context, word string) error {
	select {
	case line, ok := <-d.said:
		if !ok {
			return d.died()
		}
		if reason, failed := strings.CutPrefix(line, "failed "); failed {
			return fmt.Errorf("load driver on %s: %s", d.client, reason)
		}
		if line != word && !strings.HasPrefix(line, word+" ") {
			return fmt.Errorf("load driver on %s: said %q, want %q", d.client, line, word)
		}
		if rest, ok := strings.CutPrefix(line, "done "); ok {
			d.done = &driver.Report{}
			return json.Unmarshal([]byte(rest), d.done)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %q from the load driver on %s: %w", word, d.client, ctx.Err())
	}
}

func (d *remote) died() error {
	<-d.process.Done()
	return fmt.Errorf("load driver on %s ended by itself (%v)%s", d.client, d.process.State(), d.log.Quote())
}

// close ends the driver: it is killed, should the end of its input not have done it.
func (d *remote) close() {
	_ = d.in.Close()
	if d.process != nil {
		_ = d.process.Kill()
		<-d.ended // the last of its output is on record
	}
	_ = d.closer.Close()
}
