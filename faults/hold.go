package faults

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// hold is a fault that holds the leader, or another target, in a state.
type hold struct {
	state  reckon.State
	verb   string // "kill", for the plan
	did    string // "killed", for the record
	window func(reckon.Setting) (from, to time.Duration)
}

// newHold returns the constructor for a registration: such a fault has no flags.
func newHold(h hold) func(*pflag.FlagSet) reckon.Fault {
	return func(*pflag.FlagSet) reckon.Fault { return h }
}

func (hold) Validate(s reckon.Setting) error {
	if err := anyTarget.check(s); err != nil || s.Target != follows {
		return err
	}
	return wantNodes(s, 2, 0, "so that there is a follower")
}

// HealsItself reports whether the fault's own window ends before the load does.
func (h hold) HealsItself() bool {
	load := reckon.Setting{Duration: time.Minute}
	_, to := h.window(load)
	return to < load.Duration
}

func (h hold) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	from, to := h.window(s)
	k := draw(s, leads, rng)
	return []reckon.Strike{{From: from, To: to, Name: h.verb + " " + who(k.role), Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		nodes, err := k.on(c).struck(ctx)
		if err != nil {
			return reckon.Injection{}, err
		}
		return inject(ctx, h.did+" "+list(inOrder(names(nodes))), holdAll(c, nodes, h.state)...)
	}}}
}
