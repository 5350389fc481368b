package compare_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/reckon-bench/reckon/results/compare"
	"github.com/reckon-bench/reckon/results/compare/comparetest"
	"github.com/reckon-bench/reckon/results/compare/drawing"
)

// BenchmarkTwoThousandRuns compares 2 x 1,000 recorded runs, from their directories to the last
// figure.
func BenchmarkTwoThousandRuns(b *testing.B) {
	root, rng := b.TempDir(), rand.New(rand.NewPCG(1, 1))
	x := comparetest.Side(b, root, "a", 1000, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 0) })
	y := comparetest.Side(b, root, "b", 1000, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd-no-pre-vote", 10) })
	out := b.TempDir()
	load := func(path string) compare.Side {
		s, err := compare.Load([]string{path})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	for b.Loop() {
		c, err := compare.Compare(load(x), load(y), false)
		if err == nil {
			err = errors.Join(drawing.Write(c, out), c.Write(out))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
