package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/codec"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// The article's configuration is read as it stands.
func TestArticle(t *testing.T) {
	text, err := os.ReadFile("testdata/article.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	hosts := f.Hosts
	if len(hosts) != 10 || hosts[0].Name != "host1" || hosts[9].Name != "host10" || hosts[9].Spec.Seed != 21 {
		t.Fatalf("%d hosts, %+v", len(hosts), hosts)
	}
	want := tree.Spec{
		Seed: 12, Size: 10737418240, Files: 1000, Directories: 100, Fanout: 40,
		Symlinks: draw.One / 20, Holes: draw.One / 10, Change: draw.One / 20, Growth: draw.One / 100, Attributes: draw.One / 20,
		Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Period: 48 * time.Hour,
		Duplication: 1, DedupUnit: 16 << 10, Spread: stream.Usual,
	}
	if hosts[0].Spec != want {
		t.Errorf("%+v\nwant\n%+v", hosts[0].Spec, want)
	}
	f, err = Parse(text, []Setting{{"size", "1GiB"}, {"files", "10"}})
	hosts = f.Hosts
	if err != nil || hosts[3].Spec.Size != 1<<30 || hosts[3].Spec.Files != 10 || hosts[3].Spec.Directories != 100 {
		t.Errorf("overridden: %+v, %v", hosts, err)
	}
}

func TestEveryParameterReachesTheTree(t *testing.T) {
	values := map[string]string{
		"module": "HardLinks", "size": "2MiB", "files": "7", "directories": "3", "directory_fanout": "2", "seed_start": "99", "initial_time": "2021-02-03",
		"generation_period": "1h", "change_rate": "0.5", "growth_rate": "0.005", "attribute_change_rate": "0.7", "symlink_probability": "0.3", "hole_probability": "0.2",
		"hard_link_probability": "0.1", "xattr_probability": "0.4", "compression_ratio": "1.5", "compression_codec": "lz4-1", "entropy": "6",
		"deduplication_ratio": "2", "deduplication_unit": "4KiB", "edit_size": "100", "edit_align": "512",
	}
	usual, err := Default(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Parameters() {
		settings := []Setting{{p.Name, values[p.Name]}}
		if p.Name == "compression_codec" {
			settings = append(settings, Setting{"compression_ratio", "1.2"})
		}
		got, err := Default(settings)
		if err != nil || got.Hosts[0].Spec == usual.Hosts[0].Spec {
			t.Errorf("%s %s changes nothing: %v", p.Name, values[p.Name], err)
		}
	}
	for name := range Modules {
		hosts, err := Default([]Setting{{"module", name}})
		if err != nil {
			t.Errorf("module %s: %v", name, err)
		}
		if _, err := tree.New(hosts.Hosts[0].Spec, 1); err != nil {
			t.Errorf("module %s: %v", name, err)
		}
	}
}

func TestRatioIsReached(t *testing.T) {
	hosts, err := Default([]Setting{{"compression_ratio", "1.8"}, {"compression_codec", "gzip-6"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (codec.Codec{Name: "gzip", Level: 6}).Measure(hosts.Hosts[0].Spec.Redundancy); err != nil || got < 1.75 || got > 1.85 {
		t.Errorf("ratio %v, %v", got, err)
	}
}

// Each mistake gets one line that says where and what.
func TestMistakesAreNamed(t *testing.T) {
	const head = "hosts:\n - count: 1\n   parameters:\n"
	for text, want := range map[string]string{
		head + "     chnge_rate: 0.05\n":                           `line 4: unknown key "chnge_rate", did you mean "change_rate"?`,
		head + "\t files: 3\n":                                     "line 4: is indented with a tab",
		head + "     change_rate: 1.5\n":                           `line 4: change_rate "1.5": want a share between 0 and 1`,
		head + "     growth_rate: 0.06\n":                          "growth_rate 0.06: must not be above change_rate 0.05",
		head + "     size: 100\n":                                  "size 100: must be at least 950 bytes",
		head + "     directory_fanout: 0\n":                        "directory_fanout 0: must be at least 1",
		head + "     files: -3\n":                                  `line 4: files "-3": want a whole number`,
		head + "     files: 3\n     files: 4\n":                    `line 5: key "files": is given twice`,
		head + "     module: Complx\n":                             `line 4: module "Complx": unknown module "Complx", did you mean "Complex"?`,
		head + "     initial_time: yesterday\n":                    `line 4: initial_time "yesterday": want a time such as`,
		head + "     generation_period: 2 days\n":                  `line 4: generation_period "2 days": want a duration`,
		head + "     size: [1, 2]\n":                               "line 4: size: want one value",
		head + "     compression_ratio: 0.5\n":                     "compression ratio 0.5: must be at least 1",
		head + "     entropy: 9\n":                                 "entropy 9: must be above 0 and at most 8",
		head + "     entropy: 7\n     compression_ratio: 2\n":      "want one of them",
		head + "     module: DeepTree\n     directory_fanout: 2\n": "module DeepTree: decides directory_fanout itself",
		"hosts:\n - count: 0\n":                                    `line 2: count "0": want a whole number from 1`,
		"hosts:\n - cuont: 2\n":                                    `line 2: unknown key "cuont", did you mean "count"?`,
		"hosts:\n - count: 2\n - count: 1\n":                       "host1 and host3 would both have seed 1",
		"hosts:\n - count: 1\nexpectations:\n - generation: 1\n":   "line 4: restore_path: is missing",
		"hosts:\n - count: 1\nexpectations:\n - generation: 1\n   restore_path: r\n   host: host2\n": `host "host2": must be one of host1 to host1`,
		"hosts:\n - count: 1\nexpectations:\n - generation: x\n":                                     `line 4: generation "x"`,
		"hosts:\n - count: 1\nexpectations:\n - restore_path: x\n":                                   "line 4: generation: is missing",
		"hosts: 3\n":                            "line 1: hosts: want a list",
		"hots: []\n":                            `line 1: unknown key "hots", did you mean "hosts"?`,
		"":                                      "is empty",
		"{}\n":                                  "hosts: is missing",
		"a: [\n":                                "line 1: did not find expected node content",
		"hosts:\n - count: 1\n---\nhosts: []\n": "more than one document",
	} {
		hosts, err := Parse([]byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n%v\nwant\n%s (%d hosts)", text, err, want, len(hosts.Hosts))
		}
	}
}

func TestExpectations(t *testing.T) {
	f, err := Parse([]byte("hosts:\n - count: 2\nexpectations:\n - {generation: 3, source_path: /docs, restore_path: /restore/two, host: host2}\n - {generation: 0, restore_path: whole}\n"), nil)
	want := []Expectation{{"host2", 3, "docs", "restore/two"}, {"host1", 0, ".", "whole"}}
	if err != nil || len(f.Expectations) != 2 || f.Expectations[0] != want[0] || f.Expectations[1] != want[1] {
		t.Errorf("%+v, %v", f.Expectations, err)
	}
}
