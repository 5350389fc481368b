package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/results"
)

// A Run is what a comparison reads of one recorded run.
type Run struct {
	Dir     string
	Verdict results.Status
	Seed    uint64
	// Axes are the run's plan: the four words and every flag but the seed, by name ("system",
	// "--rate").
	Axes  map[string]string
	given map[string]bool // the flags that were given, by the names of axes
	// Where is the machine and software of the run. A difference in these is noted and does not
	// prevent a comparison.
	Where map[string]string
	// Values are its measures by name: +Inf for an unbounded one, no entry where nothing was
	// measured.
	Values map[string]float64
	// Few has, for each measure without a value because there were too few operations, how many it
	// needs.
	Few map[string]int
	// Recoveries are the times to recover from its faults in milliseconds, +Inf where service did
	// not recover.
	Recoveries []float64
}

// A Side is one of the two sets of runs that are compared.
type Side struct {
	Runs []Run
	// Left are the inconclusive runs, each with the reason.
	Left []Left
}

// Left is a directory that was left out.
type Left struct {
	Dir string `json:"dir"`
	Why string `json:"why"`
}

// depth is how many levels below a directory Load looks for runs.
const depth = 3

// aside is the directory of a matrix's runs that do not count: interrupted, or tried again.
const aside = "aside"

// Load reads the runs of the directories, each of which is a run's own or holds runs, as a matrix's
// does. Inconclusive runs (harness, interrupted, incomplete) are left out and named. A directory
// without any run is an error.
func Load(paths []string) (Side, error) {
	var dirs []string
	for _, p := range paths {
		found, err := runsIn(p)
		if err != nil {
			return Side{}, err
		}
		dirs = append(dirs, found...)
	}
	slices.SortFunc(dirs, strings.Compare)
	dirs = slices.Compact(dirs)
	return readAll(dirs), nil
}

// runsIn returns the directories of the runs in a directory. It follows the path itself where it is
// a link (runs/latest), and no link below it.
func runsIn(path string) ([]string, error) {
	root, err := filepath.EvalSymlinks(path)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	var found []string
	err = filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if _, err := os.Stat(filepath.Join(at, results.PlanName)); err == nil {
			found = append(found, at)
			return fs.SkipDir
		}
		if at != root && e.Name() == aside {
			return fs.SkipDir
		}
		if below, _ := filepath.Rel(root, at); below != "." && strings.Count(below, string(filepath.Separator))+1 >= depth {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("compare %s: no run: neither it nor a directory below it has a plan.json", path)
	}
	return found, nil
}

// readAll reads the runs on all processors.
func readAll(dirs []string) Side {
	type reading struct {
		run Run
		why string
	}
	all := make([]reading, len(dirs))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, dir := range dirs {
		g.Go(func() error {
			all[i].run, all[i].why = read(dir)
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	var s Side
	for i, r := range all {
		if r.why != "" {
			s.Left = append(s.Left, Left{dirs[i], r.why})
			continue
		}
		s.Runs = append(s.Runs, r.run)
	}
	return s
}

// outcome is what a comparison reads of summary.json.
type outcome struct {
	Verdict     results.Status     `json:"verdict"`
	Reason      string             `json:"reason"`
	Interrupted bool               `json:"interrupted"`
	Harness     []string           `json:"harness"`
	Ops         results.Ops        `json:"ops"`
	Latency     results.Latency    `json:"latency_ms"`
	Throughput  results.Throughput `json:"throughput"`
	Strikes     []results.Strike   `json:"strikes"`
	Links       struct {
		Backend string `json:"backend"`
	} `json:"links"`
	Unavailability results.Unavailability `json:"unavailability"`
	Leaders        struct {
		Changes int `json:"changes"`
	} `json:"leaders"`
	FaultFrom *float64 `json:"fault_from_s"`
	FaultTo   *float64 `json:"fault_to_s"`
	LoadEnd   float64  `json:"load_end_s"`
}

// read reads one run; why is the reason where it is inconclusive.
func read(dir string) (r Run, why string) {
	var plan results.PlanFile
	if err := readJSON(filepath.Join(dir, results.PlanName), &plan); err != nil {
		return r, "its plan cannot be read: " + err.Error()
	}
	var out outcome
	err := readJSON(filepath.Join(dir, "summary.json"), &out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, "incomplete: it has no summary.json (reckon check makes one from the record)"
	case err != nil:
		return r, "its summary cannot be read: " + err.Error()
	case out.Interrupted:
		return r, "it was interrupted"
	case out.Verdict == results.StatusHarness:
		why := "harness: inconclusive"
		if len(out.Harness) > 0 {
			why = "harness: " + out.Harness[0]
		}
		return r, why
	case len(out.Harness) > 0: // a violation stays one, but measurements of a harness that misbehaved do not count
		return r, fmt.Sprintf("%s: %s Its measurements do not count: harness: %s", out.Verdict, out.Reason, out.Harness[0])
	}
	r = Run{Dir: dir, Verdict: out.Verdict, Seed: plan.Seed, Axes: axesOf(plan), given: map[string]bool{}, Where: whereOf(plan, out)}
	for _, g := range plan.Given {
		r.given["--"+g] = true
	}
	r.Recoveries = recoveries(out)
	r.Values, r.Few = map[string]float64{}, map[string]int{}
	for _, m := range measures {
		v, few := m.of(out)
		switch {
		case few > 0:
			r.Few[m.name] = few
		case !math.IsNaN(v):
			r.Values[m.name] = v
		}
	}
	return r, ""
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// axesOf returns the run's plan by axis. The system's version is an axis of its own, so that the
// same words with different versions of the built-in etcd can be compared.
func axesOf(p results.PlanFile) map[string]string {
	axes := map[string]string{"system": p.Words.System, "topology": p.Words.Topology, "workload": p.Words.Workload, "fault": p.Words.Fault}
	for name, values := range p.Flags {
		if name != "seed" {
			axes["--"+name] = strings.Join(values, " ")
		}
	}
	if v, _, _ := strings.Cut(p.Versions["system"], ", "); v != "" { // what follows is its path, or that it is built in
		axes[versionAxis] = v
	}
	return axes
}

const versionAxis = "version of the system"

func whereOf(p results.PlanFile, o outcome) map[string]string {
	w := map[string]string{"reckon": p.Versions["reckon"], "kernel": p.Versions["kernel"], "links' backend": o.Links.Backend}
	for _, name := range []string{"name", "processors", "processor", "file_system"} {
		w["machine's "+strings.ReplaceAll(name, "_", " ")] = p.Machine[name]
	}
	maps.DeleteFunc(w, func(_, v string) bool { return v == "" })
	return w
}

// recoveries returns the times to recover from the faults that were injected, in milliseconds.
func recoveries(o outcome) (all []float64) {
	for i, ttr := range o.Unavailability.TTR {
		switch {
		case ttr != nil:
			all = append(all, *ttr)
		case i < len(o.Unavailability.Censored) && o.Unavailability.Censored[i]:
			all = append(all, math.Inf(1))
		}
	}
	return all
}
