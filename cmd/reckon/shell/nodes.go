package shell

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/runner"
)

type hold struct {
	node  string
	state reckon.State
}

func (s *shell) nodes(context.Context, []string) error {
	pids := map[string]string{}
	for _, n := range s.Status() {
		if !n.Dead && n.Fell == nil {
			pids[n.Name] = fmt.Sprintf("process %d", n.PID)
		}
	}
	w := screen.Table(s.out)
	for _, h := range s.hosts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Name, h.Addr, h.Role, pids[h.Name])
	}
	return w.Flush()
}

func (s *shell) status(context.Context, []string) error {
	w := screen.Table(s.out)
	for _, n := range s.Status() {
		fmt.Fprintf(w, "%s\t%s\n", n.Name, conditionOf(n))
	}
	w.Flush()
	for _, o := range s.overlays {
		fmt.Fprintf(s.out, "links: %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
	}
	for _, name := range slices.SortedFunc(maps.Keys(s.captures), link.CompareHosts) {
		fmt.Fprintf(s.out, "capturing: %s to %s\n", name, s.captures[name].path)
	}
	return nil
}

// conditionOf describes the state of a node in a few words.
func conditionOf(n runner.NodeStatus) string {
	switch {
	case n.Dead && n.Paused:
		return "dead, and will be paused when it starts"
	case n.Dead:
		return "dead"
	case n.Fell != nil:
		first, _, _ := strings.Cut(n.Fell.Error(), ";")
		return first
	case n.Paused:
		return "paused"
	case !n.Up:
		return "does not answer"
	case n.Leader:
		return fmt.Sprintf("leads term %d", n.Term)
	case n.Status.Ready:
		return fmt.Sprintf("serves, term %d", n.Term)
	}
	return fmt.Sprintf("answers, but does not serve, term %d", n.Term)
}

func (s *shell) ready(ctx context.Context, _ []string) error { return s.Ready(ctx) }

// node returns the named member, or the leader.
func (s *shell) node(ctx context.Context, name string) (reckon.Node, error) {
	if name == "leader" {
		return s.Cluster().Leader(ctx)
	}
	for _, n := range s.Cluster().Nodes() {
		if n.Name() == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node %q; nodes are %s", name, strings.Join(s.names("member"), ", "))
}

// holding returns the command that holds a node in the state.
func holding(state reckon.State) func(*shell, context.Context, []string) error {
	return func(s *shell, ctx context.Context, args []string) error {
		n, err := s.node(ctx, args[0])
		if err != nil {
			return err
		}
		h := hold{n.Name(), state}
		if s.holds[h] != nil {
			return fmt.Errorf("%s is %s already", n.Name(), state)
		}
		release, err := n.Hold(ctx, state)
		if err != nil {
			return err
		}
		s.holds[h] = release
		fmt.Fprintf(s.out, "%s is %s\n", n.Name(), state)
		return nil
	}
}

// releasing returns the command that undoes holding. It also starts a node whose process ended by
// itself.
func releasing(state reckon.State) func(*shell, context.Context, []string) error {
	return func(s *shell, ctx context.Context, args []string) error {
		n, err := s.node(ctx, args[0])
		if err != nil {
			return err
		}
		h := hold{n.Name(), state}
		release := s.holds[h]
		if release == nil && state == reckon.Dead && s.fell(n.Name()) {
			release, err = n.Hold(ctx, state)
		}
		if err != nil {
			return err
		}
		if release == nil {
			return fmt.Errorf("%s is not %s", n.Name(), state)
		}
		if err := release(ctx); err != nil {
			return err
		}
		delete(s.holds, h)
		fmt.Fprintf(s.out, "%s is no longer %s\n", n.Name(), state)
		return nil
	}
}

func (s *shell) fell(name string) bool {
	return slices.ContainsFunc(s.Status(), func(n runner.NodeStatus) bool { return n.Name == name && n.Fell != nil })
}
