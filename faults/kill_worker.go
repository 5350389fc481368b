package faults

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// A worker dies in the middle of a pass. The store counts it as present until its lease expires,
// and its successor waits for that. So the pass must end as failed, and the successor must not
// repeat it.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "kill-worker",
		Doc:    "a worker, drawn at random, is killed (SIGKILL) in the middle of the first pass after a third of the load, and started again a second later",
		Source: "crash faults, of a client of the store that holds a lease",
		New:    func(*pflag.FlagSet) reckon.Fault { return killWorker{} },
	})
}

type killWorker struct{}

// workerGone is how long the worker has no process.
const workerGone = time.Second

func (killWorker) Validate(s reckon.Setting) error { return wantWorkers(s) }

// Trial returns one whose passes are long enough to be interrupted. The fault causes no election, so
// the election timeout may be longer.
func (killWorker) Trial() reckon.Trial {
	return reckon.Trial{Workload: "uniform,kibishii", Flags: map[string][]string{
		"number-clients": {"2"}, "failure-timeout": {"1s"}, "rate": {"50"},
		"kibishii-files": {"100"}, "kibishii-length": {"65536"}, "kibishii-lease": {"2s"},
	}}
}

func (killWorker) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	from, to := s.Window(s.Duration/3, s.Duration/3+workerGone)
	drawn := oneWorker(rng)
	return []reckon.Strike{{From: from, To: to, Name: "kill a worker", Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		w, err := drawn(c)
		if err != nil {
			return reckon.Injection{}, err
		}
		if err := w.Busy(ctx); err != nil {
			return reckon.Injection{}, err
		}
		_, restart, err := w.Kill(ctx)
		if err != nil {
			return reckon.Injection{}, err
		}
		return reckon.Injection{Detail: "killed worker " + w.Name(), Heal: func(ctx context.Context) error {
			_, err := restart(ctx)
			return err
		}}, nil
	}}}
}
