package reckon

import (
	"context"
	"errors"
	"fmt"

	"github.com/reckon-bench/reckon/reckon/link"
)

// A Cluster is what faults may touch. It records every hold and overlay with the time at which it
// took effect, and verifies them in one place, for every fault alike.
//
// Optional powers: WorkerCluster, GroupHolder.
type Cluster interface {
	Nodes() []Node
	// Leader returns the node that leads now, of the highest term where several claim to lead. It
	// waits, bounded, until there is one, or returns ErrNoLeader. Strikes that are planned for one
	// instant all get the same answer, and the states that nodes had before any of them.
	Leader(ctx context.Context) (Node, error)
	// Degrade composes the overlay with the links until heal is called.
	Degrade(ctx context.Context, overlay link.Matrix) (heal func(context.Context) error, err error)
	// Cut cuts the paths until heal is called. LinkDown needs all paths from and to one host.
	Cut(ctx context.Context, paths []link.Path, mode CutMode) (heal func(context.Context) error, err error)
	Links() link.Matrix
}

var (
	// ErrNoLeader: no node leads. A strike that needs one is tried again.
	ErrNoLeader = errors.New("no leader found")
	// ErrNotReady: the node does not serve. A strike that needs it to is tried again.
	ErrNotReady = errors.New("not ready")
)

// WorkerCluster is a Cluster beside which workers run.
type WorkerCluster interface{ Workers() []Worker }

// A GroupHolder is a Cluster that holds several nodes at once. Where one of them cannot be held,
// none is.
type GroupHolder interface {
	HoldAll(ctx context.Context, nodes []Node, s State) (release func(context.Context) error, err error)
}

// A Node is a member's process. It is dead, or paused, while anyone holds it so; releasing the last
// hold starts or resumes it, so overlapping holds heal in any order.
type Node interface {
	Name() string
	// State returns what it is held in; of a node that is both, Dead.
	State() State
	// Ready waits, bounded, until it serves, or returns ErrNotReady.
	Ready(ctx context.Context) error
	// Hold returns when the node is in the state. A dead node that is to be paused is so as soon as
	// it is started.
	Hold(ctx context.Context, s State) (release func(context.Context) error, err error)
}

// CutMode is how paths are cut.
type CutMode uint8

const (
	// Drop: packets are lost inside the network, so the sender gets no error; TCP backs off for
	// seconds (RFC 6298).
	Drop CutMode = iota
	// Reset: packets are lost, and both ends of every connection that used the paths are reset at
	// once, as by a RST (RFC 9293, section 3.5.3).
	Reset
	// LinkDown: the host's only interface goes down, so that senders there get an error at once.
	LinkDown
)

func (m CutMode) String() string {
	switch m {
	case Drop:
		return "drop"
	case Reset:
		return "reset"
	case LinkDown:
		return "link-down"
	}
	return fmt.Sprintf("CutMode(%d)", uint8(m))
}

// State is what a process can be held in.
type State uint8

const (
	// Running: nobody holds it.
	Running State = iota
	// Dead: killed by SIGKILL. Released, it is started again on the same data.
	Dead
	// Paused: stopped by SIGSTOP; it keeps its connections. Released, it continues.
	Paused
)

func (s State) String() string {
	switch s {
	case Dead:
		return "dead"
	case Paused:
		return "paused"
	}
	return "running"
}
