package reckon

import (
	"errors"
	"sync"
)

// A snapshot is what strikes that are due at one instant are told: who led, and in what the
// nodes were held, before any of them took effect. A nil one tells how things are now.
type snapshot struct {
	states map[string]State

	mu     sync.Mutex
	leader string // "" until somebody found one
}

func (s *snapshot) leads() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leader
}

// found keeps the leader for whoever else is told by the snapshot, and returns who was found first.
func (s *snapshot) found(leader string) string {
	if s == nil {
		return leader
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == "" {
		s.leader = leader
	}
	return s.leader
}

// errNoLeader: nobody led for as long as a strike looks for a leader.
var errNoLeader = errors.New("no leader found")
