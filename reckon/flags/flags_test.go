package flags_test

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
)

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		given string
		want  uint64
		shown string // "" where it is refused
	}{
		{"64MiB", 64 << 20, "64MiB"},
		{"64", 64 << 20, "64MiB"},
		{"0.5GiB", 512 << 20, "512MiB"},
		{"1000KiB", 1000 << 10, "1000KiB"},
		{"1025B", 1025, "1025B"},
		{"0", 0, "0B"},
		{"-1", 0, ""},
		{"1e30", 0, ""},
		{"NaN", 0, ""},
		{"MiB", 0, ""},
		{"64MB", 0, ""},
		{"", 0, ""},
	} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		var got uint64
		flags.SizeVar(fs, &got, "size", 0, "")
		err := fs.Set("size", tt.given)
		if (err != nil) != (tt.shown == "") {
			t.Errorf("%q: error %v", tt.given, err)
		}
		if shown := fs.Lookup("size").Value.String(); err == nil && (got != tt.want || shown != tt.shown) {
			t.Errorf("%q is %d and prints as %s, want %d, %s", tt.given, got, shown, tt.want, tt.shown)
		}
	}
}

// A suggestion mends a slip of the fingers. It never turns a name into another, least of all into
// its opposite.
func TestNearest(t *testing.T) {
	known := []string{"etcd", "etcd-no-pre-vote", "leader", "leader-only", "kill-n", "no-quorum-leader", "isolate-follower", "--number-nodes", "none"}
	for given, want := range map[string]string{
		"etcd-pre-vote":    "",
		"etcd-on-pre-vote": "",
		"leader-recovery":  "",
		"quorum-leader":    "",
		"kill":             "",
		"leader-olny":      "leader-only",
		"lieder":           "leader",
		"ectd":             "etcd",
		"etcd-no-prevote":  "etcd-no-pre-vote",
		"etcd-no-pre-vot":  "etcd-no-pre-vote",
		"isolatefollower":  "isolate-follower",
		"--number-node":    "--number-nodes",
		"--number_nodes":   "--number-nodes",
		"nothing":          "",
	} {
		if got := flags.Nearest(given, known); got != want {
			t.Errorf("%s: suggested %q, want %q", given, got, want)
		}
	}
}
