package reckon_test

import (
	"os/exec"
	"strings"
	"testing"
)

// floors are the packages in the order in which they may import: each only those
// on floors before its own. Those of one floor do not know each other.
var floors = []string{
	"reckon/history reckon/seed reckon/clock reckon/flags reckon/stats workloads/kibishii",
	"reckon/check workloads/kibishii/fleet",
	"reckon/link",
	"workloads/data/draw",
	"workloads/data/stream",
	"workloads/data/codec workloads/data/tree",
	"workloads/data/trace workloads/data/config",
	"workloads/data/damage",
	"workloads/data/disk workloads/data/expect workloads/data/serve",
	"workloads/data/mount",
	"cmd/reckon/data",
	"reckon/host",
	"reckon/host/hosttest",
	"reckon/link/linktest reckon/link/netem reckon/link/userspace reckon/capture",
	"reckon",
	"topologies workloads faults systems",
	"results",
	"results/compare results/export results/matrix",
	"cmd/reckon",
	".", // this test
}

func TestImportsPointOneWay(t *testing.T) {
	const module = "github.com/reckon-bench/reckon"
	floor := map[string]int{}
	for i, names := range floors {
		for name := range strings.FieldsSeq(names) {
			floor[strings.TrimSuffix(module+"/"+name, "/.")] = i
		}
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		names := strings.Fields(line)
		at, known := floor[names[0]]
		if !known {
			t.Errorf("%s has no floor: add it where its imports allow", names[0])
		}
		for _, imported := range names[1:] {
			if below, ours := floor[imported]; ours && below >= at {
				t.Errorf("%s must not import %s", names[0], imported)
			}
		}
	}
}
