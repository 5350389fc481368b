package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// A rolling restart, as for an upgrade.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "rolling",
		Doc:    "one node after the other is killed (SIGKILL) and started again: the middle third of the load has a slot for each node, which is dead for the first half of its slot; a node is killed only once the others answer",
		Source: "how operators upgrade",
		New:    func(*pflag.FlagSet) reckon.Fault { return rolling{} },
	})
}

type rolling struct{}

func (rolling) Validate(s reckon.Setting) error { return noTarget.check(s) }

func (rolling) HealsItself() bool { return true }

func (rolling) Strikes(s reckon.Setting, _ *rand.Rand) (all []reckon.Strike) {
	from, to := middle(s)
	slot := (to - from) / time.Duration(len(s.Nodes))
	for i, name := range inOrder(s.Nodes) {
		at := from + time.Duration(i)*slot
		all = append(all, reckon.Strike{From: at, To: at + slot/2, Name: "kill " + name, Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
			return roll(ctx, name, c)
		}})
	}
	return all
}

// roll kills the node once the others answer, except those that are held and cannot.
func roll(ctx context.Context, name string, c reckon.Cluster) (reckon.Injection, error) {
	var it []reckon.Node
	for _, n := range c.Nodes() {
		switch {
		case n.Name() == name && n.State() == reckon.Dead:
			return reckon.Injection{}, fmt.Errorf("%s is dead already", name)
		case n.Name() == name:
			it = append(it, n)
		case n.State() == reckon.Running:
			if err := n.Ready(ctx); err != nil {
				return reckon.Injection{}, fmt.Errorf("wait for the other nodes before killing %s: %w", name, err)
			}
		}
	}
	return inject(ctx, "killed "+name, holdAll(c, it, reckon.Dead)...)
}
