package runner

import (
	"context"
	"fmt"
	"os"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/cluster"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Debug builds the plan's hosts and links and starts the system as Run does, and calls use when it
// is ready. There is no load, and no fault strikes. When use returns, or panics, everything ends.
//
// It must be called in a process tree of its own (host.Settle). While it lasts, the names of the
// hosts resolve there.
func Debug(ctx context.Context, p *plan.Plan, rec reckon.Recorder, watch func(Progress), use func(context.Context, *Session)) (err error) {
	r, ctx := newRun(ctx, p, rec, watch)
	defer func() { err = r.finish(ctx, err) }()
	if err := r.build(ctx); err != nil {
		return err
	}
	s := &Session{run: r}
	dir, err := r.journal.Scratch("names")
	if err != nil {
		return err
	}
	if s.Notes, err = r.bed.NameHosts(dir); err != nil {
		return err
	}
	if err := r.startMembers(); err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.journal.Phase("debug")
	use(ctx, s)
	return nil
}

// A Session is a cluster on its hosts and links, for people at a prompt. What they do to it goes
// through the same interface as faults. It is safe for concurrent use.
type Session struct {
	Notes []string // what this machine lacks, a line each
	run   *run
}

// Cluster is what may be done to the system and its links.
func (s *Session) Cluster() reckon.Cluster { return s.run.cluster.As(clusterstate.ByHand, nil) }

// Tools are those of the system, none where it has none.
func (s *Session) Tools() reckon.Tools {
	if t, ok := s.run.plan.System.(reckon.Tooler); ok {
		return t.Tools(s.run.plan.Members)
	}
	return reckon.Tools{}
}

// Start runs a command on the host.
func (s *Session) Start(name string, c host.Command) (*host.Process, error) {
	h := s.run.bed.Hosts[name]
	if h == nil {
		return nil, fmt.Errorf("start %s on %s: there is no such host", c.Args[0], name)
	}
	return h.Start(c)
}

// NodeStatus is what a node was last seen to be.
type NodeStatus = cluster.NodeStatus

// Status returns the status of every node.
func (s *Session) Status() []NodeStatus { return s.run.cluster.Status() }

// Ready waits until every node that nobody holds serves, and one leads. It waits for nodes as long
// as a start may take.
func (s *Session) Ready(ctx context.Context) error {
	bound := s.run.plan.Bounds.Ready
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := s.run.cluster.ReadyNow(ctx); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w after %v", err, bound)
		}
		return err
	}
	return nil
}

// Capture captures the host's packets into the file, up to limit bytes, until stop is called.
func (s *Session) Capture(name string, f *os.File, limit int64) (stop func() (capture.Account, error), err error) {
	return s.run.bed.Capture(name, f, limit)
}
