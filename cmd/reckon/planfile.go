package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/version"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// planFile is plan.json: enough to run it again and to read the record. Words
// and flags make the plan anew; what follows from them stands there for people.
type planFile struct {
	Command  string            `json:"command"`
	Started  time.Time         `json:"started"`
	Words    plan.Words        `json:"words"`
	Flags    plan.Flags        `json:"flags"` // every flag, as it was when this was run
	Given    []string          `json:"flags_given"`
	Seed     uint64            `json:"seed"`
	Versions map[string]string `json:"versions"`
	Machine  map[string]string `json:"machine"`
	Backend  string            `json:"link_backend"`
	Prepared *reckon.Prepared  `json:"prepared,omitempty"` // the system's program, where it does not come with reckon
	derived

	plan *plan.Plan
}

// derived is what follows from words and flags.
type derived struct {
	Hosts   []plan.Host       `json:"hosts"`
	Links   map[string]string `json:"links"`
	Strikes []plannedStrike   `json:"strikes"`
	Bounds  map[string]string `json:"bounds"`
}

type plannedStrike struct {
	Fault string  `json:"fault"`
	Name  string  `json:"name"`
	From  float64 `json:"from_s"`
	To    float64 `json:"to_s"`
}

func newPlanFile(p *plan.Plan, dir string) planFile {
	f := planFile{
		Command: commandLine(p), Started: time.Now(), Words: p.Words, Flags: p.Flags, Given: p.Given, Seed: p.Options.Seed,
		Versions: versions(), Machine: machine(dir), Backend: p.Options.Links, Prepared: p.Prepared, derived: derive(p), plan: p,
	}
	switch system, err := p.SystemVersion(); {
	case err != nil:
		f.Versions["system"] = err.Error() // should it not run either, its last lines will say why
	case system != "":
		f.Versions["system"] = system
	}
	return f
}

func derive(p *plan.Plan) derived {
	d := derived{Hosts: p.Hosts, Links: map[string]string{}, Bounds: map[string]string{}}
	for path, shape := range p.Links {
		d.Links[path.String()] = shape.String()
	}
	for _, s := range p.Strikes {
		d.Strikes = append(d.Strikes, plannedStrike{s.Fault, s.Name, s.From.Seconds(), s.To.Seconds()})
	}
	for _, b := range boundsOf(p) {
		d.Bounds[b.name] = b.value
	}
	return d
}

// bound is a bound of the plan, for people.
type bound struct{ name, value string }

func boundsOf(p *plan.Plan) []bound {
	return []bound{
		{"generator's lag", fmt.Sprintf("%v at p99", p.Bounds.Lag)},
		{"links' lateness", fmt.Sprintf("%v at p99", p.Bounds.Late)},
		{"operations under way", fmt.Sprintf("%d a client", p.Bounds.InFlight)},
		{"being ready", p.Bounds.Ready.String()},
		{"settling", p.Bounds.Settle.String()},
	}
}

// readPlan reads the plan of a recorded run and makes it anew.
func readPlan(dir *results.Dir) (f planFile, err error) {
	if err := dir.ReadPlan(&f); err != nil {
		return f, err
	}
	f.plan, err = plan.New(f.Words, f.Flags)
	if err != nil {
		return f, fmt.Errorf("make the plan of %s again: %w", dir, err)
	}
	f.plan.Given = f.Given
	f.plan.Use(f.Prepared)
	return f, f.same(dir)
}

// same refuses a plan that does not come out as it did when it was run: by
// another plan's bounds, hosts or strikes the record must not be judged.
func (f planFile) same(dir *results.Dir) error {
	again := derive(f.plan)
	for _, part := range []struct {
		name      string
		then, now any
	}{
		{"hosts", f.Hosts, again.Hosts}, {"links", f.Links, again.Links}, {"strikes", f.Strikes, again.Strikes}, {"bounds", f.Bounds, again.Bounds},
	} {
		if !reflect.DeepEqual(part.then, part.now) {
			return fmt.Errorf("plan of %s: its %s do not follow from its words and flags: they were changed by hand, or by another version of reckon (%s)", dir, part.name, f.Versions["reckon"])
		}
	}
	if f.Backend == "" {
		return fmt.Errorf("plan of %s: it names no link backend", dir)
	}
	return nil
}

// commandLine is what to type to run the plan again.
func commandLine(p *plan.Plan) string {
	parts := append([]string{"reckon"}, p.Words.List()...)
	var flags []string
	for _, f := range p.Effective() {
		if f.Given {
			flags = append(flags, "--"+f.Name+"="+quote(f.Value))
		}
	}
	if !slices.Contains(p.Given, "seed") {
		flags = append(flags, fmt.Sprintf("--seed=%d", p.Options.Seed))
	}
	return strings.Join(append(parts, flags...), " ")
}

// quote quotes a word for a POSIX shell where it needs it.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// release is set by the linker: git describe --tags --always --dirty.
var release = "unreleased"

// versions are those of everything that a result depends on.
func versions() map[string]string {
	v := map[string]string{"reckon": release, "go": runtime.Version(), "kernel": kernel(), "etcd_built_in": version.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && release == "unreleased":
			v["reckon"] = s.Value
		case s.Key == "vcs.modified" && s.Value == "true" && release == "unreleased":
			v["reckon"] += "-dirty"
		}
	}
	return v
}

// machine is what the run was done on.
func machine(dir string) map[string]string {
	m := map[string]string{
		"processors": fmt.Sprintf("%d", runtime.NumCPU()), "architecture": runtime.GOOS + "/" + runtime.GOARCH,
		"user": "an ordinary user",
	}
	if os.Geteuid() == 0 {
		m["user"] = "root"
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "MemTotal:"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m["memory"] = strings.TrimSpace(line)
		}
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m["processor"] = strings.TrimSpace(strings.TrimLeft(line, "\t: "))
		}
	}
	if name, err := os.Hostname(); err == nil {
		m["name"] = cmp.Or(os.Getenv("RECKON_MACHINE"), name) // scripts/lab names the machine that it makes
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load_average_at_start"] = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control"); err == nil {
		m["congestion_control"] = strings.TrimSpace(string(b))
	}
	m["file_system"] = fileSystem(filepath.Clean(dir))
	return m
}
