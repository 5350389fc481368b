// Package judgetest writes records of runs that never were, for tests of what judges runs.
package judgetest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/expect"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/results"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

// Record writes the record of a run of the memory system that went well, as its plan has it: a load
// of n operations, several under way at once, and all that comes before and after it.
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
	r := &recording{TB: tb, p: p, dir: dir, last: map[string]history.Change{}}
	r.must(dir.WritePlan(results.NewPlanFile(p, dir.Path())))
	r.event(0, history.NewBuild(time.Unix(1_800_000_000, 0)))
	r.event(10*time.Millisecond, history.NewPhase("probe"))
	r.probes(20 * time.Millisecond)
	for i, phase := range []string{"start", "ready", "preload"} {
		r.event(time.Duration(30+100*i)*time.Millisecond, history.NewPhase(phase))
	}
	r.event(100*time.Millisecond, history.NewUp("n1"))
	r.event(100*time.Millisecond, history.NewLeads("n1", 1))
	r.event(3*time.Second, history.NewPhase("load"))
	r.load(n, 3*time.Second)
	end := 3*time.Second + length
	r.event(end, history.NewPhase("drain"))
	r.event(end+time.Second, history.NewDriver("c1", n, history.Late{}))
	r.links(end + time.Second)
	r.event(end+time.Second, history.NewPhase("settle"))
	r.event(end, history.NewSettled("n1"))
	r.event(end+2*time.Second, history.NewPhase("final"))
	r.finals(end + 2*time.Second)
	r.event(end+3*time.Second, history.NewPhase("collect"))
	r.event(end+3*time.Second, history.NewCollected("n1", int(r.revision-1), r.revision))
	r.event(end+3*time.Second, history.NewHash("n1", r.revision, 7))
	r.event(end+4*time.Second, history.NewDone(history.Counts{Ops: r.ops, Changes: int(r.revision - 1)}))
	r.must(dir.Close())
	return dir
}

// A recording is a record that is being written.
type recording struct {
	testing.TB
	p   *plan.Plan
	dir *results.Dir

	ops      int
	revision int64 // of the store
	last     map[string]history.Change
}

func (r *recording) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *recording) event(at time.Duration, e history.Event) {
	r.Helper()
	r.must(r.dir.Event(e.When(at)))
}

// probes records that every path does what the plan says.
func (r *recording) probes(at time.Duration) {
	paths := r.paths()
	for _, path := range paths {
		s := r.p.Links[path]
		x, delay := expect.Of(s, expect.Packets, r.p.Bounds.Late), s.Delay.Seconds()*1e3
		r.event(at, history.NewProbe(history.Measurement{
			Path: path.String(), Shape: s.String(), Sent: expect.Packets, Fewest: &x.Fewest, Most: &x.Most,
			Delay: &history.Delay{P50: delay, P99: delay}, Bounds: &history.Range{From: x.Floor.Seconds() * 1e3, To: x.Ceiling.Seconds() * 1e3},
		}))
	}
	n := len(paths)
	r.event(at, history.NewProbed(history.Survey{Paths: n, Probed: n, Packets: n * expect.Packets, Took: time.Millisecond}))
}

func (r *recording) paths() []link.Path {
	var hosts []string
	for _, h := range r.p.Hosts {
		hosts = append(hosts, h.Name)
	}
	return expect.Paths(hosts, expect.MaxProbed, nil) // all of them: nothing is drawn
}

func (r *recording) links(at time.Duration) {
	var sum history.Traffic
	for _, path := range r.paths() {
		t := history.Traffic{Packets: 100}
		sum.Packets += t.Packets
		r.event(at, history.NewPath(path.String(), t))
	}
	r.event(at, history.NewLinks("userspace", "", sum, &history.Late{P50: 1, P99: 1, Max: 1}))
}

// do records that the client did the operation at that time, and that it took 5 ms.
func (r *recording) do(op history.Op, client string, process int, at time.Duration) {
	op.Client, op.Process, op.Due, op.Call, op.Return, op.Outcome, op.Member = client, process, at, at, at+5*time.Millisecond, history.OK, "n1"
	if op.Kind == history.Write {
		r.revision = max(r.revision, reckon.FirstRevision) + 1
		c := history.Change{Revision: r.revision, Version: r.last[op.Key].Version + 1, Key: op.Key, Value: op.Value, Member: "n1"}
		r.must(r.dir.Change(c))
		r.last[op.Key], op.Revision = c, c.Revision
	} else {
		c := r.last[op.Key]
		op.Value, op.Revision, op.Version = c.Value, c.Revision, c.Version
	}
	r.ops++
	r.must(r.dir.Op(op))
}

// load records the writes before the load and the n operations of it, which begins at start.
func (r *recording) load(n int, start time.Duration) {
	const atOnce = 8 // processes, of which each is free again when it is its turn
	w := r.p.Workloads[0]
	for op := range w.Value.(reckon.Preloader).Preload(r.p.Setting, 0, 0) {
		r.do(op, "c1", r.ops%atOnce, time.Second+time.Duration(r.ops)*time.Millisecond)
	}
	i := 0
	for op := range w.Value.Ops(r.p.Setting, 0, seed.Stream(r.p.Options.Seed, "workload "+w.Name+" client 0")) {
		if i == n {
			break
		}
		r.do(op, "c1", i%atOnce, start+op.Due)
		i++
	}
}

func (r *recording) finals(at time.Duration) {
	i := 0
	for op := range r.p.Workloads[0].Value.(reckon.FinalReader).Final(r.p.Setting) {
		r.do(op, "n1", i, at)
		i++
	}
}
