package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon"
)

// wantWorkers returns an error for a run without workers.
func wantWorkers(s reckon.Setting) error {
	if !s.HasWorkers {
		return errors.New("it affects workers, and no workload of this run has any; kibishii has")
	}
	return noTarget.check(s)
}

// oneWorker draws a worker. Which one that is depends on the workers at the time of the strike.
func oneWorker(rng *rand.Rand) func(c reckon.Cluster) (reckon.Worker, error) {
	drawn := rng.Uint64()
	return func(c reckon.Cluster) (reckon.Worker, error) {
		var all []reckon.Worker
		if with, ok := c.(reckon.WorkerCluster); ok {
			all = with.Workers()
		}
		if len(all) == 0 {
			return nil, errors.New("there is no worker")
		}
		return all[drawn%uint64(len(all))], nil
	}
}

// nothingToHeal is the heal of lasting damage.
func nothingToHeal(context.Context) error { return nil }

// ofWorker names a path and the worker to whose tree it belongs.
func ofWorker(path string, w reckon.Worker) string { return fmt.Sprintf("%s of %s", path, w.Name()) }
