package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// OmniPaxos' constrained election (Ng et al., EuroSys 2023, section 2), published for five nodes.
// The one node that could win an election misses what the leader writes in the first half of an
// election timeout, so the nodes that would have to vote for it have longer logs: Raft elects
// nobody until the heal.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "constrained",
		Doc:    "one follower is cut from the leader, and half an election timeout later all others from everyone but it, so that the only node that sees a majority lacks entries that the majority has, if anything is written between the two cuts",
		Source: "OmniPaxos (EuroSys'23)",
		New: func(fs *pflag.FlagSet) reckon.Fault {
			f := &constrained{}
			reckon.CutModeVar(fs, &f.mode)
			return f
		},
	})
}

type constrained struct{ mode reckon.CutMode }

func (f *constrained) Validate(s reckon.Setting) error {
	from, to := middle(s)
	err := first([]error{noTarget.check(s), wantNodes(s, 5, 0, "so that a node that sees one other sees no majority"), noLinkDown(f.mode)})
	if half := s.ElectionTimeout / 2; err == nil && to-from <= half {
		return fmt.Errorf("a window of %v: want more than half an election timeout, %v, after which the second cut comes", to-from, half)
	}
	return err
}

func (f *constrained) Requires() []reckon.Requirement { return required(f.mode) }

func (*constrained) HealsItself() bool { return true }

func (*constrained) Trial() reckon.Trial { return fiveNodes() }

func (f *constrained) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	from, to := middle(s)
	k := draw(s, leads, rng)
	var hub string // empty until the first strike chooses it
	first := func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		leader, follower, err := k.on(c).pair(ctx)
		if err != nil {
			return reckon.Injection{}, err
		}
		hub = follower
		return inject(ctx, fmt.Sprintf("cut %s from %s, which leads", hub, leader), cut(c, link.Cut([]string{hub}, []string{leader}).Paths(), f.mode))
	}
	second := func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		if hub == "" {
			return reckon.Injection{}, errors.New("no follower has been cut from the leader before")
		}
		rest := k.on(c).others(hub)
		return inject(ctx, fmt.Sprintf("cut %s from everyone but %s", list(inOrder(rest)), hub), cut(c, link.Cut(rest, rest).Paths(), f.mode))
	}
	return []reckon.Strike{
		{From: from, To: to, Name: "cut one follower and the leader from each other", Inject: first},
		{From: from + s.ElectionTimeout/2, To: to, Name: "cut all others from everyone but that follower", Inject: second},
	}
}
