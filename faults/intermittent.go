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

// A link that comes and goes (Cloudflare, "A Byzantine failure in the real world", 2020): each time it
// comes back, what was cut off may call an election.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: "intermittent-partial",
		Doc:  "the node that leads at a third of the load and one follower are cut from each other for --mtbf, connected for as long, and so on until two thirds",
		New:  newIntermittent(intermittent{role: leads, first: "cut WHO and one follower from each other", again: "cut the same two from each other again", bind: theLink}),
	})
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: "intermittent-full",
		Doc:  "one follower is cut from every other node for --mtbf, connected for as long, and so on from a third to two thirds of the load; the others are a majority, and lose their leader only where that one has come to lead",
		New:  newIntermittent(intermittent{role: follows, first: "cut WHO from every other node", again: "cut the same one from every other node again", bind: theNode}),
	})
}

// intermittent is a cut that flaps between nodes that are bound as it first strikes.
type intermittent struct {
	role         string
	first, again string // what the first strike does, and the others
	bind         func(context.Context, *scene) (string, link.Matrix, error)

	mtbf time.Duration
	mode reckon.CutMode
}

func newIntermittent(f intermittent) func(*pflag.FlagSet) reckon.Fault {
	return func(fs *pflag.FlagSet) reckon.Fault {
		f := f // each has its own flags
		flags.SecondsVar(fs, &f.mtbf, "mtbf", time.Second, "mean time between failures: for how long an intermittent fault lasts, and for how long it then does not")
		reckon.CutModeVar(fs, &f.mode)
		return &f
	}
}

// leastMTBF bounds how many strikes a window has.
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
	return first([]error{oneTarget.judge(s), wantNodes(s, least, 0, why), noLinkDown(f.mode)})
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
			if detail, bound, err = f.bind(ctx, &scene{stage: k.on(c)}); err != nil {
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

// theLink is that between whoever is struck and one follower.
func theLink(ctx context.Context, g *scene) (string, link.Matrix, error) {
	a, b, err := g.pair(ctx)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("cut %s and %s from each other", a, b), link.Cut([]string{a}, []string{b}), nil
}

// theNode is all links of whoever is struck to the other nodes.
func theNode(ctx context.Context, g *scene) (string, link.Matrix, error) {
	n, err := g.one(ctx)
	if err != nil {
		return "", nil, err
	}
	others := g.others(n.Name())
	return fmt.Sprintf("cut %s from %s", n.Name(), list(inOrder(others))), link.Cut([]string{n.Name()}, others), nil
}
