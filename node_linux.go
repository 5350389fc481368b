package reckon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/history"
	"github.com/reckon-bench/reckon/host"
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

	mu      sync.Mutex // one hold or release at a time
	process *host.Process
	holds   map[State]int
	killed  bool // its end is wanted
}

func (n *node) Name() string { return n.member.Name }

// State is what the node is held in.
func (n *node) State() State {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.holds[Dead] > 0:
		return Dead
	case n.holds[Paused] > 0:
		return Paused
	}
	return Running
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

func (n *node) live(alive bool) {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	n.alive = alive
}

// watch notes an end that nobody asked for.
func (n *node) watch(p *host.Process) {
	<-p.Done()
	n.mu.Lock()
	wanted := n.killed || n.process != p
	n.mu.Unlock()
	if wanted {
		return
	}
	err := fmt.Errorf("%s ended by itself (%v)%s", n.Name(), p.State(), n.log.quote())
	n.cluster.doom(err)
	n.cluster.mu.Lock()
	n.fell, n.alive = err, false
	n.cluster.mu.Unlock()
	n.cluster.saw(n, Status{}, err)
}

// hold puts the node into the state, and says what of it was seen.
func (n *node) hold(s State) (seen string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	pid := n.process.PID()
	n.holds[s]++
	if n.holds[s] == 1 && (s == Dead || n.holds[Dead] == 0) {
		if err := n.enter(s); err != nil {
			n.holds[s]--
			return "", fmt.Errorf("hold %s %s: %w", n.Name(), s, err)
		}
	}
	if s == Dead {
		return fmt.Sprintf("process %d of %s is gone", pid, n.Name()), nil
	}
	return fmt.Sprintf("process %d of %s is stopped", pid, n.Name()), nil
}

func (n *node) enter(s State) error {
	if s == Paused {
		return n.process.Pause()
	}
	n.killed = true
	if err := n.process.Kill(); err != nil {
		n.killed = false
		return err
	}
	n.live(false)
	n.cluster.saw(n, Status{}, errors.New("killed"))
	return nil
}

// release lets go of the state once; the last to let go starts or resumes the process.
func (n *node) release(s State) (last bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.holds[s]--
	if n.holds[s] > 0 {
		return false, nil
	}
	switch {
	case s == Dead:
		if err := n.start(); err != nil {
			return false, err
		}
		if n.holds[Paused] > 0 { // someone else still holds it paused
			return false, n.process.Pause()
		}
	case n.holds[Dead] == 0:
		if err := n.process.Resume(); err != nil {
			return false, fmt.Errorf("resume %s: %w", n.Name(), err)
		}
	default: // dead, and stays so
		return false, nil
	}
	return true, nil
}

// close kills the process for good.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.killed = true
	_ = n.process.Kill() // the end of the tree ends it in any case
	_ = n.closer.Close() // write errors have shown in what was written
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
	if n.holds[Dead] > 0 {
		return
	}
	if err != nil && n.holds[Paused] == 0 && n.stopped() {
		n.cluster.doom(fmt.Errorf("%s was stopped (SIGSTOP) by someone else", n.Name()))
	}
	n.cluster.saw(n, st, err)
}

// stopped says whether the process is (proc(5), state T).
func (n *node) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.process.PID()))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "T")
}

// nodeView is a node as one strike sees it.
type nodeView struct {
	*node
	strike int
}

var _ Node = nodeView{}

// Hold puts the node into the state, and logs it with what was seen of it.
func (v nodeView) Hold(ctx context.Context, s State) (func(context.Context) error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seen, err := v.hold(s)
	if err != nil {
		return nil, err
	}
	v.log(history.Held, s.String())
	v.log(history.Verified, "struck: "+seen)
	var once sync.Once
	return func(context.Context) (err error) {
		once.Do(func() { err = v.letGo(s) })
		return err
	}, nil
}

// letGo releases the hold; that the node answers again is seen in the background, and awaited before the run is over.
func (v nodeView) letGo(s State) error {
	c := v.cluster
	last, err := v.release(s)
	if err != nil {
		return err
	}
	released := c.clock.Now()
	v.log(history.Released, s.String())
	if !last {
		v.log(history.Verified, fmt.Sprintf("healed: %s is still held by another strike", v.Name()))
		return nil
	}
	c.verifying.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), c.bound)
		defer cancel()
		err := c.await(ctx, func() error {
			if !v.up || !v.status.Ready || v.seen < released {
				return fmt.Errorf("%s does not answer %v after its release", v.Name(), c.bound)
			}
			return nil
		})
		if err != nil {
			v.log(history.Missed, "heal: "+err.Error())
			return
		}
		v.log(history.Verified, fmt.Sprintf("healed: %s answers again after %v", v.Name(), (c.clock.Now()-released).Round(time.Millisecond)))
	})
	return nil
}

func (v nodeView) log(k history.EventKind, detail string) {
	v.cluster.event(history.Event{Kind: k, Subject: v.Name(), Detail: detail, Data: map[string]float64{"strike": float64(v.strike)}})
}
