package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/version"

	"github.com/reckon-bench/reckon"
	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/results"
)

// planFile is plan.json: enough to run it again and to read the record. What
// follows from words, flags and seed stands there for people; it is made anew from those.
type planFile struct {
	Command  string            `json:"command"`
	Started  time.Time         `json:"started"`
	Words    reckon.Words      `json:"words"`
	Flags    reckon.Flags      `json:"flags"`
	Seed     uint64            `json:"seed"`
	Versions map[string]string `json:"versions"`
	Machine  map[string]string `json:"machine"`
	Backend  string            `json:"link_backend"`
	Hosts    []reckon.Host     `json:"hosts"`
	Links    link.Matrix       `json:"links"`
	Strikes  []reckon.Planned  `json:"strikes"`
	Bounds   reckon.Bounds     `json:"bounds"`

	plan *reckon.Plan
}

func newPlanFile(p *reckon.Plan, dir string) planFile {
	v := versions()
	switch system, err := p.SystemVersion(); {
	case err != nil:
		v["system"] = err.Error() // should it not run either, its last lines will say why
	case system != "":
		v["system"] = system
	}
	return planFile{
		Command: commandLine(p), Started: time.Now(), Words: p.Words, Flags: p.Flags, Seed: p.Options.Seed,
		Versions: v, Machine: machine(dir), Backend: p.Options.Links,
		Hosts: p.Hosts, Links: p.Links, Strikes: p.Strikes, Bounds: p.Bounds, plan: p,
	}
}

// readPlan reads the plan of a recorded run and makes it anew.
func readPlan(dir *results.Dir) (f planFile, err error) {
	if err := dir.ReadPlan(&f); err != nil {
		return f, err
	}
	f.plan, err = reckon.NewPlan(f.Words, f.Flags)
	if err != nil {
		return f, fmt.Errorf("make the plan of %s again: %w", dir, err)
	}
	return f, nil
}

// commandLine is what to type to run the plan again.
func commandLine(p *reckon.Plan) string {
	parts := append([]string{"reckon"}, p.Words.List()...)
	flags := make([]string, 0, len(p.Flags))
	for name, values := range p.Flags {
		for _, v := range values {
			flags = append(flags, "--"+name+"="+quote(v))
		}
	}
	slices.Sort(flags)
	if _, ok := p.Flags["seed"]; !ok {
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
	v := map[string]string{"reckon": release, "go": runtime.Version(), "kernel": kernel(), "etcd, built in": version.Version}
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
		m["name"] = name
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load average at the start"] = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control"); err == nil {
		m["congestion control"] = strings.TrimSpace(string(b))
	}
	m["file system of the data"] = fileSystem(filepath.Clean(dir))
	return m
}
