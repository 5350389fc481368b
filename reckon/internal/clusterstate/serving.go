package clusterstate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// An Answer is how a client's operation ended that was sent through one node.
type Answer struct {
	Node         string
	Kind         history.Kind
	OK           bool // it was answered
	Call, Return time.Duration
}

// answers is what became of the operations of one kind through a node.
type answers struct {
	since  time.Duration // when the first was answered of those that have been since; Never where the last was not
	asked  time.Duration // when the newest that was answered was called; Never
	last   time.Duration // when one was last answered; Never
	back   time.Duration // when one was last answered after none had been for longer than an election timeout; Never
	call   time.Duration // when the newest that was not answered was called; Never
	end    time.Duration // when that was given up
	failed bool          // one was not answered while the process ran
}

func newAnswers() answers {
	return answers{since: Never, asked: Never, last: Never, back: Never, call: Never, end: Never}
}

// see takes an operation in. One that was not answered counts unless another was answered that was
// called later, or has been answered since it was given up: what was sent into a cut may be given up
// long after the node answers others.
func (a *answers) see(ok bool, call, end, timeout time.Duration) {
	if ok {
		if a.last != Never && end-a.last > timeout {
			a.back = end
		}
		a.last, a.asked = max(a.last, end), max(a.asked, call)
	} else if call > a.call {
		a.call, a.end, a.failed = call, end, true
	}
	switch serves := a.asked > a.call || a.last > a.end; {
	case !serves:
		a.since = Never
	case ok && a.since == Never:
		a.since = end
	}
}

// ended notes that the node's process ended: what was answered before says nothing any more.
func (a *answers) ended(now time.Duration) {
	a.since, a.call, a.end, a.failed = Never, now, now, false
}

// A healing is the end of what a strike did to a node.
type healing struct {
	strike int
	at     time.Duration
	held   bool // the node was dead or paused, and so served nobody
}

// healSlack is how long before the event that records it a heal may have had its effect.
const healSlack = 100 * time.Millisecond

// Answered records how a client's operation ended that was sent through one node, and returns the
// events that follow from it. A failed write alone does not mean that the node does not serve reads.
func (m *Monitor) Answered(a Answer) (events []history.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return nil
	}
	n := m.find(a.Node)
	if a.Kind == history.Write {
		n.writes.see(a.OK, a.Call, a.Return, m.timeout)
	}
	if a.Kind == history.Read || a.OK {
		n.reads.see(a.OK, a.Call, a.Return, m.timeout)
	}
	if a.OK {
		events = n.serveAgain(a.Return)
	}
	m.change()
	return events
}

// serveAgain returns an event for each strike on the node that was healed before that instant, at
// which the node answered a client. One that was only touched by a change of links, and answered
// others less than an election timeout before, had served all along.
func (n *Observation) serveAgain(at time.Duration) (events []history.Event) {
	n.healed = slices.DeleteFunc(n.healed, func(h healing) bool {
		if at < h.at {
			return false
		}
		if h.held || n.reads.back == at {
			events = append(events, history.NewServed(h.strike, n.Name, at-h.at).When(at))
		}
		return true
	})
	return events
}

// Healed takes from an event of a strike which nodes the strike no longer acts on, and returns the
// events that follow from it. Other events are passed over.
func (m *Monitor) Healed(e history.Event) (events []history.Event) {
	strike, ok := e.Strike()
	if !ok {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Kind {
	case history.Released:
		events = m.find(e.Subject).heal(healing{strike, e.At, true})
	case history.Restored:
		for _, n := range m.nodes {
			if slices.ContainsFunc(e.Overlay, func(l history.Layer) bool { return l.From == n.Name || l.To == n.Name }) {
				events = append(events, n.heal(healing{strike, e.At, false})...)
			}
		}
	}
	return events
}

func (n *Observation) heal(h healing) []history.Event {
	if back := n.reads.back; !h.held && back != Never && back >= h.at-healSlack {
		return []history.Event{history.NewServed(h.strike, n.Name, max(0, back-h.at)).When(back)}
	}
	n.healed = slices.DeleteFunc(n.healed, func(x healing) bool { return x.strike == h.strike })
	n.healed = append(n.healed, h)
	return nil
}

// Steady returns since when every node has served and the same leader, where there is to be one, has
// led for two election timeouts: that may have been long before anybody asked. A node that was
// asked for no write before is taken to have acknowledged writes since it has answered reads.
func (m *Monitor) Steady() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var at time.Duration
	if !m.serving.Leaderless {
		at = m.since + 2*m.timeout
	}
	for _, n := range m.nodes {
		at = max(at, n.reads.since)
		if n.writes.failed && !m.serving.ReadOnly {
			at = max(at, n.writes.since)
		}
	}
	return at
}

// Settled returns nil where clients have been served through every node, as seen by operations that
// began at that instant or later, and the same node has led for two election timeouts. Its error is a
// NotReady where a node does not serve.
func (v View) Settled(now, asked time.Duration) error {
	for _, n := range v.m.nodes {
		if missing := v.missing(n, asked); missing != "" {
			return NotReady{n.Name, missing}
		}
	}
	if v.m.serving.Leaderless {
		return nil
	}
	if err := v.Led(); err != nil {
		return err
	}
	for _, n := range v.m.nodes {
		if n.Seen < asked {
			return fmt.Errorf("%s has not been asked who leads since", n.Name)
		}
	}
	if stood := now - v.m.since; stood < 2*v.m.timeout {
		return fmt.Errorf("%s has led for %v only", v.m.leading.Node, stood.Round(time.Millisecond))
	}
	return nil
}

// missing returns what the node has not done for clients since it was asked to; "" where it serves.
func (v View) missing(n *Observation, asked time.Duration) string {
	served := func(a answers) bool { return a.since != Never && a.asked >= asked }
	switch {
	case !served(n.reads):
		return cmp.Or(v.m.serving.Read, "a read") + " through it alone is not answered"
	case !v.m.serving.ReadOnly && !served(n.writes):
		return "a write through it alone is not acknowledged"
	}
	return ""
}
