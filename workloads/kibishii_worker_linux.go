package workloads

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

// workerRole is the name under which reckon's binary is one of Kibishii's workers in a run.
const workerRole = "reckon-kibishii"

func init() { reexec.Register(workerRole, workerMain) }

// volume is what the directory of a worker's tree is called.
const volume = "data"

// workerJob is what a worker is told, as its one argument.
type workerJob struct {
	Endpoints []string
	Node      string
	Root      string
	Lease     time.Duration
}

// workerMain works until the process is killed. It says on its standard output, a JSON object a line, what it does.
func workerMain() {
	var job workerJob
	if err := json.Unmarshal([]byte(os.Args[1]), &job); err != nil {
		fmt.Fprintln(os.Stderr, "read the job:", err)
		os.Exit(1)
	}
	w := fleet.Worker{
		Etcd: fleet.Etcd{Endpoints: job.Endpoints}, Node: job.Node, Roots: []string{job.Root}, Lease: job.Lease, Identity: true,
		Patience: time.Hour,                                                                // whether the store can be reached is the run's to judge
		Log:      slog.New(slog.NewJSONHandler(io.MultiWriter(os.Stdout, os.Stderr), nil)), // for the run, and for the log
	}
	if err := w.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hand is one worker, from the run's side.
type hand struct {
	duty *duty
	name string

	starting sync.Mutex // one start at a time
	process  reckon.Process
	silent   chan struct{} // closed once all that the process said has been heard
	tree     string

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever any of this changes
	starts     int           // of the process
	registered bool          // the process has
	gone       bool          // it has ended, and all that it said has been heard
	killed     bool          // that is wanted
	doing      string        // the operation that it is at, "" for none
	doingWhat  string        // "generate 7"
	visits     []*visit      // who wait for the tree to be at rest
}

// visit is somebody at a tree at rest.
type visit struct {
	do   func(tree string) (string, error)
	done chan error
}

func newHand(d *duty, name string) *hand {
	return &hand{duty: d, name: name, changed: make(chan struct{})}
}

// Name is the node's, and that of its host.
func (h *hand) Name() string { return h.name }

// start starts the process, on the tree that there may be.
func (h *hand) start() error {
	dir, err := h.duty.camp.Scratch("kibishii-" + h.name)
	if err != nil {
		return err
	}
	h.tree = filepath.Join(dir, volume)
	if err := os.MkdirAll(h.tree, 0o777); err != nil {
		return fmt.Errorf("make a tree's root: %w", err)
	}
	job, err := json.Marshal(workerJob{h.duty.camp.Setting.Endpoints, h.name, h.tree, h.duty.lease})
	if err != nil {
		return err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	process, err := h.duty.camp.Start(h.name, "kibishii-"+h.name, reckon.Command{Args: []string{workerRole, string(job)}}, stdout)
	stdout.Close()
	if err != nil {
		out.Close()
		return err
	}
	h.process, h.silent = process, make(chan struct{})
	h.change(func() {
		h.starts++
		h.registered, h.gone, h.killed = false, false, false
	})
	go h.listen(out, h.silent)
	return nil
}

// said is a line of what a worker says that it does.
type said struct {
	Message string `json:"msg"`
	Op      string `json:"op"`
	Cmd     string `json:"cmd"`
	Pass    int32  `json:"pass"`
	Error   string `json:"error"`
	Lost    bool   `json:"lease_lost"`
}

// listen records what the worker says of itself, which owes nothing to the store.
func (h *hand) listen(out io.ReadCloser, silent chan<- struct{}) {
	defer close(silent)
	defer h.change(func() { h.gone = true })
	defer out.Close()
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		var s said
		if json.Unmarshal(sc.Bytes(), &s) != nil {
			continue
		}
		h.hear(s)
	}
}

func (h *hand) hear(s said) {
	worked := func(step history.Step) { h.duty.camp.Event(history.NewWorked(h.name, step, s.Op)) }
	switch {
	case s.Message == "begins":
		worked(history.Started)
	case s.Message == "ended" && s.Error == "":
		worked(history.Finished)
	case s.Message == "ended" && s.Lost:
		worked(history.Lost)
	case s.Message == "ended":
		worked(history.GaveUp)
	}
	h.change(func() {
		switch s.Message {
		case "registered":
			h.registered = true
		case "begins":
			h.doing, h.doingWhat = s.Op, fmt.Sprintf("%s %d", s.Cmd, s.Pass)
		case "ended":
			h.doing, h.doingWhat = "", ""
		}
	})
}

func (h *hand) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// await waits until the condition, asked whenever something changes, holds.
func (h *hand) await(ctx context.Context, what string, condition func() bool) error {
	for {
		h.mu.Lock()
		ok, changed := condition(), h.changed
		h.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: worker %s did not within the time there is", what, h.name)
		}
	}
}

// Busy waits until the worker is in the middle of a pass.
func (h *hand) Busy(ctx context.Context) error {
	return h.await(ctx, "begin a pass", func() bool { return h.doing != "" })
}

// Kill kills the worker.
func (h *hand) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	h.starting.Lock()
	defer h.starting.Unlock()
	pid := h.process.PID()
	h.change(func() { h.killed = true })
	if err := h.process.Kill(); err != nil {
		return "", nil, err
	}
	<-h.silent // it is dead, and so is its end of the pipe
	var in string
	h.change(func() {
		in = h.doingWhat
		h.doing, h.doingWhat = "", ""
	})
	seen := fmt.Sprintf("process %d of worker %s is gone, in the middle of %s", pid, h.name, in)
	if in == "" {
		seen = fmt.Sprintf("process %d of worker %s is gone, as a pass ended", pid, h.name)
	}
	return seen, h.restart, nil
}

// restart starts the process again, unless there is one: two that are one worker would be in each other's way.
func (h *hand) restart(context.Context) (string, error) {
	h.starting.Lock()
	defer h.starting.Unlock()
	select {
	case <-h.process.Done():
		if err := h.start(); err != nil {
			return "", err
		}
	default:
	}
	return fmt.Sprintf("process %d of worker %s runs", h.process.PID(), h.name), nil
}

// Back waits until the process has registered: while its predecessor's lease lasts it cannot.
func (h *hand) Back(ctx context.Context, within time.Duration) (string, error) {
	within += h.duty.lease
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	h.starting.Lock()
	begun, process := time.Now(), h.process
	var number int
	h.change(func() { number = h.starts })
	h.starting.Unlock()
	var again, gone bool
	err := h.await(ctx, "register again", func() bool {
		again = h.killed || h.starts != number
		gone = h.gone
		return h.registered || again || gone
	})
	switch {
	case err != nil:
		return fmt.Sprintf("but is not registered again within %v", within), nil
	case again:
		return "and was killed again before it was asked", nil
	case gone:
		return "", fmt.Errorf("process %d of worker %s has ended by itself (%v)", process.PID(), h.name, process.State())
	}
	return fmt.Sprintf("and is registered again after %v", time.Since(begun).Round(time.Millisecond)), nil
}

// AtRest waits until a generate of the worker's tree has been acknowledged, and runs do before anything else is done with it.
func (h *hand) AtRest(ctx context.Context, do func(tree string) (string, error)) error {
	v := &visit{do, make(chan error, 1)}
	h.mu.Lock()
	h.visits = append(h.visits, v)
	h.mu.Unlock()
	select {
	case err := <-v.done:
		return err
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		if !slices.Contains(h.visits, v) { // it is under way
			return <-v.done
		}
		h.visits = slices.DeleteFunc(h.visits, func(x *visit) bool { return x == v })
		return errors.New("no pass was acknowledged within the time there is")
	}
}

// rest lets those at the tree who wait for it to be at rest.
func (h *hand) rest() {
	h.mu.Lock()
	visits := h.visits
	h.visits = nil
	h.mu.Unlock()
	for _, v := range visits {
		_, err := v.do(h.tree)
		v.done <- err
	}
}

// end ends the worker for good.
func (h *hand) end() {
	h.starting.Lock()
	defer h.starting.Unlock()
	if h.process != nil {
		h.change(func() { h.killed = true })
		_ = h.process.Kill() // the end of the run's tree ends it in any case
		<-h.silent
	}
}

var _ reckon.Worker = (*hand)(nil)
