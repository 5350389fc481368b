package reckon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/host"
)

// Debug builds what the plan says and starts the system as Run does, and when it is
// ready lets use do with it what it likes. There is no load, and no fault strikes. When use returns, or panics, everything ends.
//
// It must be called in a process tree of its own (host.Settle). While it lasts, the
// names of the hosts resolve there.
func Debug(ctx context.Context, plan *Plan, rec Recorder, watch func(Progress), use func(context.Context, *Session)) (err error) {
	r, ctx := newRun(ctx, plan, rec, watch)
	defer func() { err = r.finish(ctx, err) }()
	if err := r.build(ctx); err != nil {
		return err
	}
	s := &Session{run: r}
	if s.Notes, err = r.nameHosts(); err != nil {
		return err
	}
	if err := r.startMembers(); err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.phase("debug")
	use(ctx, s)
	return nil
}

// A Session is a cluster on its hosts and links, for people. What is done to the
// cluster goes the way that faults go. It is safe for concurrent use.
type Session struct {
	Notes []string // what this machine lacks, a line each
	run   *run
}

// byHand is the strike's number under which a session's doings are logged.
const byHand = -1

// Cluster is what may be done to the system and its links.
func (s *Session) Cluster() Cluster { return s.run.cluster.as(byHand, nil) }

// Tools are those of the system, none where it has none.
func (s *Session) Tools() Tools {
	if t, ok := s.run.plan.system.(Tooler); ok {
		return t.Tools(s.run.plan.Members)
	}
	return Tools{}
}

// Start runs a command on the host.
func (s *Session) Start(name string, c host.Command) (*host.Process, error) {
	h := s.run.hosts[name]
	if h == nil {
		return nil, fmt.Errorf("start %s on %s: there is no such host", c.Args[0], name)
	}
	return h.Start(c)
}

// A NodeStatus is what a node was last seen to be.
type NodeStatus struct {
	Name string
	PID  int // in the run's own process tree
	Up   bool
	Status
	Dead, Paused bool  // somebody holds it so
	Fell         error // its process ended by itself; nil otherwise
}

// Status says how every node is.
func (s *Session) Status() (all []NodeStatus) {
	c := s.run.cluster
	c.mu.Lock()
	nodes := slices.Clone(c.nodes)
	c.mu.Unlock()
	for _, n := range nodes {
		all = append(all, n.describe())
	}
	return all
}

func (n *node) describe() NodeStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	return NodeStatus{
		Name: n.Name(), PID: n.process.PID(), Up: n.up, Status: n.status,
		Dead: len(n.holds[Dead]) > 0, Paused: len(n.holds[Paused]) > 0, Fell: n.fell,
	}
}

// Ready waits until every node that nobody holds serves, and one leads. It waits for nodes as long as a start may take.
func (s *Session) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.run.plan.Bounds.Ready)
	defer cancel()
	asked := s.run.clock.Now() // what was seen before may be old by now
	held := map[string]bool{}
	for _, n := range s.Status() {
		held[n.Name] = n.Dead || n.Paused
	}
	c := s.run.cluster
	return c.await(ctx, func() error {
		for _, n := range c.nodes {
			if !held[n.Name()] && (!n.up || !n.status.Ready || n.seen < asked) {
				return fmt.Errorf("%s is not ready after %v", n.Name(), s.run.plan.Bounds.Ready)
			}
		}
		if c.leading.node == "" {
			return fmt.Errorf("no node leads after %v", s.run.plan.Bounds.Ready)
		}
		return nil
	})
}

// Capture captures the host's packets into the file, up to limit bytes, until stop is called.
func (s *Session) Capture(name string, f *os.File, limit int64) (stop func() (capture.Account, error), err error) {
	h := s.run.hosts[name]
	if h == nil {
		return nil, errors.Join(fmt.Errorf("capture at %s: there is no such host", name), f.Close())
	}
	k, err := s.run.capture([]capture.Source{{Host: h, File: f}}, limit)
	if err != nil {
		return nil, err
	}
	return func() (capture.Account, error) {
		s.run.captures.passDrops(s.run.fabric) // the last
		s.run.captures.remove(k)
		accounts, err := k.Close()
		if len(accounts) != 1 {
			return capture.Account{}, err
		}
		return accounts[0], err
	}, nil
}

// nameHosts has the names of the hosts resolve, and no others, by mounting files
// of the run's own over two of the machine's. Nobody outside the run's mount namespace sees it.
// Where the machine has no such file there is nothing to mount over, which the notes say.
func (r *run) nameHosts() (notes []string, err error) {
	dir, err := r.recorder.Scratch("names")
	if err != nil {
		return nil, err
	}
	var hosts strings.Builder
	hosts.WriteString("127.0.0.1 localhost")
	if name, err := os.Hostname(); err == nil {
		hosts.WriteString(" " + name)
	}
	hosts.WriteByte('\n')
	for _, h := range r.plan.Hosts {
		fmt.Fprintf(&hosts, "%s %s\n", h.Addr, h.Name)
	}
	for _, f := range []struct{ path, content string }{
		{"/etc/hosts", hosts.String()},
		// The machine's name servers cannot be reached from here. This one refuses at once, instead of never answering.
		{"/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"},
	} {
		own := filepath.Join(dir, filepath.Base(f.path))
		if err := os.WriteFile(own, []byte(f.content), 0o644); err != nil {
			return nil, fmt.Errorf("name the hosts: %w", err)
		}
		err := unix.Mount(own, f.path, "", unix.MS_BIND, "")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			notes = append(notes, fmt.Sprintf("this machine has no %s, so names do not resolve as they should; addresses work", f.path))
		case err != nil:
			return nil, fmt.Errorf("name the hosts: mount over %s: %w", f.path, err)
		}
	}
	return notes, nil
}
