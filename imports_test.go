package reckon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/reckon-bench/reckon"

// floors are the packages in the order in which they may import: each only those on floors before
// its own. Packages of one floor do not know each other. docs/architecture.md describes them.
var floors = []string{
	// What is recorded, and what needs nothing else of reckon's.
	"reckon/history reckon/seed reckon/clock reckon/child reckon/flags reckon/stats workloads/kibishii",
	"reckon/check reckon/link workloads/kibishii/fleet",
	// Generated data, apart from all runs.
	"workloads/data/draw",
	"workloads/data/stream",
	"workloads/data/codec workloads/data/tree",
	"workloads/data/trace workloads/data/config",
	"workloads/data/damage",
	"workloads/data/disk workloads/data/expect workloads/data/serve",
	"workloads/data/mount",
	// The components of the simulator.
	"reckon/sim/loop reckon/sim/invariant",
	"reckon/sim/disk reckon/sim/network",
	"reckon/sim/node reckon/sim/wal",
	"reckon/sim/client",
	"reckon/sim/memory reckon/sim/raftkv",
	"reckon/sim/world",
	"reckon/sim/scenario",
	// The contracts, and the words that fulfil them.
	"reckon",
	// The gossip store, below the word that runs it.
	"systems/gossip/codec systems/gossip/hlc systems/gossip/riblt",
	"systems/gossip/recon",
	"systems/gossip/state",
	"systems/gossip/core systems/gossip/wal systems/gossip/peer",
	"systems/gossip/api",
	"systems/gossip",
	"topologies workloads faults systems",
	// A run before it is run, and what decides in it.
	"reckon/plan reckon/internal/load",
	"reckon/internal/clusterstate reckon/expect reckon/preview",
	"reckon/internal/nemesis reckon/internal/serveprobe",
	// Hosts, links and processes.
	"reckon/host",
	"reckon/host/hosttest",
	"reckon/link/linktest reckon/link/netem reckon/link/userspace reckon/capture",
	"reckon/internal/probe",
	"reckon/internal/linkverify reckon/internal/testbed reckon/internal/driver reckon/internal/journal",
	"reckon/internal/links reckon/internal/fleet",
	"reckon/internal/cluster",
	"reckon/runner reckon/sim",
	// Recorded runs.
	"results results/canvas results/premise",
	"results/summary",
	"results/resultstest results/figure",
	"results/report",
	"results/judge results/compare results/export results/matrix",
	"results/judge/judgetest results/compare/comparetest results/compare/drawing results/matrix/index",
	"results/matrix/report",
	"results/matrix/campaign",
	// The command.
	"cmd/reckon/exit cmd/reckon/screen cmd/reckon/doctor cmd/reckon/words",
	"cmd/reckon/launch cmd/reckon/ping cmd/reckon/kibishii cmd/reckon/gossip",
	"cmd/reckon/data",
	"cmd/reckon/shell cmd/reckon/sweep cmd/reckon/paired cmd/reckon/simulate",
	"cmd/reckon",
	".", // this test
}

// pure are the packages that build on any operating system and touch none: neither os/exec nor
// golang.org/x/sys is among their imports.
var pure = strings.Fields("reckon reckon/history reckon/seed reckon/flags reckon/stats reckon/link reckon/check reckon/plan " +
	"reckon/preview reckon/expect reckon/internal/clusterstate reckon/internal/nemesis reckon/internal/load " +
	"reckon/sim reckon/sim/client reckon/sim/disk reckon/sim/invariant reckon/sim/loop reckon/sim/memory reckon/sim/network " +
	"reckon/sim/node reckon/sim/raftkv reckon/sim/scenario reckon/sim/wal reckon/sim/world " +
	"workloads/data/draw workloads/data/stream workloads/data/codec workloads/data/tree workloads/data/config workloads/data/trace " +
	"workloads/data/damage workloads/data/expect workloads/data/serve " +
	"systems/gossip/codec systems/gossip/hlc systems/gossip/riblt systems/gossip/recon systems/gossip/state systems/gossip/core")

func TestImportsPointOneWay(t *testing.T) {
	floor := map[string]int{}
	for i, names := range floors {
		for name := range strings.FieldsSeq(names) {
			floor[name] = i
		}
	}
	imports := importsOf(t, func(string) bool { return true })
	for _, from := range slices.Sorted(maps.Keys(imports)) {
		at, known := floor[from]
		if !known {
			t.Errorf("%s has no floor: add it where its imports allow", from)
		}
		for _, to := range imports[from] {
			to, ours := strings.CutPrefix(to, module+"/")
			if below, listed := floor[to]; ours && listed && below >= at {
				t.Errorf("%s must not import %s", from, to)
			}
			if ours && strings.HasPrefix(from, "results") && to == "reckon/runner" {
				t.Errorf("%s must not import %s: recorded runs are read without running anything", from, to)
			}
		}
	}
	for name := range floor {
		if imports[name] == nil && name != "." {
			t.Errorf("%s has a floor, and is no package", name)
		}
	}
}

// anywhere reports whether the file is compiled on every operating system.
func anywhere(name string) bool {
	stem := strings.TrimSuffix(name, ".go")
	return !strings.HasSuffix(stem, "_linux") && !strings.HasSuffix(stem, "_unix")
}

func TestPurePackages(t *testing.T) {
	imports := importsOf(t, anywhere)
	for _, name := range pure {
		for _, to := range imports[name] {
			if to == "os/exec" || strings.HasPrefix(to, "golang.org/x/sys") {
				t.Errorf("%s must not import %s", name, to)
			}
			if ours, ok := strings.CutPrefix(to, module+"/"); ok && !slices.Contains(append(pure, "reckon/clock"), ours) {
				t.Errorf("%s is pure, and imports %s, which is not", name, ours)
			}
		}
	}
	// That they compile there is for make cross, which builds them: it takes the standard library
	// of two more systems.
	for _, system := range []string{"darwin", "windows"} {
		args := []string{"list", "-deps"}
		for _, name := range pure {
			args = append(args, "./"+name)
		}
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=arm64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("GOOS=%s: %v\n%s", system, err, out)
		}
	}
}

// importsOf reads the imports of every package below the working directory, by its path in the
// module: of files that are no tests and whose name is wanted.
func importsOf(t *testing.T, wanted func(name string) bool) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "runs"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !wanted(name):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		at := path.Dir(filepath.ToSlash(file))
		all[at] = append(all[at], "")
		for _, i := range f.Imports {
			to, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			all[at] = append(all[at], to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
