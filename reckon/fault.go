package reckon

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Fault says when to strike and what to inject. It is pure: only the Inject of its strikes
// touches anything.
//
// Optional powers: Validator, Requirer, SelfHealing, Trialer.
type Fault interface {
	// Strikes returns the strikes of this run in order of From. The strikes of one call share what
	// their closures bind.
	Strikes(s Setting, rng *rand.Rand) []Strike
}

// A Strike takes effect at From and is healed at To, both since the start of the load. One that is
// late delays the later ones of its fault, in the same Line, by as much.
type Strike struct {
	From, To time.Duration
	Name     string // what it does, for the plan: "kill the leader"
	Word     string // the word that it belongs to, where a fault is made of others; "": the fault's own
	Line     string // strikes of one fault in different lines do not wait for each other
	// Inject returns when the strike is in effect. It waits on conditions, never on the clock:
	// repetition and delay belong to the list of strikes. Where it returns an error it has undone
	// what it did, and it is tried again for a bounded time.
	Inject func(ctx context.Context, c Cluster) (Injection, error)
}

// Injection is a strike in effect. Heal undoes it, whatever else has been injected since.
type Injection struct {
	Detail string // what was struck: "killed n2"
	Heal   func(ctx context.Context) error
}

// Requirer is a Fault, Topology or System that not every machine can carry out. A run is refused,
// before anything is started, on a machine that lacks one of its requirements.
type Requirer interface {
	Requires() []Requirement
}

// A Requirement is something that a machine must be able to do for a run.
type Requirement struct {
	Name string // of the finding of reckon doctor that must be in order
	By   string // what asks for it, as it begins an error message: "--cut reset"
}

// Names of requirements, for those who ask and for reckon doctor.
const (
	ConnectionResets = "connection resets"
	KernelLinks      = "netem"
)

// SelfHealing is a Fault that says whether all that it does to the store is healed before the load
// ends, so that other faults may follow it in one run. churn draws among the faults of which that
// is true.
type SelfHealing interface {
	HealsItself() bool
}

// Trialer is a Fault that cannot run with the words and flags that suit others (it needs five
// nodes, say, or a workload with workers) and states with which it can. Whatever runs every fault
// asks it: a matrix with `trials: true`, and the tests.
type Trialer interface {
	Trial() Trial
}

// A Trial is a short run that shows what a fault does, on the system etcd with an election timeout
// of half a second. What it leaves out is for whoever asks to choose.
type Trial struct {
	Workload string              // "": any
	Flags    map[string][]string // by name, without dashes
	// Invalid reports that the run must be invalid: the fault plants damage that must be detected.
	Invalid bool
}
