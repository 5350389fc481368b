package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A link that comes and goes (Cloudflare, "A Byzantine failure in the real world", 2020). Each time
// it comes back, the node that was cut off may call an election.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "intermittent-partial",
		Doc:    "the node that leads at a third of the load and one follower are cut from each other for --mtbf, connected for as long, and so on until two thirds",
		Source: "the 2020 Cloudflare outage",
		New:    newIntermittent(intermittent{role: leads, first: "cut WHO and one follower from each other", again: "cut the same two from each other again", bind: theLink}),
	})
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "intermittent-full",
		Doc:    "one follower is cut from every other node for --mtbf, connected for as long, and so on from a third to two thirds of the load; the others are a majority, and lose their leader only if that follower has become the leader",
		Source: "NEAT: complete partition, flapping",
		New:    newIntermittent(intermittent{role: follows, first: "cut WHO from every other node", again: "cut the same one from every other node again", bind: theNode}),
	})
}

// intermittent is a cut that comes and goes. Its first strike chooses the nodes for all.
type intermittent struct {
	role         string
	first, again string // what the first strike does, and what the others do
	bind         func(context.Context, *site) (string, link.Matrix, error)

	mtbf time.Duration
	mode reckon.CutMode
}

func newIntermittent(f intermittent) func(*pflag.FlagSet) reckon.Fault {
	return func(fs *pflag.FlagSet) reckon.Fault {
		f := f // each has its own flags
		flags.SecondsVar(fs, &f.mtbf, "mtbf", time.Second, "mean time between failures: how long an intermittent fault lasts, and how long it then pauses")
		reckon.CutModeVar(fs, &f.mode)
		return &f
	}
}

// leastMTBF bounds the number of strikes in a window.
const leastMTBF = 10 * time.Millisecond

func (f *intermittent) Validate(s reckon.Setting) error {
	least, why := 3, "so that the others are a majority"
	if f.role == leads && (s.Target == "" || s.Target == leads) {
		least, why = 2, "so that there is a follower"
	}
	from, to := middle(s)
	switch {
	case f.mtbf < leastMTBF:
		return fmt.Errorf("--mtbf %v: want at least %v", f.mtbf, leastMTBF)
	case f.mtbf > to-from:
		return fmt.Errorf("--mtbf %v: want at most %v, for which the fault lasts", f.mtbf, to-from)
	}
	return first([]error{oneTarget.check(s), wantNodes(s, least, 0, why), noLinkDown(f.mode)})
}

func (f *intermittent) Requires() []reckon.Requirement { return required(f.mode) }

func (*intermittent) HealsItself() bool { return true }

func (f *intermittent) Strikes(s reckon.Setting, rng *rand.Rand) (all []reckon.Strike) {
	from, to := middle(s)
	k := draw(s, f.role, rng)
	var bound link.Matrix
	var detail string
	strike := func(ctx context.Context, c reckon.Cluster) (in reckon.Injection, err error) {
		if bound == nil {
			if detail, bound, err = f.bind(ctx, k.on(c)); err != nil {
				return in, err
			}
		}
		return inject(ctx, detail, cut(c, bound.Paths(), f.mode))
	}
	name := k.name(f.first)
	for at := from; at < to; at += 2 * f.mtbf {
		all = append(all, reckon.Strike{From: at, To: min(at+f.mtbf, to), Name: name, Inject: strike})
		name = f.again
	}
	return all
}

// theLink returns the link between the target and one follower.
func theLink(ctx context.Context, g *site) (string, link.Matrix, error) {
	a, b, err := g.pair(ctx)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("cut %s and %s from each other", a, b), link.Cut([]string{a}, []string{b}), nil
}

// theNode returns all links between the target and the other nodes.
func theNode(ctx context.Context, g *site) (string, link.Matrix, error) {
	n, err := g.one(ctx)
	if err != nil {
		return "", nil, err
	}
	others := g.others(n.Name())
	return fmt.Sprintf("cut %s from %s", n.Name(), list(inOrder(others))), link.Cut([]string{n.Name()}, others), nil
}
