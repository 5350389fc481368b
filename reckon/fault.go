package reckon

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Fault says when to strike and what to inject. It is pure: only the Inject of its strikes touches anything.
//
// Optional powers: Validator, Requirer, Lasting.
type Fault interface {
	// Strikes returns the strikes of this run in order of From. The strikes of one call share what their closures bind.
	Strikes(s Setting, rng *rand.Rand) []Strike
}

// A Strike takes effect at From and is healed at To, both since the start of the load. One that is late delays the
// later ones of its fault, in the same Line, by as much.
type Strike struct {
	From, To time.Duration
	Name     string // what it does, for the plan: "kill the leader"
	Word     string // the word that it belongs to, where a fault is made of others; "": the fault's own
	Line     string // strikes of one fault in different lines do not wait for each other
	// Inject returns when the strike is in effect. It waits on conditions, never on the clock: repetition and delay
	// belong to the list of strikes. Where it returns an error it has undone what it did, and it is tried again for a
	// bounded time.
	Inject func(ctx context.Context, c Cluster) (Injection, error)
}

// Injection is a strike in effect. Heal undoes it, whatever else has been injected since.
type Injection struct {
	Detail string // what was struck: "killed n2"
	Heal   func(ctx context.Context) error
}

// Requirer is a Fault, Topology or System that needs something of the machine. Requires returns the names of the
// findings of reckon doctor that must be in order.
type Requirer interface {
	Requires() []string
}

// Lasting is a Fault that is not healed by itself within its window: it lasts until the load ends, or what it did is never
// undone. Other faults, like churn, cannot draw it.
type Lasting interface {
	LastsUntilTheEnd() bool
}
