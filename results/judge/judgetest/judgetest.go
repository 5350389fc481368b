// Package judgetest writes records of runs that never were, for tests of what judges runs.
package judgetest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

// Record writes the record of a run of the memory system that went well: n
// operations, half of them writes, over a hundred keys, several under way at once.
func Record(tb testing.TB, n int) *results.Dir {
	tb.Helper()
	const rate = 1000
	length := time.Duration(n) * time.Second / rate
	p, err := plan.New(plan.Words{System: "memory", Topology: "simple", Workload: "uniform", Fault: "none"},
		plan.Flags{"duration": {length.String()}, "rate": {fmt.Sprint(rate)}})
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := results.Create(filepath.Join(tb.TempDir(), "run"))
	if err != nil {
		tb.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(dir.WritePlan(results.NewPlanFile(p, dir.Path())))
	start := time.Second
	phase := func(at time.Duration, name string) {
		must(dir.Event(history.Event{At: at, Kind: history.Phase, Subject: name}))
	}
	must(dir.Event(history.Event{At: start - 1, Kind: history.Probed, Data: map[string]float64{"paths": 2, "probed": 2}}))
	phase(start, "load")
	last, version := map[string]history.Change{}, map[string]int64{}
	for i := range n {
		due := start + time.Duration(i)*time.Second/rate
		op := history.Op{Client: "c1", Process: i % 8, Key: fmt.Sprint(i % 101), Due: due, Call: due, Return: due + 5*time.Millisecond, Outcome: history.OK, Member: "n1"}
		if i%2 == 0 {
			op.Kind, op.Value, op.Revision = history.Write, fmt.Sprintf("%013d", i), int64(i/2+1)
			version[op.Key]++
			last[op.Key] = history.Change{Revision: op.Revision, Version: version[op.Key], Key: op.Key, Value: op.Value, Member: "n1"}
			must(dir.Change(last[op.Key]))
		} else {
			op.Value, op.Revision, op.Version = last[op.Key].Value, last[op.Key].Revision, last[op.Key].Version
		}
		must(dir.Op(op))
	}
	end := start + length
	phase(end, "drain")
	must(dir.Event(history.Event{At: end, Kind: history.Settled, Subject: "n1"}))
	must(dir.Event(history.Event{At: end, Kind: history.Driver, Subject: "c1", Data: map[string]float64{"offered": float64(n)}}))
	must(dir.Event(history.Event{At: end, Kind: history.Links, Subject: "userspace", Data: map[string]float64{"packets": 1, "late_p50_us": 1, "late_p99_us": 1, "late_max_us": 1}}))
	must(dir.Event(history.Event{At: end, Kind: history.Phase, Subject: "done", Data: map[string]float64{"ops": float64(n), "changes": float64((n + 1) / 2)}}))
	must(dir.Close())
	return dir
}
