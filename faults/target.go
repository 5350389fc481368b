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

// Roles by which a timeline may name its target, besides the names of nodes.
const (
	leads    = "leader"   // the leader at the time of the strike
	follows  = "follower" // a random live node that does not lead
	anyone   = "random"   // a random live node
	majority = "majority" // more than half of the nodes, random live ones
)

var roles = []string{leads, follows, anyone, majority}

// who returns the role in words.
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

// takes says which targets a word accepts in place of its own.
type takes int

const (
	noTarget  takes = iota // none: it has no target that could be replaced
	oneTarget              // any role of one node
	anyTarget
)

// check returns an error for a target that is unknown or that the word does not accept.
func (t takes) check(s reckon.Setting) error {
	known := slices.Concat(roles, s.Nodes)
	switch {
	case s.Target == "":
		return nil
	case !slices.Contains(known, s.Target):
		return flags.Suggest("target", s.Target, known)
	case t == noTarget:
		return fmt.Errorf("target %s: this word takes none", s.Target)
	case t == oneTarget && s.Target == majority:
		return fmt.Errorf("target %s: this word strikes one node; want %s", s.Target, strings.Join(slices.DeleteFunc(known, func(r string) bool { return r == majority }), ", "))
	}
	return nil
}

// wantNodes returns an error for fewer nodes than least, or more than most unless that is 0.
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

// target is what a strike affects. It is drawn when the strikes are listed, and resolved to nodes
// when one takes effect.
type target struct {
	setting reckon.Setting
	role    string   // a role or a node's name
	order   []string // of preference among the nodes
}

// draw draws a target. Its role is the one given unless the setting names another.
func draw(s reckon.Setting, role string, rng *rand.Rand) target {
	order := slices.Clone(s.Nodes)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return target{s, cmp.Or(s.Target, role), order}
}

// name returns what a strike does, with the target in place of WHO. If that is a follower, any
// other follower is another.
func (k target) name(does string) string {
	if k.role == follows {
		does = strings.ReplaceAll(does, "one follower", "another follower")
	}
	return strings.ReplaceAll(does, "WHO", who(k.role))
}

// on returns the site of a strike on the target.
func (k target) on(c reckon.Cluster) *site { return &site{Cluster: c, target: k} }

// site is the cluster at the time of a strike, where the target is resolved to nodes.
type site struct {
	reckon.Cluster
	target
	mode   reckon.CutMode
	leader reckon.Node // nil until it is asked for
}

// cutting sets the mode in which paths are cut.
func (g *site) cutting(mode reckon.CutMode) *site {
	g.mode = mode
	return g
}

// leads returns the leader, which must be alive.
func (g *site) leads(ctx context.Context) (reckon.Node, error) {
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

// preferred returns every node, in order of preference.
func (g *site) preferred() []reckon.Node {
	nodes := g.Nodes()
	slices.SortStableFunc(nodes, func(a, b reckon.Node) int {
		return cmp.Compare(slices.Index(g.order, a.Name()), slices.Index(g.order, b.Name()))
	})
	return nodes
}

// living returns every live node, in order of preference.
func (g *site) living() []reckon.Node {
	return slices.DeleteFunc(g.preferred(), func(n reckon.Node) bool { return n.State() == reckon.Dead })
}

// followers returns the live nodes other than the leader and those given. It is an error if they
// are fewer than wanted.
func (g *site) followers(ctx context.Context, wanted int, but ...reckon.Node) ([]reckon.Node, error) {
	l, err := g.leads(ctx)
	if err != nil {
		return nil, err
	}
	taken := append(names(but), l.Name())
	found := slices.DeleteFunc(g.living(), func(n reckon.Node) bool { return slices.Contains(taken, n.Name()) })
	if len(found) < wanted {
		return nil, fmt.Errorf("%d live followers, want at least %d", len(found), wanted)
	}
	return found, nil
}

// struck returns the nodes that the target stands for.
func (g *site) struck(ctx context.Context) ([]reckon.Node, error) {
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

// one is struck for words whose target is a single node.
func (g *site) one(ctx context.Context) (reckon.Node, error) {
	nodes, err := g.struck(ctx)
	if err != nil {
		return nil, err
	}
	if len(nodes) != 1 {
		return nil, errors.New("not one node: " + list(names(nodes)))
	}
	return nodes[0], nil
}

// some returns as many live nodes as wanted.
func (g *site) some(wanted int) ([]reckon.Node, error) {
	l := g.living()
	if len(l) < wanted {
		return nil, fmt.Errorf("%d live nodes, want at least %d", len(l), wanted)
	}
	return l[:wanted], nil
}

// others returns the names of all nodes but those given, dead ones too.
func (g *site) others(but ...string) []string {
	return slices.DeleteFunc(names(g.Nodes()), func(n string) bool { return slices.Contains(but, n) })
}
