// Package clusterstate decides, from what was observed of a cluster, who leads and who serves
// (Monitor), who is held dead or paused (Holds), what a strike has not undone (Ledger), and what
// strikes of one instant are shown (Snapshot).
//
// It is pure: it knows no clock and no operating system, and is the same for real clusters and
// simulated ones.
package clusterstate

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Never is the time of what has not happened.
const Never = time.Duration(-1)

// Leading is who leads, in which term. Node "" is nobody.
type Leading struct {
	Node string
	Term uint64
}

// An Observation is what was last seen of one node.
type Observation struct {
	Name   string
	Up     bool          // it answered when it was last asked
	Alive  bool          // its process runs
	Status reckon.Status // its last answer; of a dead node, the zero Status
	Seen   time.Duration // when it was last asked
	Fell   error         // its process ended by itself
	Moves  int           // how often it was started, killed, paused or resumed
	Serves time.Duration // since when it has been ready; Never where it is not
}

// A Monitor keeps what was last observed of every node of a cluster. It is safe for concurrent use.
type Monitor struct {
	mu      sync.Mutex
	nodes   []*Observation
	led     map[uint64]string // who led each term; "" is one who has stepped down
	leading Leading
	since   time.Duration // since when that has been so
	started bool          // all nodes were ready once
	over    bool
	changed chan struct{} // closed and replaced whenever any of this changes
}

// NewMonitor returns a monitor of no nodes.
func NewMonitor() *Monitor {
	return &Monitor{led: map[uint64]string{}, changed: make(chan struct{})}
}

// Add adds a node that has not been observed yet.
func (m *Monitor) Add(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = append(m.nodes, &Observation{Name: node, Serves: Never})
}

func (m *Monitor) find(node string) *Observation {
	for _, n := range m.nodes {
		if n.Name == node {
			return n
		}
	}
	return &Observation{} // nobody asks about it again
}

// Ran records that the node's process was started: how an earlier one ended is past.
func (m *Monitor) Ran(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(node)
	n.Alive, n.Fell = true, nil
}

// Killed records that the node's process was killed, and returns the events that follow from it.
func (m *Monitor) Killed(now time.Duration, node string) []history.Event {
	m.mu.Lock()
	m.find(node).Alive = false
	m.mu.Unlock()
	return m.Saw(now, node, reckon.Status{}, errors.New("killed"))
}

// Fell records that the node's process ended by itself, and returns the events that follow from it.
func (m *Monitor) Fell(now time.Duration, node string, err error) []history.Event {
	m.mu.Lock()
	n := m.find(node)
	n.Fell, n.Alive = err, false
	m.mu.Unlock()
	return m.Saw(now, node, reckon.Status{}, err)
}

// Moved records that the node was started, killed, paused or resumed.
func (m *Monitor) Moved(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.find(node).Moves++
}

// Saw records a node's answer, or, where err is not nil, that it gave none, and returns the events
// that follow from it.
//
// A node that does not answer is down, but its last claim to lead stands until it says otherwise,
// another leads a later term, or it is dead: on a busy machine an answer may be late, and that is
// no election.
func (m *Monitor) Saw(now time.Duration, node string, st reckon.Status, err error) (events []history.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return nil
	}
	n := m.find(node)
	st.Leader = st.Leader && m.believes(node, st.Term)
	up := err == nil
	if up != n.Up {
		e := history.NewUp(node)
		if !up {
			e = history.NewDown(node, err)
		}
		events = append(events, e.When(now))
	}
	n.Up, n.Seen = up, now
	if !up || !st.Ready {
		n.Serves = Never
	} else if n.Serves == Never {
		n.Serves = now
	}
	if up && n.Status.Leader && !st.Leader {
		m.led[n.Status.Term] = "" // a node that stepped down does not lead that term again: elected again, it may first answer with it
	}
	if up || !n.Alive {
		n.Status = st
	}
	if l := m.leader(); l != m.leading {
		m.leading, m.since = l, now
		e := history.NewLeaderless()
		if l.Node != "" {
			e = history.NewLeads(l.Node, l.Term)
		}
		events = append(events, e.When(now))
	}
	m.change()
	return events
}

func (m *Monitor) change() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// believes reports whether the node's claim to lead the term can be true. A term has at most one
// leader (Ongaro & Ousterhout 2014, Election Safety), but a member that is asked in the middle of
// its election may answer that it leads with the term before: it will be asked again.
func (m *Monitor) believes(node string, term uint64) bool {
	if other, ok := m.led[term]; ok {
		return other == node
	}
	m.led[term] = node
	return true
}

// leader returns the node that claims to lead; of several, the one with the highest term.
func (m *Monitor) leader() (l Leading) {
	for _, n := range m.nodes {
		if n.Status.Leader && (l.Node == "" || n.Status.Term > l.Term) {
			l = Leading{n.Name, n.Status.Term}
		}
	}
	return l
}

// Leading returns who leads.
func (m *Monitor) Leading() Leading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leading
}

// Node returns what was last seen of the node.
func (m *Monitor) Node(name string) Observation {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.find(name)
}

// Start records that all nodes are ready: a process that ends by itself from here on is the store's
// doing.
func (m *Monitor) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started = true
}

// Started reports whether all nodes were ready once.
func (m *Monitor) Started() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.started
}

// End records that the run is over: whatever falls silent from now on is no event, and a heal that
// has not been observed by now is not observed.
func (m *Monitor) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	m.change()
}

// Over reports whether the run is over.
func (m *Monitor) Over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over
}

// Steady returns since when every node has served and the same leader has led for two election
// timeouts: that may have been long before anybody asked.
func (m *Monitor) Steady(electionTimeout time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.since + 2*electionTimeout
	for _, n := range m.nodes {
		at = max(at, n.Serves)
	}
	return at
}

// Ask calls the condition with the present state. It returns the condition's error, nil where it
// holds; otherwise also how a process ended by itself, if one did, and a channel that is closed at
// the next change.
func (m *Monitor) Ask(condition func(View) error) (changed <-chan struct{}, fell, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if why = condition(View{m}); why == nil {
		return nil, nil, nil
	}
	for _, n := range m.nodes {
		if n.Fell != nil {
			return m.changed, n.Fell, why
		}
	}
	return m.changed, nil, why
}

// A View is the state that a condition is asked about. It is valid during that call only.
type View struct{ m *Monitor }

// Nodes returns what was last seen of every node.
func (v View) Nodes() (all []Observation) {
	for _, n := range v.m.nodes {
		all = append(all, *n)
	}
	return all
}

// Node returns what was last seen of the node.
func (v View) Node(name string) Observation { return *v.m.find(name) }

// Leading returns who leads.
func (v View) Leading() Leading { return v.m.leading }

// Over reports whether the run is over.
func (v View) Over() bool { return v.m.over }

// NotReady is the error of a node that does not serve.
type NotReady struct{ Node string }

func (e NotReady) Error() string { return e.Node + " is not ready" }

// AllReady returns nil where every node serves and one leads. Its error is a NotReady where a node
// does not serve.
func (v View) AllReady() error {
	for _, n := range v.m.nodes {
		if !n.Up || !n.Status.Ready {
			return NotReady{n.Name}
		}
	}
	if v.m.leading.Node == "" {
		return errors.New("no node leads")
	}
	return nil
}

// Settled returns nil where all nodes are ready, have been asked since that instant, and the same
// one has led for two election timeouts.
func (v View) Settled(now, asked, electionTimeout time.Duration) error {
	if err := v.AllReady(); err != nil {
		return err
	}
	for _, n := range v.m.nodes {
		if n.Seen < asked {
			return fmt.Errorf("%s has not answered since", n.Name)
		}
	}
	if stood := now - v.m.since; stood < 2*electionTimeout {
		return fmt.Errorf("%s has led for %v only", v.m.leading.Node, stood.Round(time.Millisecond))
	}
	return nil
}
