package workloads

import (
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/workloads/kibishii"
	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

type stopped struct{}

func (stopped) Now() time.Duration { return 0 }

// TestStrangers: what is recorded of an operation tells who was there when it started from who told
// of it later.
func TestStrangers(t *testing.T) {
	now := time.Now()
	node := func(name string) fleet.NodeOutcome {
		return fleet.NodeOutcome{Name: name, State: fleet.Succeeded, Started: now, Completed: now, Result: &kibishii.Result{}}
	}
	op := fleet.Operation{
		OpID: "1", Cmd: kibishii.CmdGenerate, Status: fleet.Success, Put: now, Ended: now,
		Starting: []string{"c1"}, Nodes: []fleet.NodeOutcome{node("c1"), node("c2")},
		Standing: fleet.Standing{NodesStarting: "1", NodesCompleted: "3", NodesSuccessful: "c1,c2", Status: fleet.Success},
	}
	p := (&workers{env: reckon.Env{Clock: stopped{}}}).record(op, nil, history.Load)
	r := check.Passes(&history.History{Passes: []history.Pass{p}, Events: []history.Event{history.NewWorked("c1", history.Started, "1")}})
	for _, want := range []string{
		"counts c2 as completed, which was not there when it started", "counts c2 as successful, which was not there when it started",
		"says that 3 completed, and 2 have given a result",
	} {
		if r.Verdict != check.Invalid || !strings.Contains(r.Detail, want) {
			t.Errorf("%v: %s; want %q", r.Verdict, r.Detail, want)
		}
	}
}
