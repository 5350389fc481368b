package reckon

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
)

// A Env is what a crew has of the run: its hosts, the store's members, and the record.
type Env struct {
	Setting Setting
	Members []Member
	Clock   clock.Clock

	// Start starts a process on a client host. What it prints goes to its log, which a restart continues; what it
	// writes to Stdout, where that is set, goes there instead.
	Start func(hostName, logName string, c host.Command) (*host.Process, error)
	// Dial is for connections from inside the host's namespace.
	Dial func(hostName string) Dial
	// Scratch makes a directory for data, on the disk that holds the run.
	Scratch func(name string) (string, error)
	// Pass and Event record. An event without a time is of now.
	Pass  func(history.Pass)
	Event func(history.Event)
}

// crew is a workload's own processes at work.
type crew struct {
	name string
	duty Workers

	mu   sync.Mutex
	logs []io.Closer
}

// muster has every workload that has workers of its own start them.
func (r *run) muster(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.plan.Bounds.Ready)
	defer cancel()
	for _, w := range r.plan.workloads {
		m, ok := w.value.(Launcher)
		if !ok {
			continue
		}
		c := &crew{name: w.name}
		r.cluster.crews = append(r.cluster.crews, c)
		var err error
		if c.duty, err = m.Launch(ctx, r.camp(c)); err != nil {
			return fmt.Errorf("start the workers of %s: %w", w.name, err)
		}
	}
	return nil
}

func (r *run) camp(c *crew) Env {
	return Env{
		Setting: r.plan.Setting, Members: r.plan.Members, Clock: r.clock,
		Start: func(hostName, logName string, cmd host.Command) (*host.Process, error) {
			h := r.hosts[hostName]
			if h == nil {
				return nil, fmt.Errorf("start %s on %s: there is no such host", cmd.Args[0], hostName)
			}
			log, err := r.recorder.Log(logName)
			if err != nil {
				return nil, err
			}
			c.mu.Lock()
			c.logs = append(c.logs, log)
			c.mu.Unlock()
			if cmd.Stdout == nil {
				cmd.Stdout = log
			}
			cmd.Stderr = log
			return h.Start(cmd)
		},
		Dial:    func(hostName string) Dial { return r.hosts[hostName].Dial },
		Scratch: r.recorder.Scratch,
		Pass: func(p history.Pass) {
			r.passes.Add(1)
			r.keep(r.recorder.Pass(p))
		},
		Event: r.event,
	}
}

// work has all crews work until ctx is done, and gives what came of it.
func (r *run) work(ctx context.Context) <-chan error {
	crews := r.cluster.crews
	all := make(chan error, 1)
	go func() {
		all <- forEach(len(crews), func(i int) error {
			err := crews[i].duty.Run(ctx)
			if err != nil {
				err = fmt.Errorf("the workers of %s: %w", crews[i].name, err)
				r.abort(err) // the others need not go on
			}
			return err
		})
	}()
	return all
}

// finishWork has all crews do the last of their work.
func (r *run) finishWork(ctx context.Context) error {
	for _, c := range r.cluster.crews {
		r.phase("finish " + c.name)
		if err := c.duty.Finish(ctx); err != nil {
			return fmt.Errorf("the workers of %s: %w", c.name, err)
		}
	}
	return nil
}

// dismiss ends what the crews have started.
func (r *run) dismiss() {
	if r.cluster == nil {
		return
	}
	for _, c := range r.cluster.crews {
		if c.duty != nil {
			c.duty.Stop()
		}
		for _, l := range c.logs {
			_ = l.Close() // write errors have shown in what was written
		}
	}
}

// Workers are those of all crews, for faults that strike them.
func (v view) Workers() (all []Worker) {
	for _, c := range v.crews {
		if d, ok := c.duty.(interface{ List() []Worker }); ok {
			for _, w := range d.List() {
				all = append(all, workerView{w, v})
			}
		}
	}
	return all
}

// workerView is a worker as one strike sees it: what is done to it is logged under the strike's number, with what was seen of it.
type workerView struct {
	Worker
	view view
}

// Kill kills the worker. It is healed when its process runs; that it is back at work, for which its store must serve, is seen in the
// background, as of a node, and awaited before the run is over.
func (w workerView) Kill(ctx context.Context) (string, func(context.Context) (string, error), error) {
	w.view.begin()
	seen, restart, err := w.Worker.Kill(ctx)
	if err != nil {
		return "", nil, err
	}
	w.verified("struck: " + seen)
	var back string
	undo := w.view.leave("worker "+w.Name()+" dead", func(ctx context.Context) (err error) {
		if back, err = restart(ctx); err == nil {
			w.view.verifying.Go(func() { w.seeBack(back) })
		}
		return err
	})
	return seen, func(ctx context.Context) (string, error) {
		err := undo(ctx)
		return back, err
	}, nil
}

// seeBack logs that the worker is healed, once it is at work again or was not within its bound; nothing where the run was over before.
func (w workerView) seeBack(runs string) {
	seen, err := w.Back(context.Background(), w.view.bound)
	if w.view.isOver() { // and so the crew was dismissed, which is no end of the worker's own
		return
	}
	if err != nil {
		w.view.log(history.Missed, w.Name(), "heal: "+err.Error())
		return
	}
	w.verified("healed: " + runs + ", " + seen)
}

// AtRest has do at the worker's tree. Nothing is left to undo afterwards: the tree is written over.
func (w workerView) AtRest(ctx context.Context, do func(tree string) (string, error)) error {
	return w.Worker.AtRest(ctx, func(tree string) (string, error) {
		w.view.begin()
		seen, err := do(tree)
		if err == nil {
			w.verified("struck: " + seen)
			w.verified("healed: nothing to heal, what was done to the tree stays until a pass writes over it")
		}
		return seen, err
	})
}

func (w workerView) verified(detail string) { w.view.log(history.Verified, w.Name(), detail) }
