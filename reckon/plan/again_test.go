package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

// A recorded plan is made again as it was, whether the latency of a path was given or came with the
// file of its delays: the record has every flag with its value, and which of them were given.
func TestAgain(t *testing.T) {
	delays := filepath.Join(t.TempDir(), "delays.txt")
	if err := os.WriteFile(delays, []byte("30ms\n31ms\n45ms\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := link.Path{From: "c1", To: "n1"}
	seen := map[time.Duration]bool{}
	for _, given := range []plan.Flags{
		{"link-distribution": {delays}},
		{"link-distribution": {delays}, "link-latency": {"20ms"}}, // which is the default
		{"link-latency": {"20ms"}},
		{"link-distribution": {delays}, "link-jitter": {"10%"}},
	} {
		p, err := plan.New(plan.Words{System: "etcd", Topology: "simple", Workload: "uniform", Fault: "none"}, given)
		if err != nil {
			t.Fatal(err)
		}
		again, err := plan.Again(p.Words, p.Flags, p.Given)
		if err != nil {
			t.Fatal(err)
		}
		if p.Links[path] != again.Links[path] || !slices.Equal(p.Given, again.Given) {
			t.Errorf("%v: %v of %v, again %v of %v", given, p.Links[path], p.Given, again.Links[path], again.Given)
		}
		if _, ok := given["link-latency"]; ok && p.Links[path].Delay != 20*time.Millisecond {
			t.Errorf("%v: the latency is %v", given, p.Links[path].Delay)
		}
		seen[p.Links[path].Delay] = true
	}
	if len(seen) != 2 {
		t.Errorf("latencies %v, want that of the file and the one given", seen)
	}
}
