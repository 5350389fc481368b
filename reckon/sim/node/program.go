package node

import "github.com/reckon-bench/reckon/reckon/history"

// A Program is a running process. Its methods, and all functions that it gives to its Env, run as events, one at a time.
type Program interface {
	// Receive handles a message from the host of that number.
	Receive(from int, payload any)
}

// A System starts the program of a node on what its disk holds. An error means that the program has ended at once.
type System interface {
	Start(env *Env) (Program, error)
}

// Memory is what a program holds.
type Memory struct {
	Entries  int // of its log, in memory
	Bytes    int // of those and of what it keeps
	InFlight int // requests without an answer
	Watchers int
}

// An Accountant is a Program that can tell what it holds.
type Accountant interface{ Memory() Memory }

// Status is what a member says of itself.
type Status struct {
	Serves   bool // it would serve clients: it is, or knows, a leader
	Leads    bool
	Term     uint64
	Revision int64
	Hash     uint32 // of its state at that revision
}

// A Member is a Program that is a member of a store.
type Member interface {
	Program
	Status() Status
	// Changes is the member's own account of its past, up to the present.
	Changes() []history.Change
}
