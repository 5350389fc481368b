package clusterstate

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/reckon-bench/reckon/reckon"
)

// ByHand is the strike number of what people do at a prompt.
const ByHand = -1

// Holds are the strikes that hold one node dead or paused. The zero value is nobody. State may be
// called at any time; the other methods are for one goroutine at a time.
type Holds struct {
	strikes map[reckon.State][]int
	state   atomic.Uint32
}

// State returns what the node is held in: of one that is held dead and paused, Dead.
func (h *Holds) State() reckon.State { return reckon.State(h.state.Load()) }

// By returns the strikes that hold the node in the state, the first holder first.
func (h *Holds) By(s reckon.State) []int { return slices.Clone(h.strikes[s]) }

// Add records that the strike holds the node in the state.
func (h *Holds) Add(s reckon.State, strike int) {
	if h.strikes == nil {
		h.strikes = map[reckon.State][]int{}
	}
	h.strikes[s] = append(h.strikes[s], strike)
	h.settle()
}

// Remove ends one hold of the strike's.
func (h *Holds) Remove(s reckon.State, strike int) {
	h.strikes[s] = without(h.strikes[s], strike)
	h.settle()
}

// Others returns who would still hold the node in the state without one hold of the strike's.
func (h *Holds) Others(s reckon.State, strike int) []int { return without(h.strikes[s], strike) }

func without(strikes []int, strike int) []int {
	i := slices.Index(strikes, strike)
	if i < 0 {
		return slices.Clone(strikes)
	}
	return slices.Delete(slices.Clone(strikes), i, i+1)
}

func (h *Holds) settle() {
	s := reckon.Running
	switch {
	case len(h.strikes[reckon.Dead]) > 0:
		s = reckon.Dead
	case len(h.strikes[reckon.Paused]) > 0:
		s = reckon.Paused
	}
	h.state.Store(uint32(s))
}

// Holders names strikes as the summary numbers them, from 1.
func Holders(strikes []int) string {
	var names []string
	for _, i := range strikes {
		name := fmt.Sprintf("strike %d", i+1)
		if i == ByHand {
			name = "a command"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
