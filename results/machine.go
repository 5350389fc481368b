package results

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"go.etcd.io/bbolt/version"
)

// Release is this reckon's. The linker sets it: git describe --tags --always --dirty.
var Release = unreleased

const unreleased = "unreleased"

// Versions returns the versions of everything that a result depends on.
func Versions() map[string]string {
	v := map[string]string{"reckon": Release, "go": runtime.Version(), "kernel": kernel(), "etcd_built_in": version.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && Release == unreleased:
			v["reckon"] = s.Value
		case s.Key == "vcs.modified" && s.Value == "true" && Release == unreleased:
			v["reckon"] += "-dirty"
		}
	}
	return v
}

// machine describes the machine that a run in dir is done on.
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
		// scripts/lab names the machine that it makes
		m["name"] = cmp.Or(os.Getenv("RECKON_MACHINE"), name)
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
