package reckon

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// cluster is the system under test: its processes, what they last said of
// themselves, and everything that is done to them.
type cluster struct {
	system  System
	peers   []Member
	clock   clock.Clock
	event   func(history.Event)
	doom    func(history.Event, error) // nothing that follows can be right: a process ended that nobody had killed
	net     *link.Net
	witness *witness                                  // of overlays; nil sees nothing
	packets *captures                                 // are told of cuts; nil where there are none
	open    func(name string) (io.WriteCloser, error) // a log
	timeout time.Duration                             // election timeout
	bound   time.Duration                             // for a released node to answer again

	crews []*crew               // of the run's workloads
	hosts map[string]*host.Host // all of the run's
	used  []string              // those that are members or clients

	verifying sync.WaitGroup // heals that are yet to be seen
	cables    cables

	mu      sync.Mutex
	ready   bool // all were ready once: a process that ends by itself from here on is the store's doing
	closed  bool // the run is over: what falls silent now is no event, and what comes back is not its heal
	led     map[uint64]string
	nodes   []*node
	leading leading
	since   time.Duration   // since when it has been so
	changed chan struct{}   // closed and replaced whenever any of this changes
	marks   map[int][]*mark // by strike: what it did and has not undone
}

// never is when what has not happened did.
const never = time.Duration(-1)

// leading says who leads; node "" is nobody.
type leading struct {
	node string
	term uint64
}

func newCluster(r *run) *cluster {
	c := &cluster{
		system: r.plan.system, peers: r.plan.Members, clock: r.clock, event: r.event, doom: r.doomedAs, net: r.net, witness: r.witness, packets: &r.captures,
		open: r.recorder.Log, timeout: r.plan.Options.FailureTimeout, bound: r.plan.Bounds.Settle,
		hosts: r.hosts, changed: make(chan struct{}), led: map[uint64]string{}, marks: map[int][]*mark{},
	}
	if r.witness != nil {
		r.witness.cables = &c.cables
	}
	for _, h := range r.plan.Hosts {
		if h.Role != "idle" {
			c.used = append(c.used, h.Name)
		}
	}
	return c
}

// add starts the member's process on the host.
func (c *cluster) add(m Member, h *host.Host) error {
	log, err := c.open(m.Name)
	if err != nil {
		return err
	}
	tail := &tail{w: log}
	n := &node{cluster: c, member: m, host: h, log: tail, closer: log, serves: never, holds: map[State][]int{}}
	if err := n.start(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return nil
}

// saw notes what a node said of itself: st, or, where err is not nil, nothing.
// A node that does not answer is down, but what it said last of leading stands
// until it says otherwise, another leads a later term, or it is dead: on a busy machine an answer
// may be late, and that is no election.
func (c *cluster) saw(n *node, st Status, err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	st.Leader = st.Leader && c.believes(n, st.Term)
	var events []history.Event
	up, now := err == nil, c.clock.Now()
	if up != n.up {
		e := history.Event{At: now, Kind: history.Up, Subject: n.Name()}
		if !up {
			e.Kind, e.Detail = history.Down, err.Error()
		}
		events = append(events, e)
	}
	n.up, n.seen = up, now
	if !up || !st.Ready {
		n.serves = never
	} else if n.serves == never {
		n.serves = n.seen
	}
	if up && n.status.Leader && !st.Leader {
		c.led[n.status.Term] = "" // who stepped down leads that term no more: elected again, it may first answer with it
	}
	if up || !n.alive {
		n.status = st
	}
	if l := c.leader(); l != c.leading {
		c.leading, c.since = l, now
		e := history.Event{At: now, Kind: history.Leads, Subject: l.node}
		if l.node != "" {
			e.Data = map[string]float64{"term": float64(l.term)}
		}
		events = append(events, e)
	}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	for _, e := range events {
		c.event(e)
	}
}

// believes says whether the node's claim to lead the term can be. A term has at
// most one leader (Ongaro & Ousterhout 2014, Election Safety), but a member that is asked in
// the middle of its election may answer that it leads with the term before: it will be asked again.
func (c *cluster) believes(n *node, term uint64) bool {
	if other, ok := c.led[term]; ok {
		return other == n.Name()
	}
	c.led[term] = n.Name()
	return true
}

// leader is the node that claims to lead; of several, the one with the highest term.
func (c *cluster) leader() (l leading) {
	for _, n := range c.nodes {
		if n.status.Leader && (l.node == "" || n.status.Term > l.term) {
			l = leading{n.Name(), n.status.Term}
		}
	}
	return l
}

// await waits until the condition, asked whenever something changes, gives no
// reason against it. When ctx ends first the error is that reason; when a node's process ended unasked, it is how.
func (c *cluster) await(ctx context.Context, condition func() error) error {
	for {
		c.mu.Lock()
		why, changed := condition(), c.changed
		dead := c.fallen()
		c.mu.Unlock()
		if why == nil {
			return nil
		}
		if dead != nil {
			return dead
		}
		select {
		case <-changed:
		case <-time.After(c.timeout / 4): // conditions that time alone fulfils
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return why
		}
	}
}

// fallen is an error where a process ended that nobody had killed.
func (c *cluster) fallen() error {
	for _, n := range c.nodes {
		if n.fell != nil {
			return n.fell
		}
	}
	return nil
}

// allReady: every node that nobody holds serves, and one leads.
func (c *cluster) allReady() error {
	for _, n := range c.nodes {
		if !n.up || !n.status.Ready {
			return fmt.Errorf("%s is not ready%s", n.Name(), n.log.quote())
		}
	}
	if c.leading.node == "" {
		return errors.New("no node leads")
	}
	return nil
}

// started notes that all are ready.
func (c *cluster) started() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
}

func (c *cluster) hasStarted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

// settled: all ready, asked after that instant, and the same leader for two election timeouts.
func (c *cluster) settled(asked time.Duration) error {
	if err := c.allReady(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if n.seen < asked {
			return fmt.Errorf("%s has not answered since", n.Name())
		}
	}
	if stood := c.clock.Now() - c.since; stood < 2*c.timeout {
		return fmt.Errorf("%s has led for %v only", c.leading.node, stood.Round(time.Millisecond))
	}
	return nil
}

// stands is since when the cluster does, as settled has it: it may have been long before anybody asked.
func (c *cluster) stands() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.since + 2*c.timeout
	for _, n := range c.nodes {
		at = max(at, n.serves)
	}
	return at
}

func (c *cluster) leads() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leading.node
}

// over ends what is watched: whatever ends from now on is ended by the run, and a heal that nobody has seen by now is not seen.
func (c *cluster) over() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *cluster) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// close kills every process; that is no fault.
func (c *cluster) close() {
	c.over()
	var wg sync.WaitGroup
	c.mu.Lock()
	nodes := slices.Clone(c.nodes)
	c.mu.Unlock()
	for _, n := range nodes {
		wg.Go(n.close)
	}
	wg.Wait()
}

// as is the cluster as strike number i sees it, that is told by the snapshot; nil tells how things are.
func (c *cluster) as(i int, told *snapshot) Cluster { return view{c, i, told, &began{}} }

// view is a Cluster whose doings are logged under one strike's number.
type view struct {
	*cluster
	strike int
	told   *snapshot
	began  *began
}

// began is the instant just before a view first did something.
type began struct {
	mu sync.Mutex
	at time.Duration
	ok bool
}

// begin notes that the view is about to do something.
func (v view) begin() {
	v.began.mu.Lock()
	defer v.began.mu.Unlock()
	if !v.began.ok {
		v.began.at, v.began.ok = v.clock.Now(), true
	}
}

// acted is when the view first did something, false where it did nothing.
func (v view) acted() (time.Duration, bool) {
	v.began.mu.Lock()
	defer v.began.mu.Unlock()
	return v.began.at, v.began.ok
}

var (
	_ Cluster     = view{}
	_ GroupHolder = view{}
	_ actor       = view{}
)

func (v view) Nodes() []Node {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ns []Node
	for _, n := range v.nodes {
		ns = append(ns, nodeView{n, v})
	}
	return ns
}

func (v view) Links() link.Matrix { return v.net.Links() }

// look is a snapshot of now.
func (c *cluster) look() *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &snapshot{leader: c.leading.node, states: map[string]State{}}
	for _, n := range c.nodes {
		s.states[n.Name()] = n.State()
	}
	return s
}

// leaderBound is how long Leader waits for one, in election timeouts: four times over what
// even a split vote or two take.
const leaderBound = 20

// Leader is who led at the view's snapshot, or the first one to lead since.
func (v view) Leader(ctx context.Context) (Node, error) {
	name := v.told.leads()
	if name == "" {
		ctx, cancel := context.WithTimeout(ctx, leaderBound*v.timeout)
		defer cancel()
		err := v.await(ctx, func() error {
			if name = v.leading.node; name == "" {
				return fmt.Errorf("%w within %v", errNoLeader, leaderBound*v.timeout)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		name = v.told.found(name, v.look().states)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.nodes, func(n *node) bool { return n.Name() == name })
	return nodeView{v.nodes[i], v}, nil
}

// tail passes what is written on, and keeps the last of it for error messages.
type tail struct {
	w    io.Writer
	mu   sync.Mutex
	last []byte
	line []byte // the one that is being written, or its beginning
	why  string // the last line that says why a program ends
}

// tailBytes is enough for the dozens of lines, a stack among them, in which a program says why it ends.
const tailBytes = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, b...)
	if n := len(t.last); n > tailBytes {
		t.last = slices.Clone(t.last[n-tailBytes:])
	}
	for l := range bytes.Lines(b) {
		t.line = append(t.line, l[:min(len(l), max(0, tailBytes-len(t.line)))]...)
		if l[len(l)-1] != '\n' {
			break
		}
		if s := string(bytes.TrimSpace(t.line)); complains(s) {
			t.why = s
		}
		t.line = t.line[:0]
	}
	t.mu.Unlock()
	return t.w.Write(b)
}

// complains says whether the line is one in which a program says why it ends: what follows it are stacks, in Go those of
// all goroutines, which may be more than is kept.
func complains(line string) bool {
	for _, begins := range []string{"panic: ", "fatal error: ", "SIG"} {
		if strings.HasPrefix(line, begins) {
			return true
		}
	}
	return strings.Contains(line, `"level":"fatal"`)
}

// complaint is the line in which a program says why it ends, as far as one can be told from the others; or else the last one.
func (t *tail) complaint() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	ls := strings.Split(strings.TrimSpace(string(t.last)), "\n")
	said := cmp.Or(t.why, ls[len(ls)-1], "it printed nothing")
	return said[:min(len(said), 300)]
}

// lacks is what the machine did not give the program, as its last words have it; "" where they name nothing of the kind.
func (t *tail) lacks() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := strings.ToLower(t.why + "\n" + string(t.last))
	for _, what := range []string{
		unix.ENOSPC.Error(), unix.EDQUOT.Error(), unix.EIO.Error(), unix.EROFS.Error(), unix.ENOMEM.Error(), unix.EMFILE.Error(), unix.ENFILE.Error(),
		"out of memory", "failed to create new os thread", "newosproc", // thus Go's runtime
	} {
		if strings.Contains(last, what) {
			return what
		}
	}
	return ""
}

// quote is the last lines, each on a line of its own and indented.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(string(t.last))
	if s == "" {
		return "; it printed nothing"
	}
	ls := strings.Split(s, "\n")
	ls = ls[max(0, len(ls)-8):]
	for i, l := range ls {
		ls[i] = "    " + l[:min(len(l), 300)]
	}
	return "; it last printed:\n" + strings.Join(ls, "\n")
}
