package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

// Roles by which a timeline may name who is struck, beside the names of nodes.
const (
	leads    = "leader"   // who leads when the fault strikes
	follows  = "follower" // a living node that does not lead, drawn
	anyone   = "random"   // a living node, drawn
	majority = "majority" // more than half of the nodes, living ones, drawn
)

var roles = []string{leads, follows, anyone, majority}

// who is the role for people.
func who(role string) string {
	switch role {
	case leads:
		return "the leader"
	case follows:
		return "a follower"
	case anyone:
		return "a random node"
	case majority:
		return "each of a random majority"
	}
	return role
}

// takes says which targets a word takes in place of the one that it strikes by itself.
type takes int

const (
	noTarget  takes = iota // it has nobody whom another could replace
	oneTarget              // any role of one node
	anyTarget
)

// judge refuses targets that are unknown, or that the word cannot take.
func (t takes) judge(s reckon.Setting) error {
	known := slices.Concat(roles, s.Nodes)
	switch {
	case s.Target == "":
		return nil
	case !slices.Contains(known, s.Target):
		return unknown("target", s.Target, known)
	case t == noTarget:
		return fmt.Errorf("target %s: this word takes none", s.Target)
	case t == oneTarget && s.Target == majority:
		return fmt.Errorf("target %s: this word strikes one node; want %s", s.Target, strings.Join(slices.DeleteFunc(known, func(r string) bool { return r == majority }), ", "))
	}
	return nil
}

// unknown is the error for a name that is none of the known.
func unknown(kind, name string, known []string) error {
	hint := ""
	if near := flags.Nearest(name, known); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("unknown %s %q%s; known: %s", kind, name, hint, strings.Join(known, ", "))
}

// wantNodes refuses settings with fewer nodes than least, or more than most where that is not 0.
func wantNodes(s reckon.Setting, least, most int, why string) error {
	n := len(s.Nodes)
	want := fmt.Sprintf("at least %d", least)
	switch {
	case least == most:
		want = fmt.Sprintf("%d", least)
	case most != 0:
		want = fmt.Sprintf("%d to %d", least, most)
	}
	if n >= least && (most == 0 || n <= most) {
		return nil
	}
	have := fmt.Sprintf("%d nodes", n)
	if n == 1 {
		have = "1 node"
	}
	return fmt.Errorf("%s: want %s, %s", have, want, why)
}

// cast is whom a strike is for: drawn when the strikes are listed, found when they take effect.
type cast struct {
	setting reckon.Setting
	role    string   // a role or a node's name
	order   []string // of preference among the nodes
}

// draw draws the order of preference; the role is the one given unless the setting has a target.
func draw(s reckon.Setting, role string, rng *rand.Rand) cast {
	order := slices.Clone(s.Nodes)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return cast{s, cmp.Or(s.Target, role), order}
}

// name is what a strike does, in words: with WHO is meant whom it strikes, and who it is not is another.
func (k cast) name(does string) string {
	if k.role == follows {
		does = strings.ReplaceAll(does, "one follower", "another follower")
	}
	return strings.ReplaceAll(does, "WHO", who(k.role))
}

// on is the stage on which a strike finds its cast.
func (k cast) on(c reckon.Cluster) *stage { return &stage{Cluster: c, cast: k} }

// stage is the cluster at the moment of a strike.
type stage struct {
	reckon.Cluster
	cast
	leader reckon.Node // once it has been asked for
}

// leads is the living node that leads.
func (g *stage) leads(ctx context.Context) (reckon.Node, error) {
	if g.leader == nil {
		n, err := g.Leader(ctx)
		if err != nil {
			return nil, err
		}
		if n.State() == reckon.Dead {
			return nil, fmt.Errorf("%s, which leads, is dead already", n.Name())
		}
		g.leader = n
	}
	return g.leader, nil
}

// preferred is every node, those preferred first.
func (g *stage) preferred() []reckon.Node {
	nodes := g.Nodes()
	slices.SortStableFunc(nodes, func(a, b reckon.Node) int {
		return cmp.Compare(slices.Index(g.order, a.Name()), slices.Index(g.order, b.Name()))
	})
	return nodes
}

// living is every node that lives, those preferred first.
func (g *stage) living() []reckon.Node {
	return slices.DeleteFunc(g.preferred(), func(n reckon.Node) bool { return n.State() == reckon.Dead })
}

// followers are the living nodes that neither lead nor are among those given: at least as many as wanted.
func (g *stage) followers(ctx context.Context, wanted int, but ...reckon.Node) ([]reckon.Node, error) {
	l, err := g.leads(ctx)
	if err != nil {
		return nil, err
	}
	taken := append(names(but), l.Name())
	found := slices.DeleteFunc(g.living(), func(n reckon.Node) bool { return slices.Contains(taken, n.Name()) })
	if len(found) < wanted {
		return nil, fmt.Errorf("%d living followers where %d are needed", len(found), wanted)
	}
	return found, nil
}

// struck are the nodes that have the role.
func (g *stage) struck(ctx context.Context) ([]reckon.Node, error) {
	switch g.role {
	case leads:
		n, err := g.leads(ctx)
		return []reckon.Node{n}, err
	case follows:
		f, err := g.followers(ctx, 1)
		return f[:min(1, len(f))], err
	case anyone:
		return g.some(1)
	case majority:
		return g.some(len(g.Nodes())/2 + 1)
	}
	i := slices.IndexFunc(g.Nodes(), func(n reckon.Node) bool { return n.Name() == g.role })
	if i < 0 {
		return nil, fmt.Errorf("there is no node %s", g.role)
	}
	n := g.Nodes()[i]
	if n.State() == reckon.Dead {
		return nil, fmt.Errorf("%s is dead already", n.Name())
	}
	return []reckon.Node{n}, nil
}

// one is the node that has the role, for words that take one.
func (g *stage) one(ctx context.Context) (reckon.Node, error) {
	nodes, err := g.struck(ctx)
	if err != nil {
		return nil, err
	}
	if len(nodes) != 1 {
		return nil, errors.New("not one node: " + list(names(nodes)))
	}
	return nodes[0], nil
}

// some are as many living nodes.
func (g *stage) some(wanted int) ([]reckon.Node, error) {
	l := g.living()
	if len(l) < wanted {
		return nil, fmt.Errorf("%d living nodes where %d are needed", len(l), wanted)
	}
	return l[:wanted], nil
}

// others are the names of all nodes but those, dead ones too.
func (g *stage) others(but ...string) []string {
	return slices.DeleteFunc(names(g.Nodes()), func(n string) bool { return slices.Contains(but, n) })
}
