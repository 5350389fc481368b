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

// volume is the name of the directory of a worker's tree.
const volume = "data"

// workerJob is the only argument of a worker, as JSON.
type workerJob struct {
	Endpoints []string
	Node      string
	Root      string
	Lease     time.Duration
}

// workerMain works until the process is killed. It reports what it does on standard output, a JSON
// object per line.
func workerMain() {
	var job workerJob
	if err := json.Unmarshal([]byte(os.Args[1]), &job); err != nil {
		fmt.Fprintln(os.Stderr, "read the job:", err)
		os.Exit(1)
	}
	w := fleet.Worker{
		Etcd: fleet.Etcd{Endpoints: job.Endpoints}, Node: job.Node, Roots: []string{job.Root}, Lease: job.Lease, Identity: true,
		Patience: time.Hour,                                                                // the run decides whether the store can be reached
		Log:      slog.New(slog.NewJSONHandler(io.MultiWriter(os.Stdout, os.Stderr), nil)), // for the run, and for the log
	}
	if err := w.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// member is one worker as the run sees it.
type member struct {
	group *workers
	name  string

	starting sync.Mutex // one start at a time
	process  reckon.Process
	silent   chan struct{} // closed once the output of the process has been read
	tree     string

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever any of this changes
	starts     int           // of the process
	registered bool          // the process has
	gone       bool          // it has ended, and its output has been read
	killed     bool          // by a fault
	doing      string        // its current operation, "" for none
	doingWhat  string        // "generate 7"
	visits     []*visit      // those who wait for the tree to be at rest
}

// visit is an access to a tree at rest.
type visit struct {
	do   func(tree string) (string, error)
	done chan error
}

func newMember(d *workers, name string) *member {
	return &member{group: d, name: name, changed: make(chan struct{})}
}

// Name is the node's, and that of its host.
func (h *member) Name() string { return h.name }

// start starts the process on its tree, if there is one yet.
func (h *member) start() error {
	dir, err := h.group.env.Scratch("kibishii-" + h.name)
	if err != nil {
		return err
	}
	h.tree = filepath.Join(dir, volume)
	if err := os.MkdirAll(h.tree, 0o777); err != nil {
		return fmt.Errorf("make a tree's root: %w", err)
	}
	job, err := json.Marshal(workerJob{h.group.env.Setting.Endpoints, h.name, h.tree, h.group.lease})
	if err != nil {
		return err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	process, err := h.group.env.Start(h.name, "kibishii-"+h.name, reckon.Command{Args: []string{workerRole, string(job)}}, stdout)
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

// said is a line of a worker's output.
type said struct {
	Message string `json:"msg"`
	Op      string `json:"op"`
	Cmd     string `json:"cmd"`
	Pass    int32  `json:"pass"`
	Error   string `json:"error"`
	Lost    bool   `json:"lease_lost"`
}

// listen records the worker's own output, which does not depend on the store.
func (h *member) listen(out io.ReadCloser, silent chan<- struct{}) {
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

func (h *member) hear(s said) {
	worked := func(step history.Step) { h.group.env.Event(history.NewWorked(h.name, step, s.Op)) }
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

func (h *member) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// await waits until the condition holds. It is evaluated after every change.
func (h *member) await(ctx context.Context, what string, condition func() bool) error {
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
func (h *member) Busy(ctx context.Context) error {
	return h.await(ctx, "begin a pass", func() bool { return h.doing != "" })
}

// Kill kills the worker.
func (h *member) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	h.starting.Lock()
	defer h.starting.Unlock()
	pid := h.process.PID()
	h.change(func() { h.killed = true })
	if err := h.process.Kill(); err != nil {
		return "", nil, err
	}
	<-h.silent // the process is dead and has closed its end of the pipe
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

// restart starts the process again, unless there is one: two processes of one worker would
// conflict.
func (h *member) restart(context.Context) (string, error) {
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

// Back waits until the process has registered, which it cannot do until its predecessor's lease
// expires.
func (h *member) Back(ctx context.Context, within time.Duration) (string, error) {
	within += h.group.lease
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

// AtRest waits until a generate of the worker's tree is acknowledged, and runs do before the tree
// is used again.
func (h *member) AtRest(ctx context.Context, do func(tree string) (string, error)) error {
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

// rest runs the accesses that wait for the tree to be at rest.
func (h *member) rest() {
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
func (h *member) end() {
	h.starting.Lock()
	defer h.starting.Unlock()
	if h.process != nil {
		h.change(func() { h.killed = true })
		_ = h.process.Kill() // it ends with the run's process tree in any case
		<-h.silent
	}
}

var _ reckon.Worker = (*member)(nil)
