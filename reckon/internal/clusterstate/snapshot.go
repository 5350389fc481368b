package clusterstate

import (
	"maps"
	"sync"

	"github.com/reckon-bench/reckon/reckon"
)

// A Snapshot is what strikes that are planned for one instant see of the cluster: who led, and in
// which state the nodes were held, before any of them took effect. A nil Snapshot shows nothing:
// whoever has none sees the present.
type Snapshot struct {
	mu     sync.Mutex
	leader string // "" until somebody found one
	states map[string]reckon.State
}

// NewSnapshot returns a snapshot with that leader ("" is none) and those states by node.
func NewSnapshot(leader string, states map[string]reckon.State) *Snapshot {
	return &Snapshot{leader: leader, states: maps.Clone(states)}
}

// State returns the state in which the node was held.
func (s *Snapshot) State(node string) reckon.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[node]
}

// Leader returns the node that led, "" where none did or there is no snapshot.
func (s *Snapshot) Leader() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leader
}

// Found keeps the leader for all strikes with this snapshot, and returns the one that was found
// first. The snapshot then shows the states of that moment: a node that leads now may have been
// dead when none led.
func (s *Snapshot) Found(leader string, states map[string]reckon.State) string {
	if s == nil {
		return leader
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == "" {
		s.leader, s.states = leader, maps.Clone(states)
	}
	return s.leader
}

// KeepLeader replaces the leader, and the state in which it is held, by those of an earlier
// snapshot.
func (s *Snapshot) KeepLeader(earlier *Snapshot) {
	leader := earlier.Leader()
	state := earlier.State(leader)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil {
		s.states = map[string]reckon.State{}
	}
	s.leader, s.states[leader] = leader, state
}
