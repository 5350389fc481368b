package summary

import (
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Info is what numbers and figures need to know of a run's plan.
type Info struct {
	Words           []string
	Seed            uint64
	Duration        time.Duration // of the load
	ElectionTimeout time.Duration
	Nodes           []string    // members of the system
	Clients         []string    // hosts with a load driver: each owes a Driver event
	Backend         string      // of the links; "" where none are emulated, so that none owes an account
	Links           link.Matrix // as planned; a path that it does not name is a perfect wire

	// LagBound and LateBound are the plan's bounds on the p99 of the generator's lag and of the
	// links' lateness; 0 means that there is none.
	LagBound, LateBound time.Duration

	Planned []Planned // every strike, in the order of their numbers
	Command string    // the command line that runs the same plan again
	Facts   []Fact    // flags, versions, machine: for the reader of the report
	Notes   []string  // what reading the record noted
	Defects []string  // why the record is not whole, as far as it was said outside it
}

// Planned is a strike as the plan has it; times are since the start of the load.
type Planned struct {
	Fault, Name string
	From, To    time.Duration
}

// Fact is something that a reader may want to know of a run.
type Fact struct {
	Group string // "Flags", "Versions", "Machine": facts of one group are shown together
	Name  string
	Value string
}

// ClientsIn returns the clients of the run: those of the plan, or those in the record if it names
// none.
func (i Info) ClientsIn(h *history.History) []string {
	if len(i.Clients) > 0 {
		return i.Clients
	}
	seen := map[string]bool{}
	for k := range h.Ops {
		if c := h.Ops[k].Client; h.Ops[k].Stage == history.Load && !seen[c] {
			seen[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), link.CompareHosts)
}

// NodesIn returns the members of the run: those of the plan, or those in the record if it names
// none.
func (i Info) NodesIn(h *history.History) []string {
	if len(i.Nodes) > 0 {
		return i.Nodes
	}
	seen := map[string]bool{}
	for _, e := range h.Events {
		switch e.Kind {
		case history.Leads, history.Up, history.Down, history.Held, history.Released, history.Metrics:
			if e.Subject != "" {
				seen[e.Subject] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), link.CompareHosts)
}
