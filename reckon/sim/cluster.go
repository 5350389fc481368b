package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/nemesis"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
	"github.com/reckon-bench/reckon/reckon/sim/world"
)

// This file is the simulated cluster as faults see it: reckon.Cluster. Faults run unchanged: what waits for a condition on a real
// cluster answers at once here, that there is no leader or that a node does not serve, and is tried again by the nemesis.

// hold is who holds a node dead or paused.
type hold struct {
	clusterstate.Holds
	node *node.Node
	thaw func() // while it is frozen
}

// settle makes the node what its holds say.
func (h *hold) settle(boot time.Duration) {
	dead, paused := len(h.By(reckon.Dead)) > 0, len(h.By(reckon.Paused)) > 0
	if dead {
		h.node.Kill()
	}
	if paused && h.thaw == nil {
		h.thaw = h.node.Freeze()
	}
	if !paused && h.thaw != nil {
		h.thaw()
		h.thaw = nil
	}
	if !dead && h.node.State() != node.Running {
		h.node.Start(boot)
	}
}

// seen is what of that can be seen, by the node and not by who holds it; false where it contradicts the holds.
func (h *hold) seen() (string, bool) {
	running, frozen := h.node.State() == node.Running, h.node.Frozen()
	switch h.State() {
	case reckon.Dead:
		return "its program does not run", !running
	case reckon.Paused:
		return "it handles no event", frozen
	}
	return "it handles events", !frozen
}

func (s *Simulation) states() map[string]reckon.State {
	all := map[string]reckon.State{}
	for name, h := range s.holds {
		all[name] = h.State()
	}
	return all
}

// look takes the snapshot by which strikes of one instant know the cluster.
func (s *Simulation) look() *clusterstate.Snapshot {
	leader := ""
	if l := s.Leader(); l != nil {
		leader = l.Name
	}
	return clusterstate.NewSnapshot(leader, s.states())
}

// as returns the cluster for one strike, as the snapshot shows it.
func (s *Simulation) as(strike int, shown *clusterstate.Snapshot) reckon.Cluster {
	return &view{s: s, strike: strike, shown: shown}
}

// view is a Cluster whose actions are recorded under one strike's number.
type view struct {
	s      *Simulation
	strike int
	shown  *clusterstate.Snapshot
}

var (
	_ reckon.Cluster     = (*view)(nil)
	_ reckon.GroupHolder = (*view)(nil)
	_ nemesis.Actor      = (*view)(nil)
)

// Acted: in virtual time what a strike does is in effect as it is done.
func (v *view) Acted() (time.Duration, bool) { return v.s.Loop.Now(), true }

func (v *view) Nodes() (all []reckon.Node) {
	for _, n := range v.s.Nodes {
		all = append(all, nodeView{v.s.holds[n.Name], v})
	}
	return all
}

func (v *view) Leader(context.Context) (reckon.Node, error) {
	name := v.shown.Leader()
	if name == "" {
		l := v.s.Leader()
		if l == nil {
			return nil, reckon.ErrNoLeader
		}
		name = v.shown.Found(l.Name, v.s.states())
	}
	return nodeView{v.s.holds[name], v}, nil
}

func (v *view) Links() link.Matrix { return v.s.World.Links.Links() }

func (v *view) Degrade(ctx context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	remove, err := v.s.World.Links.Degrade(ctx, overlay)
	if err != nil {
		return nil, err
	}
	v.s.Event(history.NewDegraded(v.strike, overlay.Layers(), overlay.String()))
	v.verify(history.EndStruck, overlay)
	what := strings.ReplaceAll(overlay.String(), "\n", "; ")
	return v.s.ledger.Enter(v.strike, what, func(ctx context.Context) error {
		if err := remove(ctx); err != nil {
			return err
		}
		v.s.Event(history.NewRestored(v.strike, overlay.Layers(), overlay.String()))
		v.verify(history.EndHealed, overlay)
		return nil
	}), nil
}

// verify compares what the network does on the paths with what the links are to do.
func (v *view) verify(end history.End, overlay link.Matrix) {
	links := v.Links()
	for _, p := range overlay.Paths() {
		if got := v.s.Network.Shape(p); got != links[p] {
			v.s.Event(history.NewUnseen(v.strike, end, "links", fmt.Errorf("%s does %v, and not %v", p, got, links[p])))
			return
		}
	}
	v.s.Event(history.NewVerified(v.strike, end, "links", fmt.Sprintf("%d paths do as the links say", len(overlay))))
}

func (v *view) Cut(ctx context.Context, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	if mode == reckon.LinkDown {
		if err := oneHost(paths); err != nil {
			return nil, err
		}
	}
	heal, err := v.Degrade(ctx, link.CutPaths(paths...))
	if err == nil && mode != reckon.Drop {
		for _, p := range paths {
			v.s.disconnect(p)
			v.s.disconnect(p.Back())
		}
	}
	return heal, err
}

// oneHost refuses paths that have no host in common, which one interface could not take down.
func oneHost(paths []link.Path) error {
	for _, name := range []string{paths[0].From, paths[0].To} {
		common := true
		for _, p := range paths {
			common = common && (p.From == name || p.To == name)
		}
		if common {
			return nil
		}
	}
	return errors.New("cut by link-down: wants all paths from and to one host")
}

// disconnect tells the receiver at the path's end that its connection with the other is closed.
func (s *Simulation) disconnect(p link.Path) {
	from, to := s.Network.Number(p.From), s.Network.Number(p.To)
	if from >= 0 && to >= 0 {
		s.Network.InjectNow(network.Packet{From: from, To: to, Payload: node.Closed{}})
	}
}

// HoldAll holds the nodes at one instant.
func (v *view) HoldAll(ctx context.Context, nodes []reckon.Node, s reckon.State) (func(context.Context) error, error) {
	var releases []func(context.Context) error
	release := func(ctx context.Context) error {
		var errs []error
		for _, r := range releases {
			errs = append(errs, r(ctx))
		}
		return errors.Join(errs...)
	}
	for _, n := range nodes {
		r, err := n.Hold(ctx, s)
		if err != nil {
			return nil, errors.Join(err, release(ctx))
		}
		releases = append(releases, r)
	}
	return release, nil
}

// nodeView is a node for one strike.
type nodeView struct {
	*hold
	v *view
}

var _ reckon.Node = nodeView{}

func (n nodeView) Name() string { return n.node.Name }

// State returns what the node was held in at the strike's snapshot.
func (n nodeView) State() reckon.State { return n.v.shown.State(n.Name()) }

func (n nodeView) Ready(context.Context) error {
	if m := world.Member(n.node); m == nil || n.node.Frozen() || !m.Status().Serves {
		return fmt.Errorf("%w: %s does not serve", reckon.ErrNotReady, n.Name())
	}
	return nil
}

func (n nodeView) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	n.Add(s, n.v.strike)
	n.settle(n.v.s.Boot)
	n.v.s.Event(history.NewHeld(n.v.strike, n.Name(), history.State(s.String())))
	n.verify(history.EndStruck)
	return n.v.s.ledger.Enter(n.v.strike, n.Name()+" "+s.String(), func(context.Context) error {
		n.Remove(s, n.v.strike)
		n.settle(n.v.s.Boot)
		n.v.s.Event(history.NewReleased(n.v.strike, n.Name(), history.State(s.String())))
		n.back()
		return nil
	}), nil
}

func (n nodeView) verify(end history.End) {
	seen, ok := n.seen()
	if !ok {
		n.v.s.Event(history.NewUnseen(n.v.strike, end, n.Name(), fmt.Errorf("it is held %v, and that cannot be seen", n.hold.State())))
		return
	}
	n.v.s.Event(history.NewVerified(n.v.strike, end, n.Name(), seen))
}

// back records that the node is healed: once it answers again, or at once where somebody else still holds it.
func (n nodeView) back() {
	if n.hold.State() != reckon.Running {
		n.verify(history.EndHealed)
		return
	}
	s, released := n.v.s, n.v.s.Loop.Now()
	s.Loop.Go("verify "+n.Name(), func(c *loop.Coroutine) {
		runs := func() bool {
			return s.over || n.hold.State() != reckon.Running || world.Member(n.node) != nil && !n.node.Frozen()
		}
		ok := c.Await(s.plan.Bounds.Settle, runs)
		took := (s.Loop.Now() - released).Round(time.Millisecond)
		seen := fmt.Sprintf("it handles events, and answers again after %v", took)
		switch {
		case s.over:
			return
		case !ok:
			seen = fmt.Sprintf("its program runs, but does not answer within %v", s.plan.Bounds.Settle)
		case n.hold.State() != reckon.Running:
			seen = "it was struck again before it was asked"
		}
		s.Event(history.NewVerified(n.v.strike, history.EndHealed, n.Name(), seen))
	})
}

var errSilent = errors.New("its program is dead or stands still")

// watch records who leads, and which members answer, as a real run's monitor does.
func (s *Simulation) watch() {
	every := s.ElectionTimeout / 20
	var leader string
	up := map[string]bool{}
	var look func()
	look = func() {
		if l := s.Leader(); (l != nil && l.Name != leader) || l == nil && leader != "" {
			leader = ""
			e := history.NewLeaderless()
			if l != nil {
				leader = l.Name
				e = history.NewLeads(l.Name, world.Member(l).Status().Term)
			}
			s.Event(e)
		}
		for _, n := range s.Nodes {
			if now := world.Member(n) != nil && !n.Frozen(); now != up[n.Name] {
				up[n.Name] = now
				if now {
					s.Event(history.NewUp(n.Name))
				} else {
					s.Event(history.NewDown(n.Name, errSilent))
				}
			}
		}
		if !s.over {
			s.Loop.After(every, loop.Label{Kind: loop.Scenario, Subject: loop.Nobody}, look)
		}
	}
	look()
}
