// Package reckon holds the contracts of a harness that measures and verifies what a replicated
// store does while its network, its disks and its processes fail. Whoever writes a system, a
// topology, a workload or a fault needs this package and little else.
//
// # Glossary
//
// A word names one system, topology, workload or fault; it is registered in the catalogue of its
// kind and may declare flags. Four words make a run: reckon SYSTEM TOPOLOGY WORKLOAD FAULT.
//
// A [System] is the store under test: how to start its processes, ask them how they are, and use
// them. A [Member] is one process of it, on a host of its own.
//
// A host is a network namespace: a node (n1, n2, ...) that runs a member, or a client (c1, c2, ...)
// that offers load. A [Topology] says which hosts there are and what the links between them do: a
// [link.Matrix] of one [link.Shape] (delay, loss, rate, cut) for each ordered [link.Path]. An
// overlay is a matrix that is composed with that one for a while: a partition is an overlay of
// cuts. A fabric is what carries the packets.
//
// A [Workload] is what clients ask of the store and the checks that the answers are held to. An
// [Op] is one operation of a client; its outcome is ok, failed or unknown. A load driver is the
// process that offers them, open-loop: when they are due, whether or not earlier ones have
// returned. A logical process is a sequence of operations that do not overlap; one whose operation
// ended unknown is retired. Workloads may also have [Workers], processes of their own beside the
// store, whose work goes in passes.
//
// A [Fault] is a list of strikes. A [Strike] injects something at a planned time and heals it at
// another; a hold keeps a process dead or paused, a cut keeps paths from carrying packets. The
// nemesis carries the strikes out. Every strike is verified in effect, and so is its end, by
// something other than what injected it.
//
// A [Cluster] is what faults see of the running system; a [Node] is one member of it.
//
// The history is the record of a run: operations, events, the store's own account of its changes,
// passes. A [Check] judges one guarantee by the history; its verdict is valid, invalid or unknown.
// A run that the harness itself spoilt is inconclusive ("harness").
//
// # Pipeline
//
// Words and flags make a plan (package plan); the runner (package runner) carries it out: build
// hosts and links, probe the links, start the members, wait until they are ready, preload, offer
// the load while the nemesis strikes, heal everything, settle, read every key through every member,
// collect the store's own account. What was recorded (package history) is then checked (package
// check), summarised and drawn (package results), as often as one likes.
//
// This package knows no concrete word, reads no clock and starts nothing; it builds on any
// operating system.
package reckon

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

type (
	// Op is one operation of a client.
	Op = history.Op
	// History is all that was recorded of a run.
	History = history.History
)

// Setting is the run that words are asked about.
type Setting struct {
	Seed            uint64
	Duration        time.Duration // of the load
	ElectionTimeout time.Duration
	OpTimeout       time.Duration
	Nodes           []string          // those that are members of the system
	Clients         []string          // hosts with a load driver
	Nearest         map[string]string // the node nearest to each client
	Endpoints       []string          // of the members for clients of etcd's v3 API, as URLs; none where the system does not speak it
	Links           link.Matrix       // as they are while no fault is in effect
	HasWorkers      bool              // a workload has workers of its own
	Pinned          bool              // a load driver uses only the member nearest to it
	FaultAt         *time.Duration    // when faults are to strike, since the start of the load; nil: at each fault's own time
	FaultFor        *time.Duration    // how long they last; nil: each fault's own length
	Target          string            // the role of the node to strike, see package faults; "": the fault's own target
}

// Window returns when a fault strikes whose own window is [from, to): FaultAt moves it, FaultFor
// sets its length. A window that ends with the load still does so when it is only moved.
func (s Setting) Window(from, to time.Duration) (time.Duration, time.Duration) {
	length, open := to-from, to == s.Duration
	if s.FaultAt != nil {
		from = *s.FaultAt
		to = from + length
		if open {
			to = s.Duration
		}
	}
	if s.FaultFor != nil {
		to = from + *s.FaultFor
	}
	return from, to
}

// Used returns the members to which the client host connects. Workers of a workload's own use all
// of them.
func (s Setting) Used(client string) []string {
	if s.Pinned && !s.HasWorkers {
		return []string{s.Nearest[client]}
	}
	return s.Nodes
}

// Validator is a System, Workload or Fault that does not fit every setting. Validate is called
// before anything is built; its error is one line that gives what is wrong and what is allowed.
type Validator interface {
	Validate(s Setting) error
}
