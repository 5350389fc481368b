package reckon

import (
	"errors"
	"sync"
)

// A snapshot is what strikes that are due at one instant are told: who led, and in what the
// nodes were held, before any of them took effect. A nil one tells how things are now.
type snapshot struct {
	mu     sync.Mutex
	leader string // "" until somebody found one
	states map[string]State
}

// state is what the node was held in.
func (s *snapshot) state(node string) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[node]
}

func (s *snapshot) leads() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leader
}

// found keeps the leader for whoever else is told by the snapshot, and returns who was found first. The snapshot is of that
// moment then: whoever leads now may have been dead when nobody led.
func (s *snapshot) found(leader string, states map[string]State) string {
	if s == nil {
		return leader
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == "" {
		s.leader, s.states = leader, states
	}
	return s.leader
}

// errNoLeader: nobody led for as long as a strike looks for a leader.
var errNoLeader = errors.New("no leader found")
