package reckon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
)

// driverProcess is the runner's end of a load driver.
type driverProcess struct {
	run     *run
	client  string
	process *host.Process
	in      io.WriteCloser
	said    chan string // control lines; closed at the end of the output
	log     *tail
	closer  io.Closer
	ended   chan struct{} // closed at the end of the output
	account atomic.Bool   // it has given its account: the end that follows is in order
	done    *driverDone
}

// startDriver starts the driver of the i-th client and gives it its job.
func (r *run) startDriver(i int, client string) (*driverProcess, error) {
	log, err := r.recorder.Log(client)
	if err != nil {
		return nil, err
	}
	d := &driverProcess{run: r, client: client, said: make(chan string, 16), ended: make(chan struct{}), log: &tail{w: log}, closer: log}
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	d.in = in
	d.process, err = r.hosts[client].Start(host.Command{Args: []string{DriverRole}, Stdin: stdin, Stdout: stdout, Stderr: d.log})
	stdin.Close()
	stdout.Close()
	if err != nil {
		return nil, fmt.Errorf("start the load driver on %s: %w", client, err)
	}
	go d.listen(out)
	job, err := json.Marshal(driverJob{
		Words: r.plan.Words, Flags: r.plan.Flags, Setting: r.plan.Setting, Members: r.plan.Members,
		Client: i, Epoch: r.clock.Epoch(),
	})
	if err != nil {
		return nil, err
	}
	return d, d.tell(string(job))
}

// listen takes the driver's output apart: operations go to the record as they
// are, many lines at a time; what is said is for whoever waits.
func (d *driverProcess) listen(out io.ReadCloser) {
	defer close(d.ended)
	defer close(d.said)
	defer out.Close()
	br := bufio.NewReaderSize(out, 1<<20)
	var ops []byte
	for {
		line, err := br.ReadBytes('\n')
		if err != nil { // a line without its end was being written when the driver died
			d.record(ops)
			return
		}
		if line[0] == '{' {
			ops = append(ops, line...)
		}
		if len(ops) > 0 && (line[0] != '{' || br.Buffered() == 0 || len(ops) > 1<<20) {
			d.record(ops)
			ops = ops[:0]
		}
		if line[0] != '{' {
			d.hear(string(bytes.TrimSuffix(line, []byte{'\n'})))
		}
	}
}

func (d *driverProcess) record(lines []byte) {
	d.run.ops.Add(int64(bytes.Count(lines, []byte{'\n'})))
	d.run.keep(d.run.recorder.Ops(lines))
}

func (d *driverProcess) hear(line string) {
	if rest, ok := strings.CutPrefix(line, "progress "); ok {
		var p driverProgress
		if json.Unmarshal([]byte(rest), &p) == nil { // a progress line that is lost costs a progress line
			d.run.progress.add(p)
		}
		return
	}
	if strings.HasPrefix(line, "done ") {
		d.account.Store(true)
	}
	d.said <- line
}

func (d *driverProcess) tell(line string) error {
	if _, err := io.WriteString(d.in, line+"\n"); err != nil {
		return fmt.Errorf("tell the load driver on %s: %w", d.client, err)
	}
	return nil
}

// expect waits for the driver to say the word.
func (d *driverProcess) expect(ctx context.Context, word string) error {
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
			d.done = &driverDone{}
			return json.Unmarshal([]byte(rest), d.done)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %q from the load driver on %s: %w", word, d.client, ctx.Err())
	}
}

func (d *driverProcess) died() error {
	<-d.process.Done()
	return fmt.Errorf("load driver on %s ended by itself (%v)%s", d.client, d.process.State(), d.log.quote())
}

// close ends the driver: it is killed, should the end of its input not have done it.
func (d *driverProcess) close() {
	_ = d.in.Close()
	if d.process != nil {
		_ = d.process.Kill()
		<-d.ended // the last of what it said is on record
	}
	_ = d.closer.Close()
}

// everyDriver does f to all drivers at once; the first error counts.
func (r *run) everyDriver(f func(*driverProcess) error) error {
	errs := make([]error, len(r.drivers))
	var wg sync.WaitGroup
	for i, d := range r.drivers {
		wg.Go(func() { errs[i] = f(d) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cancelWhenDriverDies cancels when a driver ends without its account of the
// load. One that has given it ended in order: its last operation was due before the load's end.
func (r *run) cancelWhenDriverDies(ctx context.Context, cancel context.CancelFunc) {
	for _, d := range r.drivers {
		go func() {
			select {
			case <-d.ended:
				if !d.account.Load() {
					cancel()
				}
			case <-ctx.Done():
			}
		}()
	}
}

// awaitDrivers waits for the last operations, and records each driver's account of its load.
func (r *run) awaitDrivers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.plan.Options.OpTimeout+3*grace)
	defer cancel()
	return r.everyDriver(func(d *driverProcess) error {
		if err := d.expect(ctx, "done"); err != nil {
			return err
		}
		r.event(history.Event{Kind: history.Driver, Subject: d.client, Data: map[string]float64{
			"offered": float64(d.done.Offered), "lag_p50_us": d.done.LagP50, "lag_p99_us": d.done.LagP99, "lag_max_us": d.done.LagMax,
		}})
		if d.done.Error != "" {
			return fmt.Errorf("load driver on %s: %s", d.client, d.done.Error)
		}
		return nil
	})
}
