package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// scenario is a fault that strikes once, in the middle third of the load: a row of the table below.
type scenario struct {
	name   string
	doc    string // what it does; the window is said once for all of them
	source string // where it comes from
	// plan says what it does, for the plan; WHO stands for its target.
	plan  string
	role  string // its target by default; "" if it has none
	takes takes
	// least and most bound the number of nodes (0: no bound); why says the reason.
	least, most int
	why         string
	uncut       bool                                                // it cuts nothing, so it has no --cut
	alone       bool                                                // it cuts hosts off from all others, so an interface may go down
	also        func(s reckon.Setting) error                        // what else it needs, or nil
	apply       func(context.Context, *site) (string, []act, error) // what it does there; and the detail, for people
}

// scenarios are the faults that affect a set of links. Sources: NEAT is Alquraan et al., OSDI 2018;
// Nifty is Alfatafta et al., OSDI 2020; OmniPaxos is Ng et al., EuroSys 2023; Howard & Abraham is
// "Raft does not guarantee liveness in the face of network faults", 2020; Cloudflare is "A
// Byzantine failure in the real world", 2020.
var scenarios = []scenario{
	{ // NEAT's and Nifty's partial partition. It has no effect with pre-vote, and an election at the heal without.
		name: "partial-partition", doc: "the leader and one follower are cut from each other, both ways; all else stays connected",
		source: "NEAT (OSDI'18), Nifty (OSDI'20)",
		plan:   "cut WHO and one follower from each other", role: leads, takes: oneTarget,
		least: 2, why: "so that there is a follower", apply: partialPartition,
	},
	{ // NEAT's complete partition of one node.
		name: "isolate", doc: "the leader is cut from every node and client",
		source: "NEAT: complete partition",
		plan:   "cut WHO from every node and client", role: leads, takes: anyTarget,
		least: 2, why: "so that there is another", alone: true, apply: isolate,
	},
	{
		name: "isolate-follower", doc: "one follower is cut from every node and client",
		source: "NEAT: complete partition",
		plan:   "cut WHO from every node and client", role: follows,
		least: 2, why: "so that there is a follower", alone: true, apply: isolate,
	},
	{ // NEAT's simplex partition.
		name: "one-way", doc: "the leader's packets to the other nodes are lost; theirs arrive",
		source: "NEAT: simplex partition",
		plan:   "lose the packets of WHO to the other nodes", role: leads, takes: anyTarget,
		least: 2, why: "so that there is another", apply: oneWay,
	},
	{
		name: "one-way-in", doc: "the other nodes' packets to the leader are lost; its own arrive",
		source: "NEAT: simplex partition",
		plan:   "lose the packets of the other nodes to WHO", role: leads, takes: anyTarget,
		least: 2, why: "so that there is another", apply: oneWayIn,
	},
	{ // Jepsen's partition-random-halves, always with a majority on one side.
		name: "majority", doc: "a random majority of the nodes and the rest are cut from each other",
		source: "NEAT: complete partition; Jepsen's random halves",
		plan:   "cut a random majority and the rest from each other",
		least:  3, why: "so that somebody is left over", apply: halves,
	},
	{ // Jepsen's majorities-ring.
		name: "ring", doc: "the nodes form a ring in which each sees a majority, and no two the same one",
		source: "Jepsen's majorities-ring",
		plan:   "leave every node the neighbours in a random ring that make a majority with it",
		least:  5, why: "so that majorities can differ", apply: ring,
	},
	{ // Jepsen's bridge.
		name: "bridge", doc: "two halves of the nodes meet only in one node, a random one",
		source: "Jepsen's bridge; NEAT: partial partition",
		plan:   "cut two random halves from each other that meet in WHO", role: anyone, takes: oneTarget,
		least: 3, why: "so that there is somebody on either side", apply: bridge,
	},
	{ // OmniPaxos, section 2, published for five nodes. With more, the hub is still the only one that sees a majority.
		name: "quorum-loss", doc: "every link is cut that does not touch one node, which does not lead; so it alone sees a majority",
		source: "OmniPaxos (EuroSys'23)",
		plan:   "cut every link that does not touch one follower",
		least:  5, why: "so that who sees the hub alone sees no majority", apply: quorumLoss,
	},
	{ // OmniPaxos, section 2. With three nodes it is partial-partition, under the name of the publication.
		name: "chained", doc: "the leader and one follower are cut from each other, and the third node sees both",
		source: "OmniPaxos (EuroSys'23)",
		plan:   "cut the leader and one follower from each other, with the third between them", role: leads,
		least: 3, most: 3, why: "as published; partial-partition cuts the same link among more", apply: partialPartition,
	},
	{ // Howard & Abraham's second topology: 1, 2 and 3 see each other, 4 leads and sees only 2, 5 is dead.
		name: "no-quorum-leader", doc: "the leader sees one follower only, which sees two more, and the fifth node is dead (SIGKILL)",
		source: "Howard & Abraham 2020, second topology",
		plan:   "leave the leader one of three followers that see each other, and kill the fifth",
		least:  5, most: 5, why: "as published", apply: noQuorumLeader,
	},
	{ // Cloudflare: a switch that lost some of the packets between some of the nodes.
		name: "flaky-link", doc: "30% of the packets between the leader and one follower are lost, both ways",
		source: "the 2020 Cloudflare outage",
		plan:   "lose 30% of the packets between WHO and one follower", role: leads, takes: oneTarget,
		least: 2, why: "so that there is a follower", uncut: true, apply: flakyLink,
	},
	{
		name: "slow-link", doc: "the latency between the leader and the other nodes is ten times what it was",
		source: "chaos-mesh",
		plan:   "make the links of WHO to the other nodes ten times as slow", role: leads, takes: anyTarget,
		least: 2, why: "so that there is another", uncut: true, also: wantLatency, apply: slowLink,
	},
	{
		name: "lossy", doc: "10% of the packets between the leader and the other nodes are lost, both ways",
		source: "chaos-mesh",
		plan:   "lose 10% of the packets between WHO and the other nodes", role: leads, takes: anyTarget,
		least: 2, why: "so that there is another", uncut: true, apply: lossy,
	},
}

func init() {
	for _, row := range scenarios {
		reckon.Faults.Register(reckon.Word[reckon.Fault]{
			Name:   row.name,
			Doc:    row.doc,
			Source: row.source,
			New: func(fs *pflag.FlagSet) reckon.Fault {
				f := &links{scenario: row}
				if !row.uncut {
					reckon.CutModeVar(fs, &f.mode)
				}
				return f
			},
		})
	}
}

// links is a scenario with its flags.
type links struct {
	scenario
	mode reckon.CutMode
}

func (f *links) Validate(s reckon.Setting) error {
	least := f.least
	if f.takes == oneTarget && s.Target != "" && s.Target != leads {
		least = max(least, 3) // the target may be a follower, and needs another
	}
	errs := []error{f.takes.check(s), wantNodes(s, least, f.most, f.why)}
	if f.also != nil {
		errs = append(errs, f.also(s))
	}
	if !f.alone {
		errs = append(errs, noLinkDown(f.mode))
	}
	return first(errs)
}

// first returns the first error, if any.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// noLinkDown refuses --cut link-down for a cut of only some of a host's paths: it would take all of
// them.
func noLinkDown(w reckon.CutMode) error {
	if w == reckon.LinkDown {
		return errors.New("--cut link-down: takes down a host's only interface, so only isolate and isolate-follower can use it; want drop or reset")
	}
	return nil
}

func (f *links) Requires() []reckon.Requirement { return required(f.mode) }

func (*links) HealsItself() bool { return true }

// Trial returns one with enough nodes for the scenario. Most fit any number, and need none.
func (f *links) Trial() reckon.Trial {
	if f.least < 5 {
		return reckon.Trial{}
	}
	return fiveNodes()
}

func (f *links) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	from, to := middle(s)
	k := draw(s, f.role, rng)
	return []reckon.Strike{{From: from, To: to, Name: k.name(f.plan), Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		detail, acts, err := f.apply(ctx, k.on(c).cutting(f.mode))
		if err != nil {
			return reckon.Injection{}, err
		}
		return inject(ctx, detail, acts...)
	}}}
}

// cut returns what cuts all paths of the matrix.
func (g *site) cut(m link.Matrix) []act { return []act{cut(g, m.Paths(), g.mode)} }

// pair returns the target, a single node, and one follower other than it.
func (g *site) pair(ctx context.Context) (a, b string, err error) {
	n, err := g.one(ctx)
	if err != nil {
		return "", "", err
	}
	f, err := g.followers(ctx, 1, n)
	if err != nil {
		return "", "", err
	}
	return n.Name(), f[0].Name(), nil
}

func partialPartition(ctx context.Context, g *site) (string, []act, error) {
	a, b, err := g.pair(ctx)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("cut %s and %s from each other", a, b), g.cut(link.Cut([]string{a}, []string{b})), nil
}

func isolate(ctx context.Context, g *site) (string, []act, error) {
	nodes, err := g.struck(ctx)
	if err != nil {
		return "", nil, err
	}
	hosts := everybody(g.setting)
	var acts []act
	for _, n := range nodes { // a cut each, because an interface belongs to one host
		acts = append(acts, g.cut(link.Cut([]string{n.Name()}, hosts))...)
	}
	return fmt.Sprintf("cut %s from every node and client", list(inOrder(names(nodes)))), acts, nil
}

// everybody returns every host of the run, also those that the system does not use: a host whose
// interface is down reaches none of them.
func everybody(s reckon.Setting) []string {
	all := slices.Concat(s.Nodes, s.Clients)
	for p := range s.Links {
		all = append(all, p.From, p.To)
	}
	return slices.Compact(inOrder(all))
}

func oneWay(ctx context.Context, g *site) (string, []act, error) {
	return g.simplex(ctx, false, "lost the packets of %s to %s")
}

func oneWayIn(ctx context.Context, g *site) (string, []act, error) {
	return g.simplex(ctx, true, "lost the packets to %s from %s")
}

// simplex cuts the paths from the target to the other nodes or, if back, those in the other
// direction.
func (g *site) simplex(ctx context.Context, back bool, detail string) (string, []act, error) {
	nodes, err := g.struck(ctx)
	if err != nil {
		return "", nil, err
	}
	m := link.Matrix{}
	for _, n := range nodes {
		for _, o := range g.others(n.Name()) {
			p := link.Path{From: n.Name(), To: o}
			if back {
				p = p.Back()
			}
			m[p] = link.Shape{Cut: true}
		}
	}
	others := "the other nodes"
	if len(nodes) == 1 {
		others = list(inOrder(g.others(nodes[0].Name())))
	}
	return fmt.Sprintf(detail, list(inOrder(names(nodes))), others), g.cut(m), nil
}

func halves(_ context.Context, g *site) (string, []act, error) {
	many := len(g.order)/2 + 1
	a, b := g.order[:many], g.order[many:]
	return fmt.Sprintf("cut %s from %s", list(inOrder(a)), list(inOrder(b))), g.cut(link.Cut(a, b)), nil
}

// ring leaves each node connected to those at most reach steps away in a ring of random order,
// which with it are a majority. With five nodes reach is 1:
//
//	1 sees 5 1 2    2 sees 1 2 3    3 sees 2 3 4    4 sees 3 4 5    5 sees 4 5 1
func ring(_ context.Context, g *site) (string, []act, error) {
	n := len(g.order)
	reach := (n/2 + 1) / 2 // 2*reach + 1 is the smallest odd number that is at least a majority
	m := link.Matrix{}
	for i, a := range g.order {
		for j := i + 1; j < n; j++ {
			if min(j-i, n-(j-i)) > reach {
				for p, s := range link.Cut([]string{a}, []string{g.order[j]}) {
					m[p] = s
				}
			}
		}
	}
	neighbours := "its two neighbours"
	if reach > 1 {
		neighbours = fmt.Sprintf("its %d neighbours on either side", reach)
	}
	return fmt.Sprintf("left each node %s in the ring %s", neighbours, strings.Join(g.order, " ")), g.cut(m), nil
}

func bridge(ctx context.Context, g *site) (string, []act, error) {
	n, err := g.one(ctx)
	if err != nil {
		return "", nil, err
	}
	rest := slices.DeleteFunc(slices.Clone(g.order), func(name string) bool { return name == n.Name() })
	a, b := rest[:len(rest)/2], rest[len(rest)/2:]
	return fmt.Sprintf("cut %s from %s; %s sees both sides", list(inOrder(a)), list(inOrder(b)), n.Name()), g.cut(link.Cut(a, b)), nil
}

func quorumLoss(ctx context.Context, g *site) (string, []act, error) {
	f, err := g.followers(ctx, 1)
	if err != nil {
		return "", nil, err
	}
	hub := f[0].Name()
	rest := g.others(hub)
	return fmt.Sprintf("cut every link that does not touch %s", hub), g.cut(link.Cut(rest, rest)), nil
}

func noQuorumLeader(ctx context.Context, g *site) (string, []act, error) {
	four, err := g.leads(ctx)
	if err != nil {
		return "", nil, err
	}
	f, err := g.followers(ctx, 3)
	if err != nil {
		return "", nil, err
	}
	one, two, three := f[0].Name(), f[1].Name(), f[2].Name()
	fifth := g.others(four.Name(), one, two, three)[0] // it may be dead already: then it is held dead once more
	var five []reckon.Node
	for _, n := range g.Nodes() {
		if n.Name() == fifth {
			five = append(five, n)
		}
	}
	detail := fmt.Sprintf("killed %s, and cut %s, which leads, from %s; %s sees them all", fifth, four.Name(), list(inOrder([]string{one, three})), two)
	return detail, append(holdAll(g.Cluster, five, reckon.Dead), g.cut(link.Cut([]string{four.Name()}, []string{one, three}))...), nil
}

func flakyLink(ctx context.Context, g *site) (string, []act, error) {
	a, b, err := g.pair(ctx)
	if err != nil {
		return "", nil, err
	}
	p, loss := link.Path{From: a, To: b}, link.Shape{Loss: 0.3}
	return fmt.Sprintf("lost 30%% of the packets between %s and %s", a, b), []act{degrade(g, link.Matrix{p: loss, p.Back(): loss})}, nil
}

func lossy(ctx context.Context, g *site) (string, []act, error) {
	return g.overlay(ctx, "lost 10%% of the packets between %s and the other nodes", func(link.Path) link.Shape { return link.Shape{Loss: 0.1} })
}

// slowdown is the latency added to a slow link, in multiples of its baseline.
const slowdown = 9

func slowLink(ctx context.Context, g *site) (string, []act, error) {
	return g.overlay(ctx, "made the links between %s and the other nodes ten times as slow", func(p link.Path) link.Shape {
		return link.Shape{Delay: slowdown * g.setting.Links[p].Delay}
	})
}

// overlay degrades the links between the target and the other nodes, in both directions.
func (g *site) overlay(ctx context.Context, detail string, shape func(link.Path) link.Shape) (string, []act, error) {
	nodes, err := g.struck(ctx)
	if err != nil {
		return "", nil, err
	}
	m := link.Matrix{}
	for p := range link.Cut(names(nodes), names(g.Nodes())) {
		m[p] = shape(p)
	}
	return fmt.Sprintf(detail, list(inOrder(names(nodes)))), []act{degrade(g, m)}, nil
}

// wantLatency refuses links that have no latency to multiply.
func wantLatency(s reckon.Setting) error {
	for _, p := range link.Cut(s.Nodes, s.Nodes).Paths() {
		if d := s.Links[p].Delay; d == 0 {
			return fmt.Errorf("the path %s has no latency that could be ten times as long: want --link-latency above 0", p)
		}
	}
	return nil
}
