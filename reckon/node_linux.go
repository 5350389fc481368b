package reckon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
)

// node is a member's process and who holds it.
type node struct {
	cluster *cluster
	member  Member
	host    *host.Host
	log     *tail
	closer  io.Closer

	// What it was last seen to be; guarded by cluster.mu.
	up     bool
	alive  bool          // its process runs
	status Status        // what it said last; of a dead one, nothing
	seen   time.Duration // when it was last asked
	fell   error         // it ended unasked
	moves  int           // how often it was started, killed, paused or resumed
	serves time.Duration // since when it is ready

	mu      sync.Mutex // one hold or release at a time
	process *host.Process
	holds   map[State][]int // the strikes that hold it so
	killed  bool            // its end is wanted, or has been noted

	state atomic.Uint32 // the State that it is held in; changes under mu, and may be read at any time
}

func (n *node) Name() string { return n.member.Name }

// State is what the node is held in.
func (n *node) State() State { return State(n.state.Load()) }

// settle notes what the node is held in by now. The caller holds mu.
func (n *node) settle() {
	s := Running
	switch {
	case len(n.holds[Dead]) > 0:
		s = Dead
	case len(n.holds[Paused]) > 0:
		s = Paused
	}
	n.state.Store(uint32(s))
	n.cluster.mu.Lock()
	n.moves++
	n.cluster.mu.Unlock()
}

// Ready waits, bounded, until the node serves.
func (n *node) Ready(ctx context.Context) error {
	c := n.cluster
	ctx, cancel := context.WithTimeout(ctx, c.bound)
	defer cancel()
	asked := c.clock.Now()
	return c.await(ctx, func() error {
		if !n.up || !n.status.Ready || n.seen < asked {
			return fmt.Errorf("%s does not serve within %v", n.Name(), c.bound)
		}
		return nil
	})
}

// start runs the process. The caller holds mu, or is the first.
func (n *node) start() error {
	cmd := n.cluster.system.Command(n.member, n.cluster.peers)
	p, err := n.host.Start(host.Command{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Dir: n.member.Dir, Stdout: n.log, Stderr: n.log})
	if err != nil {
		return fmt.Errorf("start %s on %s: %w", cmd.Args[0], n.Name(), err)
	}
	n.process, n.killed = p, false
	n.cluster.mu.Lock()
	n.alive, n.fell = true, nil // what fell was the last process
	n.cluster.mu.Unlock()
	go n.watch(p)
	return nil
}

// watch notes an end that nobody asked for.
func (n *node) watch(p *host.Process) {
	<-p.Done()
	n.mu.Lock()
	wanted := n.killed || n.process != p
	n.killed = n.killed || !wanted
	n.mu.Unlock()
	if !wanted {
		n.fall(p)
	}
}

// fall notes that the process has ended, which nobody wanted.
func (n *node) fall(p *host.Process) {
	c := n.cluster
	err := fmt.Errorf("%s ended by itself (%v)%s", n.Name(), p.State(), n.log.quote())
	e := history.Event{At: c.clock.Now(), Kind: history.Harness, Detail: err.Error()}
	if c.hasStarted() && !byOthers(p.State()) && n.log.lacks() == "" {
		e.Kind, e.Subject, e.Detail = history.Ended, n.Name(), fmt.Sprintf("%v, after: %s", p.State(), n.log.complaint())
	}
	c.doom(e, err)
	c.mu.Lock()
	n.fell, n.alive = err, false
	c.mu.Unlock()
	c.saw(n, Status{}, err)
}

// byOthers says whether the process was ended by a signal that programs do not send themselves: that of the
// machine when its memory is full, and those of people, which a program may also take as a request, and end in order.
func byOthers(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return s.Success() || ok && w.Signaled() && slices.Contains([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, w.Signal())
}

// hold has the strike hold the node in the state, and says what of it was seen.
func (n *node) hold(strike int, s State) (seen string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	others, dead := n.holds[s], n.holds[Dead]
	switch {
	case s == Paused && len(dead) > 0 && strike == byHand:
		return "", fmt.Errorf("pause %s: it is dead, held so by %s", n.Name(), holders(dead))
	case s == Paused && len(dead) > 0: // by a strike of the same instant: whichever comes first
		seen = fmt.Sprintf("%s is dead, held so by %s, and is stopped as soon as it is started", n.Name(), holders(dead))
	case len(others) > 0:
		seen, err = n.look(s)
		seen += fmt.Sprintf(", and was before: held so by %s", holders(others))
	default:
		seen, err = n.enter(strike, s)
	}
	if err != nil {
		return "", err
	}
	n.holds[s] = append(n.holds[s], strike)
	n.settle()
	return seen, nil
}

// holders names strikes, as the summary counts them.
func holders(strikes []int) string {
	var names []string
	for _, i := range strikes {
		name := fmt.Sprintf("strike %d", i+1)
		if i == byHand {
			name = "a command"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// enter puts the node into the state, or leaves it as it was.
func (n *node) enter(strike int, s State) (seen string, err error) {
	if s == Paused {
		if err = n.process.Pause(); err == nil {
			seen, err = n.look(s)
		}
		if err != nil {
			return "", errors.Join(err, n.process.Resume())
		}
		return seen, nil
	}
	if n.ended() && strike != byHand {
		return "", fmt.Errorf("kill %s: its process has ended by itself (%v)", n.Name(), n.process.State())
	}
	n.killed = true
	if err := n.process.Kill(); err != nil {
		n.killed = false
		return "", fmt.Errorf("kill %s: %w", n.Name(), err)
	}
	n.cluster.mu.Lock()
	n.alive = false
	n.cluster.mu.Unlock()
	n.cluster.saw(n, Status{}, errors.New("killed"))
	return n.look(s)
}

func (n *node) ended() bool {
	select {
	case <-n.process.Done():
		return true
	default:
		return false
	}
}

// look says what is seen of the process; an error where it is not in the state.
func (n *node) look(s State) (seen string, err error) {
	pid := n.process.PID()
	if s == Dead {
		if !n.ended() {
			return "", fmt.Errorf("kill %s: process %d is still there", n.Name(), pid)
		}
		return fmt.Sprintf("process %d of %s is gone (%v)", pid, n.Name(), n.process.State()), nil
	}
	threads, stopped, err := n.threads()
	switch {
	case err != nil:
		return "", fmt.Errorf("look at process %d of %s: %w", pid, n.Name(), err)
	case s == Paused && stopped < threads:
		return "", fmt.Errorf("pause %s: %d of %d threads of process %d are not stopped", n.Name(), threads-stopped, threads, pid)
	case s == Running && stopped > 0:
		return "", fmt.Errorf("resume %s: %d of %d threads of process %d are still stopped", n.Name(), stopped, threads, pid)
	case s == Paused:
		return fmt.Sprintf("process %d of %s is stopped, all of its %d threads", pid, n.Name(), threads), nil
	}
	return fmt.Sprintf("process %d of %s runs", pid, n.Name()), nil
}

// release has the strike let go of the state; the last to let go starts or resumes the process.
// It says what of it was seen, and by how many moves it can be told whether anybody moved the node since.
func (n *node) release(strike int, s State) (seen string, moves int, last bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.holds[s], strike)
	others := slices.Delete(slices.Clone(n.holds[s]), i, i+1)
	switch {
	case len(others) > 0:
		seen = fmt.Sprintf("%s is still held %s by %s", n.Name(), s, holders(others))
	case s == Paused && len(n.holds[Dead]) > 0:
		seen = fmt.Sprintf("%s is dead, held so by %s", n.Name(), holders(n.holds[Dead]))
	default:
		seen, last, err = n.leave(s)
	}
	if err != nil {
		return "", 0, false, err
	}
	n.holds[s] = others
	n.settle()
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	return seen, n.moves, last, nil
}

// leave starts or resumes the process, and says what of it is seen, and whether nobody holds it any more.
func (n *node) leave(s State) (seen string, free bool, err error) {
	if s == Paused {
		if err := n.process.Resume(); err != nil {
			return "", false, fmt.Errorf("resume %s: %w", n.Name(), err)
		}
		seen, err = n.look(Running)
		return seen, true, err
	}
	if n.ended() { // or it runs already: it was started, and then could not be paused
		if err := n.start(); err != nil {
			return "", false, err
		}
	}
	if others := n.holds[Paused]; len(others) > 0 {
		err := n.process.Pause()
		return fmt.Sprintf("process %d of %s is started, and stopped: held paused by %s", n.process.PID(), n.Name(), holders(others)), false, err
	}
	seen, err = n.look(Running)
	return seen, true, err
}

// close kills the process for good.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.end()
	_ = n.closer.Close() // write errors have shown in what was written
}

// end kills the process, unless it has just ended by itself, of what it was asked last, and nobody has noted that yet. The caller holds mu.
func (n *node) end() {
	noted := n.killed
	n.killed = true
	_ = n.process.Kill() // the end of the tree ends it in any case
	if !noted && n.ended() && !byOthers(n.process.State()) {
		n.fall(n.process)
	}
}

// sampleEvery is how often each node is asked how it is, in parts of an election
// timeout; never more often than leastSample.
const (
	samplesPerTimeout = 20
	leastSample       = 20 * time.Millisecond
)

// sample asks the node how it is, until ctx ends.
func (n *node) sample(ctx context.Context) {
	every := max(n.cluster.timeout/samplesPerTimeout, leastSample)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		sctx, cancel := context.WithTimeout(ctx, max(n.cluster.timeout/2, 10*every))
		st, err := n.cluster.system.Status(sctx, n.member, n.host.Dial)
		cancel()
		if ctx.Err() != nil {
			return
		}
		n.see(st, err)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// see passes a sample on unless the node is held dead: an answer that was under
// way when it was killed is no sign of life.
func (n *node) see(st Status, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.holds[Dead]) > 0 {
		return
	}
	if err != nil && len(n.holds[Paused]) == 0 && n.stopped() {
		err := fmt.Errorf("%s was stopped (SIGSTOP) by someone else", n.Name())
		n.cluster.doom(history.Event{Kind: history.Harness, Detail: err.Error()}, err)
	}
	n.cluster.saw(n, st, err)
}

// stopped says whether the process is.
func (n *node) stopped() bool {
	threads, stopped, err := n.threads()
	return err == nil && threads > 0 && stopped == threads
}

// threads is how many threads the process has, and how many of them are stopped (proc(5), state T).
func (n *node) threads() (all, stopped int, err error) {
	dir := fmt.Sprintf("/proc/%d/task", n.process.PID())
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range tasks {
		stat, err := os.ReadFile(dir + "/" + t.Name() + "/stat")
		if err != nil { // it ended meanwhile
			continue
		}
		all++
		// The name before it may hold anything, parentheses as well.
		if i := bytes.LastIndex(stat, []byte(") ")); i >= 0 && bytes.HasPrefix(stat[i+2:], []byte("T")) {
			stopped++
		}
	}
	return all, stopped, nil
}

// nodeView is a node as one strike sees it.
type nodeView struct {
	*node
	view view
}

var _ Node = nodeView{}

// State is what the node was held in at the strike's snapshot.
func (v nodeView) State() State {
	if told := v.view.told; told != nil {
		return told.state(v.Name())
	}
	return v.node.State()
}

// Hold puts the node into the state, and logs it with what was seen of it.
func (v nodeView) Hold(ctx context.Context, s State) (func(context.Context) error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.view.begin()
	seen, err := v.hold(v.view.strike, s)
	if err != nil {
		return nil, err
	}
	v.log(history.Held, s.String())
	v.log(history.Verified, "struck: "+seen)
	return v.view.leave(v.Name()+" "+s.String(), func(context.Context) error { return v.letGo(s) }), nil
}

// HoldAll holds the nodes by one goroutine each, so that how long one takes does not set the others apart, and releases them so.
func (v view) HoldAll(ctx context.Context, nodes []Node, s State) (func(context.Context) error, error) {
	releases := make([]func(context.Context) error, len(nodes))
	err := forEach(len(nodes), func(i int) (err error) {
		releases[i], err = nodes[i].Hold(ctx, s)
		return err
	})
	release := func(ctx context.Context) error {
		return forEach(len(nodes), func(i int) error {
			if releases[i] == nil { // it could not be held
				return nil
			}
			return releases[i](ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(err, release(context.WithoutCancel(ctx)))
	}
	return release, nil
}

// forEach does f with every number below n at once, and joins the errors.
func forEach(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// letGo releases the hold; that the node answers again is seen in the background, and awaited before the run is over.
func (v nodeView) letGo(s State) error {
	c := v.cluster
	seen, moves, free, err := v.release(v.view.strike, s)
	if err != nil {
		return err
	}
	v.log(history.Released, s.String())
	if !free {
		v.log(history.Verified, "healed: "+seen)
		return nil
	}
	released := c.clock.Now()
	c.verifying.Go(func() { v.seeBack(seen, released, moves) })
	return nil
}

// seeBack logs that the node is healed, once it answers again or did not within its bound; nothing where the run was over before.
func (v nodeView) seeBack(runs string, released time.Duration, moves int) {
	if answers := v.answers(released, moves); answers != "" {
		v.log(history.Verified, "healed: "+runs+answers)
	}
}

// answers waits, bounded, for the node to answer again, and says whether it did, "" where the run was over before it could. That
// its process runs has been seen: a system that does not answer all the same is what the run is to find out.
func (v nodeView) answers(released time.Duration, moves int) string {
	c := v.cluster
	ctx, cancel := context.WithTimeout(context.Background(), c.bound)
	defer cancel()
	moved, over := false, false
	err := c.await(ctx, func() error {
		moved = v.moves != moves
		if moved || v.up && v.seen >= released {
			return nil
		}
		if over = c.closed; over {
			return nil
		}
		return fmt.Errorf("it does not answer within %v", c.bound)
	})
	switch {
	case over:
		return ""
	case err != nil:
		return ", but " + err.Error()
	case moved:
		return ", and was struck again before it was asked"
	}
	return fmt.Sprintf(", and answers again after %v", (c.clock.Now() - released).Round(time.Millisecond))
}

func (v nodeView) log(k history.EventKind, detail string) {
	v.view.log(k, v.Name(), detail)
}
