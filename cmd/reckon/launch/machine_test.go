package launch

import (
	"testing"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	_ "github.com/reckon-bench/reckon/systems"
	_ "github.com/reckon-bench/reckon/topologies"
	_ "github.com/reckon-bench/reckon/workloads"
)

// A machine that cannot reset connections refuses every plan that asks for that, before anything is
// started, and says which flag or which entry of a timeline does.
func TestPlansAreRefusedByName(t *testing.T) {
	planned := func(fault string, flags plan.Flags) *plan.Plan {
		p, err := plan.New(plan.Words{System: "etcd", Topology: "simple", Workload: "uniform", Fault: fault}, flags)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	without := []doctor.Finding{
		{What: reckon.ConnectionResets, Detail: "the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{What: reckon.KernelLinks, Detail: "the kernel has no CONFIG_NET_SCH_NETEM"},
	}
	mixed := "[{fault: leader, at: 1s, for: 1s}, {fault: partial-partition, at: 5s, for: 1s, with: {cut: reset}}]"
	plain := "[{fault: partial-partition, at: 5s, for: 1s}]"
	for _, c := range []struct {
		fault string
		flags plan.Flags
		want  string
	}{
		{"partial-partition", plan.Flags{"cut": {"reset"}}, "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"intermittent-full", plan.Flags{"cut": {"reset"}}, "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"constrained", plan.Flags{"cut": {"reset"}, "number-nodes": {"5"}}, "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"churn", plan.Flags{"cut": {"reset"}}, "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"leader,isolate", plan.Flags{"cut": {"reset"}}, "--cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"timeline", plan.Flags{"faults": {mixed}}, "--faults, entry 2, partial-partition: --cut reset: the kernel has no CONFIG_INET_DIAG_DESTROY"},
		{"leader", plan.Flags{"links": {"netem"}}, "--links netem: the kernel has no CONFIG_NET_SCH_NETEM"},
		{"timeline", plan.Flags{"faults": {plain}}, ""},
		{"partial-partition", plan.Flags{"cut": {"drop"}}, ""},
		{"isolate", plan.Flags{"cut": {"link-down"}}, ""},
	} {
		p := planned(c.fault, c.flags)
		got := ""
		if err := lacking(p.Requires(), without); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.fault, c.flags, got, c.want)
		}
		if err := lacking(p.Requires(), []doctor.Finding{{What: reckon.ConnectionResets, OK: true}, {What: reckon.KernelLinks, OK: true}}); err != nil {
			t.Errorf("%s %v: refused by a machine that can do all: %v", c.fault, c.flags, err)
		}
	}
	if err := lacking(nil, []doctor.Finding{{What: "hosts", Needed: true, Detail: "no veth"}}); err == nil || err.Error() != "hosts: no veth" {
		t.Errorf("without what every run needs: %v", err)
	}
}
