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
	"sync"

	"github.com/reckon-bench/reckon/results"
)

// A Run is what a comparison needs to know of one recorded run.
type Run struct {
	Dir     string
	Verdict results.Status
	Seed    uint64
	// Axes is what the run was: the four words and every flag but the seed, by name ("system", "--rate").
	Axes  map[string]string
	given map[string]bool // flags that were asked for, by the names of axes
	// Where is what it ran on and with: a difference in these is said, and forbids nothing.
	Where map[string]string
	// Values are its measures by name; +Inf where something never ended, no entry where nothing was measured.
	Values map[string]float64
	// Few says of measures that have no value for want of operations how many there would have to be.
	Few map[string]int
	// Recoveries are the times to recover from its strikes in milliseconds, +Inf where service did not come back.
	Recoveries []float64
}

// A Side is the runs that are compared with the other side's.
type Side struct {
	Runs []Run
	// Left are runs that are no results, each with the reason.
	Left []Left
}

// Left is a directory that was left out.
type Left struct {
	Dir string `json:"dir"`
	Why string `json:"why"`
}

// depth is how many levels below a directory its runs may lie.
const depth = 3

// aside is where a matrix puts runs that do not count: cut short, or tried again.
const aside = "aside"

// Load reads the runs of the directories: each a run's own, or one that holds runs,
// such as a matrix's. Runs that are no results (harness, interrupted, half-written) are left out and
// named. A directory without any run is an error.
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

// runsIn lists the runs of a directory. It follows a link that is named (runs/latest), and none below.
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
		return nil, fmt.Errorf("compare %s: no run: neither it nor what lies below it has a plan.json", path)
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
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, dir := range dirs {
		slots <- struct{}{}
		wg.Go(func() {
			all[i].run, all[i].why = read(dir)
			<-slots
		})
	}
	wg.Wait()
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

// read reads one run; why says that it is no result.
func read(dir string) (r Run, why string) {
	var plan results.PlanFile
	if err := readJSON(filepath.Join(dir, results.PlanName), &plan); err != nil {
		return r, "its plan cannot be read: " + err.Error()
	}
	var out outcome
	err := readJSON(filepath.Join(dir, "summary.json"), &out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, "half-written: it has no summary.json (reckon check makes one of what was recorded)"
	case err != nil:
		return r, "its summary cannot be read: " + err.Error()
	case out.Interrupted:
		return r, "it was interrupted"
	case out.Verdict == results.StatusHarness:
		why := "harness: no result"
		if len(out.Harness) > 0 {
			why = "harness: " + out.Harness[0]
		}
		return r, why
	case len(out.Harness) > 0: // a broken promise stays broken, but what spoils numbers spoils these
		return r, fmt.Sprintf("%s: %s And its numbers are no result: harness: %s", out.Verdict, out.Reason, out.Harness[0])
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

// axesOf is what the plan was. The system's version is an axis of its own, so that
// the same words with another built-in etcd can be compared.
func axesOf(p results.PlanFile) map[string]string {
	axes := map[string]string{"system": p.Words.System, "topology": p.Words.Topology, "workload": p.Words.Workload, "fault": p.Words.Fault}
	for name, values := range p.Flags {
		if name != "seed" {
			axes["--"+name] = strings.Join(values, " ")
		}
	}
	if v, _, _ := strings.Cut(p.Versions["system"], ", "); v != "" { // what follows is where it lies, or that it is built in
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

// recoveries are the times to recover from the strikes that struck.
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
