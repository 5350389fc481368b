package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// All nodes stop at once, as if a rack lost power for a second, and every acknowledged write must
// be there afterwards. SIGKILL keeps the kernel's page cache: what a node has written but not
// flushed to disk survives, so this fault cannot find a missing fsync.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "restart-all",
		Doc:    "all nodes are killed (SIGKILL) at a third of the load and started again after a second; the page cache survives, so this cannot find a missing fsync",
		Source: "Jepsen's etcd test (kill all)",
		New:    func(*pflag.FlagSet) reckon.Fault { return restartAll{} },
	})
}

type restartAll struct{}

func (restartAll) Validate(s reckon.Setting) error { return noTarget.check(s) }

func (restartAll) HealsItself() bool { return true }

func (restartAll) Strikes(s reckon.Setting, _ *rand.Rand) []reckon.Strike {
	from, to := s.Window(s.Duration/3, s.Duration/3+time.Second)
	return []reckon.Strike{{From: from, To: to, Name: "kill all nodes", Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		nodes := slices.DeleteFunc(c.Nodes(), func(n reckon.Node) bool { return n.State() == reckon.Dead })
		if len(nodes) == 0 {
			return reckon.Injection{}, errors.New("all nodes are dead already")
		}
		return inject(ctx, "killed "+list(names(nodes)), holdAll(c, nodes, reckon.Dead)...)
	}}}
}
