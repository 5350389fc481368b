package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon"
)

// wantCrew refuses runs in which nobody is there to be struck.
func wantCrew(s reckon.Setting) error {
	if !s.HasWorkers {
		return errors.New("it strikes workers, and no workload of this run has any; kibishii has")
	}
	return noTarget.judge(s)
}

// oneWorker draws a worker; who that is turns out when the strike looks.
func oneWorker(rng *rand.Rand) func(c reckon.Cluster) (reckon.Worker, error) {
	drawn := rng.Uint64()
	return func(c reckon.Cluster) (reckon.Worker, error) {
		var all []reckon.Worker
		if crewed, ok := c.(reckon.WorkerCluster); ok {
			all = crewed.Workers()
		}
		if len(all) == 0 {
			return nil, errors.New("no worker is there")
		}
		return all[drawn%uint64(len(all))], nil
	}
}

// nothingToHeal heals what lasts by itself.
func nothingToHeal(context.Context) error { return nil }

// ofWorker names a path in a worker's tree.
func ofWorker(path string, w reckon.Worker) string { return fmt.Sprintf("%s of %s", path, w.Name()) }
