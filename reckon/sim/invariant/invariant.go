// Package invariant checks what must hold of a replicated log at every step: the properties of Raft (Ongaro & Ousterhout,
// "In Search of an Understandable Consensus Algorithm", 2014, figure 3), and that what is promised is durable.
//
// It is told what each node does, and keeps its own account of all of them. It knows no implementation of Raft, no clock and no disk.
package invariant

import (
	"fmt"
)

// The invariants by name.
const (
	ElectionSafety     = "election safety"      // at most one leader a term
	LeaderAppendOnly   = "leader append-only"   // a leader never overwrites or deletes entries of its log
	LogMatching        = "log matching"         // entries of one index and term have the same content and the same past
	LeaderCompleteness = "leader completeness"  // a committed entry is in the log of every leader of a later term
	StateMachineSafety = "state machine safety" // no two nodes apply different entries at an index, or skip one
	VoteDurable        = "vote durable"         // a vote is on the medium before it is sent
	CommitDurable      = "commit durable"       // a committed entry is on the media of a majority
	EntryDurable       = "entry durable"        // an entry is on the medium before it is acknowledged
	CommitMonotonic    = "commit monotonic"     // a running node's commit index never falls, and stays within its log
)

// A Violation is a broken invariant.
type Violation struct {
	Invariant string
	Detail    string
}

func (v *Violation) Error() string { return v.Invariant + ": " + v.Detail }

// An Entry is one of a log. The hash is that of all that counts of its content.
type Entry struct{ Index, Term, Hash uint64 }

// Status is what a node is.
type Status struct {
	Term, Commit uint64
	Leader       bool
	Last         Entry // of its log, whose hash does not count
}

// A Medium tells what of a node's log and state a power cut could not take away.
type Medium interface {
	// State returns the term and for whom it voted in that, 0 for nobody.
	State() (term, vote uint64)
	// Covers reports whether the index is in the log or a snapshot of it.
	Covers(index uint64) bool
	// TermOf returns the term of the log's entry, 0 where it is not known, as within a snapshot.
	TermOf(index uint64) uint64
}

// A Checker checks one cluster. Nodes are numbers.
type Checker struct {
	// Holders returns on how many of the voters' media the entry is, and how many of them are a majority. Where it is nil, CommitDurable is not
	// checked.
	Holders func(index, term uint64) (holders, majority int)

	name  func(node int) string
	fail  func(*Violation)
	nodes map[int]*account

	leaders   map[uint64]int     // by term
	past      map[uint64][]fact  // entries seen anywhere, by index
	committed []commit           // by index - 1: what the first node that knew it had
	applied   map[uint64]applied // by index
}

type account struct {
	status Status
	own    uint64 // highest index that it has appended as leader of its term
	at     uint64 // applied index
	state  uint64 // hash of its state there
	fresh  bool   // nothing is known since its restart
}

type fact struct {
	Entry
	prev uint64 // term of the entry before
	node int
}

type commit struct{ term, by uint64 }

type applied struct {
	term, hash, state uint64
	node              int
}

// New makes a checker that calls fail with each violation; name prints a node.
func New(name func(int) string, fail func(*Violation)) *Checker {
	return &Checker{
		name: name, fail: fail, nodes: map[int]*account{}, leaders: map[uint64]int{},
		past: map[uint64][]fact{}, applied: map[uint64]applied{},
	}
}

func (c *Checker) violated(invariant, format string, args ...any) {
	c.fail(&Violation{invariant, fmt.Sprintf(format, args...)})
}

func (c *Checker) node(n int) *account {
	a := c.nodes[n]
	if a == nil {
		a = &account{fresh: true}
		c.nodes[n] = a
	}
	return a
}

// Restart says that the node has started, from the applied index whose state has the hash.
func (c *Checker) Restart(n int, index, state uint64) {
	a := c.node(n)
	*a = account{fresh: true}
	c.Restored(n, index, state)
}

// Status says what the node is now. logTerm returns the term of an entry of its log, 0 where the log does not reach or
// a snapshot covers it.
func (c *Checker) Status(n int, s Status, logTerm func(uint64) uint64) {
	a := c.node(n)
	was := a.status
	fresh := a.fresh
	a.status, a.fresh = s, false
	if s.Leader && (fresh || !was.Leader || was.Term != s.Term) {
		a.own = 0
		c.elected(n, s, logTerm)
	}
	if !fresh && s.Commit < was.Commit {
		c.violated(CommitMonotonic, "%s goes back from commit index %d to %d", c.name(n), was.Commit, s.Commit)
	}
	if s.Commit > s.Last.Index {
		c.violated(CommitMonotonic, "%s has commit index %d, but its log ends at %d", c.name(n), s.Commit, s.Last.Index)
	}
	for i := uint64(len(c.committed)) + 1; i <= s.Commit; i++ {
		known := commit{logTerm(i), s.Term}
		c.committed = append(c.committed, known)
		if c.Holders == nil || known.term == 0 {
			continue
		}
		if has, majority := c.Holders(i, known.term); has < majority {
			c.violated(CommitDurable, "%s takes index %d of term %d for committed, which %d disks have where %d are a majority", c.name(n), i, known.term, has, majority)
		}
	}
}

func (c *Checker) elected(n int, s Status, logTerm func(uint64) uint64) {
	if other, ok := c.leaders[s.Term]; ok && other != n {
		c.violated(ElectionSafety, "%s and %s both lead term %d", c.name(other), c.name(n), s.Term)
	}
	c.leaders[s.Term] = n
	// The last entry that was committed in an earlier term stands for all before it, by log matching.
	for i := len(c.committed); i > 0; i-- {
		if known := c.committed[i-1]; known.by < s.Term {
			switch got := logTerm(uint64(i)); {
			case uint64(i) > s.Last.Index:
				c.violated(LeaderCompleteness, "%s leads term %d with a log up to %d, but index %d was committed in term %d", c.name(n), s.Term, s.Last.Index, i, known.by)
			case got != 0 && known.term != 0 && got != known.term:
				c.violated(LeaderCompleteness, "%s leads term %d with an entry of term %d at index %d, but that of term %d was committed in term %d", c.name(n), s.Term, got, i, known.term, known.by)
			}
			return
		}
	}
}

// Appended says which entries are now in the node's log from the first one's index to its end, as read back from where
// they are kept. prev is the term of the entry before, 0 where that is not known. leads says whether the node was the leader
// of its term when it decided to append them.
func (c *Checker) Appended(n int, prev uint64, entries []Entry, leads bool) {
	if len(entries) == 0 {
		return
	}
	a := c.node(n)
	if leads && entries[0].Index <= a.own {
		c.violated(LeaderAppendOnly, "%s leads term %d and rewrites index %d", c.name(n), a.status.Term, entries[0].Index)
	}
	for _, e := range entries {
		c.remember(n, prev, e)
		prev = e.Term
		if leads && e.Term == a.status.Term {
			a.own = max(a.own, e.Index)
		}
	}
}

// remember checks the entry and what came before it against what any node ever had with its index and term. If each of
// them has one content and one predecessor, then all logs match up to any entry that they share.
func (c *Checker) remember(n int, prev uint64, e Entry) {
	for _, f := range c.past[e.Index] {
		if f.Term != e.Term {
			continue
		}
		switch {
		case f.Hash != e.Hash:
			c.violated(LogMatching, "%s and %s have different entries at index %d of term %d", c.name(f.node), c.name(n), e.Index, e.Term)
		case f.prev != 0 && prev != 0 && f.prev != prev:
			c.violated(LogMatching, "%s and %s share the entry at index %d of term %d, but before it they have terms %d and %d", c.name(f.node), c.name(n), e.Index, e.Term, f.prev, prev)
		}
		return
	}
	c.past[e.Index] = append(c.past[e.Index], fact{e, prev, n})
}

// Applied says that the node applied the entry, and what hash its state has now.
func (c *Checker) Applied(n int, e Entry, state uint64) {
	a := c.node(n)
	if e.Index != a.at+1 {
		c.violated(StateMachineSafety, "%s applies index %d after %d", c.name(n), e.Index, a.at)
	}
	a.at, a.state = e.Index, state
	other, known := c.applied[e.Index]
	switch {
	case !known:
		c.applied[e.Index] = applied{e.Term, e.Hash, state, n}
	case other.term != e.Term || other.hash != e.Hash:
		c.violated(StateMachineSafety, "%s applied the entry of term %d at index %d, %s another, of term %d", c.name(other.node), other.term, e.Index, c.name(n), e.Term)
	case other.state != state:
		c.violated(StateMachineSafety, "%s and %s applied the same entry at index %d and have different states", c.name(other.node), c.name(n), e.Index)
	}
}

// Restored says that the node's state is now that of a snapshot.
func (c *Checker) Restored(n int, index, state uint64) {
	a := c.node(n)
	a.at, a.state = index, state
	if other, known := c.applied[index]; known && other.state != state {
		c.violated(StateMachineSafety, "%s restored a state at index %d that differs from the one of %s", c.name(n), index, c.name(other.node))
	}
}

// Votes says that the node is about to send its vote of the term for the candidate.
func (c *Checker) Votes(n int, term, candidate uint64, m Medium) {
	t, v := m.State()
	if t < term || t == term && v != candidate {
		c.violated(VoteDurable, "%s answers candidate %d in term %d, but its disk has term %d and vote %d", c.name(n), candidate, term, t, v)
	}
}

// Acknowledges says that the node is about to tell the leader of the term that it has all entries up to the index, whose
// term in its log is logTerm, 0 where a snapshot covers it or the log ends before.
//
// An answer that waited for the disk may be overtaken by a later leader, who replaces the entries before they are written:
//
//	term 3: append 90..95   (being written: slowly)   answer "95" waits
//	term 4: append 90                                 90..95 of term 3 are gone, and the answer is sent
//
// It is as harmless as one that was sent before and arrives late. The later leader was elected by a majority without those entries,
// and without this node, whose log had them: so nobody can find a majority that has them.
func (c *Checker) Acknowledges(n int, term, index, logTerm uint64, m Medium) {
	t, _ := m.State()
	got := m.TermOf(index)
	switch {
	case t < term:
		c.violated(EntryDurable, "%s acknowledges in term %d, but its disk has term %d", c.name(n), term, t)
	case t > term && logTerm == 0: // replaced, see above
	case !m.Covers(index):
		c.violated(EntryDurable, "%s acknowledges index %d, which its disk does not have", c.name(n), index)
	case got != 0 && logTerm != 0 && got != logTerm:
		c.violated(EntryDurable, "%s acknowledges index %d of term %d, but its disk has that of term %d", c.name(n), index, logTerm, got)
	}
}

// Leader returns who leads the term, as far as is known.
func (c *Checker) Leader(term uint64) (node int, ok bool) {
	node, ok = c.leaders[term]
	return node, ok
}

// Committed returns the highest index that any node knew to be committed.
func (c *Checker) Committed() uint64 { return uint64(len(c.committed)) }
