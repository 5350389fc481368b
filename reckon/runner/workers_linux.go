package runner

import (
	"context"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// workers are the workers of one workload.
type workers struct {
	name string
	reckon.Workers

	mu   sync.Mutex
	logs []io.Closer
}

// launch lets every workload that has workers of its own start them.
func (r *run) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Ready)
	defer cancel()
	for _, w := range r.plan.Workloads {
		l, ok := w.Value.(reckon.Launcher)
		if !ok {
			continue
		}
		started, err := r.launchOne(ctx, w, l)
		r.workers.add(started)
		if err != nil {
			return fmt.Errorf("start the workers of %s: %w", w.Name, err)
		}
	}
	return nil
}

// launchOne starts the workers of one workload. What it returns is to be stopped, also where there
// is an error.
func (r *run) launchOne(ctx context.Context, w plan.Named[reckon.Workload], l reckon.Launcher) (*workers, error) {
	ws := &workers{name: w.Name}
	var err error
	ws.Workers, err = l.Launch(ctx, r.env(ws))
	return ws, err
}

// env returns what the workers get from the run.
func (r *run) env(ws *workers) reckon.Env {
	return reckon.Env{
		Setting: r.plan.Setting, Members: r.plan.Members, Clock: r.journal.Clock,
		Start: func(hostName, logName string, c reckon.Command, stdout io.Writer) (reckon.Process, error) {
			h := r.bed.Hosts[hostName]
			if h == nil {
				return nil, fmt.Errorf("start %s on %s: there is no such host", c.Args[0], hostName)
			}
			log, err := r.journal.Log(logName)
			if err != nil {
				return nil, err
			}
			ws.mu.Lock()
			ws.logs = append(ws.logs, log)
			ws.mu.Unlock()
			if stdout == nil {
				stdout = log
			}
			return h.Start(host.Command{Path: c.Path, Args: c.Args, Env: c.Env, Stdout: stdout, Stderr: log})
		},
		Dial:    func(hostName string) reckon.Dial { return r.bed.Hosts[hostName].Dial },
		Scratch: r.journal.Scratch,
		Pass:    r.journal.Pass,
		Event:   r.journal.Event,
	}
}

// crowd is the workers of all workloads.
type crowd struct {
	mu  sync.Mutex
	all []*workers
}

func (c *crowd) add(w *workers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, w)
}

func (c *crowd) list() []*workers {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*workers(nil), c.all...)
}

// each returns every worker, for faults that strike them.
func (c *crowd) each() (all []reckon.Worker) {
	for _, w := range c.list() {
		if l, ok := w.Workers.(interface{ List() []reckon.Worker }); ok {
			all = append(all, l.List()...)
		}
	}
	return all
}

// run lets all workers work until ctx is done, and gives the error, if any. failed is called with
// the first as soon as it is known: the others need not go on.
func (c *crowd) run(ctx context.Context, failed func(error)) <-chan error {
	done := make(chan error, 1)
	var g errgroup.Group
	for _, w := range c.list() {
		g.Go(func() error {
			err := w.Run(ctx)
			if err != nil {
				err = fmt.Errorf("the workers of %s: %w", w.name, err)
				failed(err)
			}
			return err
		})
	}
	go func() { done <- g.Wait() }()
	return done
}

// finish lets all workers do the last of their work, one workload after the other; phase is called
// before each.
func (c *crowd) finish(ctx context.Context, phase func(string)) error {
	for _, w := range c.list() {
		phase("finish " + w.name)
		if err := w.Finish(ctx); err != nil {
			return fmt.Errorf("the workers of %s: %w", w.name, err)
		}
	}
	return nil
}

// stop ends all workers.
func (c *crowd) stop() {
	for _, w := range c.list() {
		if w.Workers != nil {
			w.Stop()
		}
		for _, l := range w.logs {
			_ = l.Close() // write errors have shown in what was written
		}
	}
}
