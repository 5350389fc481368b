package fleet

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// hundred starts n workers at once and waits until all are registered.
func hundred(c *cluster, n int) *Caller {
	c.t.Helper()
	var all sync.WaitGroup
	for i := range n {
		root := c.root("data")
		all.Go(func() {
			c.worker(Worker{Node: fmt.Sprintf("n%03d", i), Roots: []string{root}, Lease: 30 * time.Second})
		})
	}
	all.Wait()
	return c.caller()
}

// TestHundredWorkers: what a pass of a hundred costs etcd, counted by etcd itself: each revision is
// a write.
func TestHundredWorkers(t *testing.T) {
	const n, most = 100, 5
	c := newCluster(t, 1)
	caller := hundred(c, n)
	for _, cmd := range []kibishii.Command{kibishii.CmdGenerate, kibishii.CmdVerify} {
		op := c.do(caller, Command{Cmd: cmd, Spec: small}, Success)
		if len(op.Nodes) != n || op.Standing.NodesCompleted != fmt.Sprint(n) || strings.Count(op.Standing.NodesSuccessful, ",") != n-1 {
			t.Errorf("%s", encode(op.Standing))
		}
		resp, err := c.client().Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		writes := resp.Header.Revision - op.CommandRev
		beside := int64(op.Ended.Sub(op.Put)/statusEvery) * n
		t.Logf("%s: %v, %d writes, %.2f a worker", cmd, op.Ended.Sub(op.Put).Round(time.Millisecond), writes, float64(writes)/n)
		if writes-beside > most*n {
			t.Errorf("%s: %d writes for %d workers, want at most %d a worker", cmd, writes, n, most)
		}
		ops, err := c.client().Get(t.Context(), opsPrefix+op.OpID)
		if err != nil {
			t.Fatal(err)
		}
		if v := ops.Kvs[0].Version; v < 2 || v > n {
			t.Errorf("%s: the operation's key was written %d times", cmd, v)
		}
	}
	left, err := c.client().Get(t.Context(), runningOf, clientv3.WithPrefix())
	if err != nil || len(left.Kvs) != 0 {
		t.Errorf("left: %v, %v", left.Kvs, err)
	}
}

// BenchmarkFleet is what coordination costs as workers grow: an operation without files, from the
// command to its end.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{10, 50, 100, 200, 400} {
		b.Run(fmt.Sprintf("workers=%d", n), func(b *testing.B) {
			c := newCluster(b, 1)
			began := time.Now()
			caller := hundred(c, n)
			registered := time.Since(began)
			var took []time.Duration
			writes := int64(0)
			for b.Loop() {
				op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: kibishii.Spec{}}, Success)
				took = append(took, op.Ended.Sub(op.Put))
				writes += op.EndRev - op.CommandRev + 1
			}
			reportFleet(b, n, took, writes)
			b.ReportMetric(float64(registered.Milliseconds()), "ms-to-register-all") // the loop forgets what was reported before it
		})
	}
}

func reportFleet(b *testing.B, workers int, took []time.Duration, writes int64) {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "ms/op-p50")
	b.ReportMetric(ms(took[len(took)-1]), "ms/op-max")
	b.ReportMetric(float64(writes)/float64(len(took)*workers), "writes/worker")
}
