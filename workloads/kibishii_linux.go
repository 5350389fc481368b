package workloads

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/kibishii"
)

func init() {
	reckon.Workloads.Register(reckon.Word[reckon.Workload]{
		Name: "kibishii",
		Doc:  "a worker on every client host generates a tree of files that prove themselves, and verifies it, again and again; they coordinate through the store",
		New: func(fs *pflag.FlagSet) reckon.Workload {
			k := &kibishiis{}
			fs.IntVar(&k.spec.Levels, "kibishii-levels", 2, "levels of directories of each worker's tree")
			fs.IntVar(&k.spec.Dirs, "kibishii-dirs", 4, "directories in each directory above the last level")
			fs.IntVar(&k.spec.Files, "kibishii-files", 8, "files in each directory")
			flags.BytesVar(fs, &k.spec.Length, "kibishii-length", 16<<10, "length of each file, a multiple of the block size; a bare number is bytes")
			flags.BytesVar(fs, &k.spec.BlockSize, "kibishii-block-size", 4<<10, "size of a block; a bare number is bytes")
			flags.SecondsVar(fs, &k.lease, "kibishii-lease", 5*time.Second, "how long a silent worker still counts as present, in whole seconds")
			return k
		},
	})
}

// kibishiis is the workload of Kibishii's workers.
type kibishiis struct {
	spec  kibishii.Spec
	lease time.Duration
}

var _ reckon.Launcher = (*kibishiis)(nil)

// Validate returns an error for a store that workers cannot use, or a tree that cannot exist.
func (k *kibishiis) Validate(s reckon.Setting) error {
	switch {
	case len(s.Endpoints) == 0:
		return errors.New("its workers meet in etcd: the system must be one that speaks etcd's v3 API")
	case k.spec.Files < 1:
		return fmt.Errorf("--kibishii-files %d: must be at least 1, or there is nothing to verify", k.spec.Files)
	case k.lease < time.Second || k.lease%time.Second != 0:
		return fmt.Errorf("--kibishii-lease %v: must be whole seconds, at least 1s", k.lease)
	}
	if err := k.spec.Validate(); err != nil {
		return err
	}
	return kibishii.Options{Identity: kibishii.Identity{Node: "c1", Volume: volume}}.Validate(k.spec)
}

// Ops yields nothing: the workers have clients of their own.
func (k *kibishiis) Ops(reckon.Setting, int, *rand.Rand) iter.Seq[reckon.Op] {
	return func(func(reckon.Op) bool) {}
}

// Checks verify that the passes kept the guarantees of the protocol.
func (k *kibishiis) Checks(reckon.Setting) []reckon.Check {
	return []reckon.Check{{Name: "kibishii", Unobserved: true, Run: func(_ context.Context, h *reckon.History) check.Result { return check.Passes(h) }}}
}

// Launch starts a worker on every client host and waits until all are registered.
func (k *kibishiis) Launch(ctx context.Context, c reckon.Env) (reckon.Workers, error) {
	d, err := newWorkers(ctx, k, c)
	if err != nil {
		return nil, err
	}
	if err := d.launch(ctx); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}
