package faults

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// Nodes are dead from the first operation to the last. They may be more than a minority: the result
// is unavailability, which the run must show. They are started again before the cluster settles, so
// that the final reads have a quorum.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "kill-n",
		Doc:    "--kill-n nodes, drawn at random, are killed (SIGKILL) as the load starts and stay dead until it ends",
		Source: "crash faults at and beyond the minority that a quorum tolerates",
		New: func(fs *pflag.FlagSet) reckon.Fault {
			k := &killN{}
			fs.IntVar(&k.n, "kill-n", 1, "how many nodes to kill")
			return k
		},
	})
}

type killN struct{ n int }

func (k *killN) Validate(s reckon.Setting) error {
	if k.n < 1 || k.n > len(s.Nodes) {
		return fmt.Errorf("--kill-n %d: want 1 to %d, the number of nodes", k.n, len(s.Nodes))
	}
	return noTarget.check(s)
}

func (k *killN) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	from, to := s.Window(0, s.Duration)
	drawn := draw(s, anyone, rng)
	name := fmt.Sprintf("kill %d nodes", k.n)
	if k.n == 1 {
		name = "kill one node"
	}
	return []reckon.Strike{{From: from, To: to, Name: name, Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		nodes, err := drawn.on(c).some(k.n)
		if err != nil {
			return reckon.Injection{}, err
		}
		return inject(ctx, "killed "+list(inOrder(names(nodes))), holdAll(c, nodes, reckon.Dead)...)
	}}}
}
