package faults

import (
	"context"
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
)

func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: "leader",
		Doc:  "the leader is killed (SIGKILL) at a third of the load, and started again on the same data at two thirds",
		New:  func(*pflag.FlagSet) reckon.Fault { return leader{} },
	})
}

type leader struct{}

func (leader) Strikes(s reckon.Setting, _ *rand.Rand) []reckon.Strike {
	from, to := middle(s)
	return []reckon.Strike{{From: from, To: to, Name: "kill the leader", Inject: killLeader}}
}

func killLeader(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
	n, err := c.Leader(ctx)
	if err != nil {
		return reckon.Injection{}, err
	}
	release, err := n.Hold(ctx, reckon.Dead)
	if err != nil {
		return reckon.Injection{}, err
	}
	return reckon.Injection{Detail: "killed " + n.Name(), Heal: release}, nil
}
