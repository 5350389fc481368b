package config

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/data/codec"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// values are the parameters of one group of hosts.
type values struct {
	module  string
	given   map[string]bool
	tree    tree.Spec
	codec   codec.Codec
	ratio   float64
	entropy float64 // bits a byte
}

// A Parameter is one that a file system has: a key in YAML, and with hyphens a flag.
type Parameter struct {
	Name, Usage string
	set         func(*values, string) error
}

// Modules are the kinds of tree that there are, and what each is.
var Modules = map[string]string{
	"Complex":       "directories, files, symbolic links and holes as the parameters say",
	"HardLinks":     "half of the names belong to files with 2, 3 or 5 of them",
	"HugeDirectory": "all files in one directory",
	"DeepTree":      "each directory in the one before it",
	"SmallFiles":    "files of 2 KiB on average",
}

var modules = []string{"Complex", "HardLinks", "HugeDirectory", "DeepTree", "SmallFiles"}

// Parameters returns all that there are, in the order in which to show them.
func Parameters() []Parameter {
	return []Parameter{
		{"module", "kind of tree: Complex, HardLinks, HugeDirectory, DeepTree or SmallFiles", func(v *values, s string) error {
			v.module = s
			if _, ok := Modules[s]; !ok {
				return flags.Suggest("module", s, modules)
			}
			return nil
		}},
		{"size", "bytes of all files together at generation 0, e.g. 10GiB", size(func(v *values) *int64 { return &v.tree.Size })},
		{"files", "names that are no directories: files, symbolic and hard links", whole(func(v *values) *int64 { return &v.tree.Files })},
		{"directories", "directories below the root", whole(func(v *values) *int64 { return &v.tree.Directories })},
		{"directory_fanout", "directories in a directory", whole(func(v *values) *int64 { return &v.tree.Fanout })},
		{"seed_start", "seed of the first file system; the next has the next", func(v *values, s string) (err error) {
			if v.tree.Seed, err = strconv.ParseUint(s, 10, 64); err != nil {
				return fmt.Errorf("want a whole number from 0 up")
			}
			return nil
		}},
		{"initial_time", "when generation 0 is, e.g. 2020-01-01T00:00:00, in UTC", when},
		{"generation_period", "time between generations, in which times of changed files lie, e.g. 48h", period},
		{"change_rate", "bytes added by a generation, as a share of the tree", rate(func(v *values) *draw.Rate { return &v.tree.Change })},
		{"growth_rate", "by how much a generation is larger; change_rate - growth_rate is deleted", rate(func(v *values) *draw.Rate { return &v.tree.Growth })},
		{"attribute_change_rate", "share of files that get another mode and owner", rate(func(v *values) *draw.Rate { return &v.tree.Attributes })},
		{"symlink_probability", "share of the files that are symbolic links", rate(func(v *values) *draw.Rate { return &v.tree.Symlinks })},
		{"hole_probability", "share of the bytes of new files that are holes", rate(func(v *values) *draw.Rate { return &v.tree.Holes })},
		{"hard_link_probability", "share of the other names that belong to files of several", rate(func(v *values) *draw.Rate { return &v.tree.HardLinks })},
		{"xattr_probability", "share of files with extended attributes", rate(func(v *values) *draw.Rate { return &v.tree.Xattrs })},
		{"compression_ratio", "how well compression_codec compresses what files hold; 1 not at all", number(func(v *values) *float64 { return &v.ratio })},
		{"compression_codec", "codec and level of compression_ratio, e.g. zstd-3, gzip-6, lz4-1", func(v *values, s string) (err error) {
			v.codec, err = codec.Parse(s)
			return err
		}},
		{"entropy", "bits a byte by frequency alone, in place of compression_ratio; 8 for random", number(func(v *values) *float64 { return &v.entropy })},
		{"deduplication_ratio", "how often each block of a new file occurs in the tree, on average", number(func(v *values) *float64 { return &v.tree.Duplication })},
		{"deduplication_unit", "size of such a block, a multiple of 4KiB", size(func(v *values) *int64 { return &v.tree.DedupUnit })},
		{"edit_size", "about how many bytes an insert, overwrite or delete within a file has", size(func(v *values) *int64 { return &v.tree.Spread.Extent })},
		{"edit_align", "edits begin and end at multiples of so many bytes; above 1, blocks of fixed size still deduplicate", size(func(v *values) *int64 { return &v.tree.Spread.Align })},
	}
}

func names() (all []string) {
	for _, p := range Parameters() {
		all = append(all, p.Name)
	}
	return all
}

// newValues are the defaults: the article's tree, but small.
func newValues() *values {
	return &values{
		module: modules[0], given: map[string]bool{}, codec: codec.Codec{Name: "zstd", Level: 3}, ratio: 1, entropy: 8,
		tree: tree.Spec{
			Seed: 1, Size: 64 << 20, Files: 1000, Directories: 100, Fanout: 40,
			Symlinks: draw.RateOf(0.05), Holes: draw.RateOf(0.1), Change: draw.RateOf(0.05), Growth: draw.RateOf(0.01), Attributes: draw.RateOf(0.05),
			Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Period: 48 * time.Hour, Duplication: 1, DedupUnit: 16 << 10,
			Spread: stream.Usual,
		},
	}
}

// set sets the parameter of that name.
func (v *values) set(s Setting) error {
	if v.given == nil {
		*v = *newValues()
	}
	for _, p := range Parameters() {
		if p.Name == s.Name {
			v.given[s.Name] = true
			if err := p.set(v, s.Value); err != nil {
				return fmt.Errorf("%s %q: %w", s.Name, s.Value, err)
			}
			return nil
		}
	}
	return flags.Suggest("parameter", s.Name, names())
}

// spec returns what the values amount to.
func (v *values) spec() (s tree.Spec, err error) {
	s = v.tree
	refuse := func(names ...string) error {
		for _, n := range names {
			if v.given[n] {
				return fmt.Errorf("module %s: decides %s itself; leave it out", v.module, n)
			}
		}
		return nil
	}
	switch v.module {
	case "HardLinks":
		if !v.given["hard_link_probability"] {
			s.HardLinks = draw.One / 2
		}
	case "HugeDirectory":
		s.Directories, err = 0, refuse("directories", "directory_fanout")
	case "DeepTree":
		s.Fanout, err = 1, refuse("directory_fanout")
	case "SmallFiles":
		s.Size, err = max(s.Files, s.Files*2048), refuse("size")
	}
	if err != nil {
		return s, err
	}
	if s.Redundancy, err = v.redundancy(); err != nil {
		return s, err
	}
	return s, s.Validate()
}

// redundancy calibrates.
func (v *values) redundancy() (draw.Rate, error) {
	switch {
	case v.given["entropy"] && (v.given["compression_ratio"] || v.given["compression_codec"]):
		return 0, fmt.Errorf("entropy and compression_ratio: want one of them, since each decides the other")
	case v.given["entropy"]:
		if !(v.entropy > 0 && v.entropy <= 8) {
			return 0, fmt.Errorf("entropy %v: must be above 0 and at most 8 bits a byte", v.entropy)
		}
		return codec.Entropy.Calibrate(8 / v.entropy)
	}
	return v.codec.Calibrate(v.ratio)
}

func rate(of func(*values) *draw.Rate) func(*values, string) error {
	return func(v *values, s string) error {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !(x >= 0 && x <= 1) {
			return fmt.Errorf("want a share between 0 and 1")
		}
		*of(v) = draw.RateOf(x)
		return nil
	}
}

func whole(of func(*values) *int64) func(*values, string) error {
	return func(v *values, s string) (err error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("want a whole number from 0 up")
		}
		*of(v) = n
		return nil
	}
}

func number(of func(*values) *float64) func(*values, string) error {
	return func(v *values, s string) (err error) {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("want a number")
		}
		*of(v) = x
		return nil
	}
}

func size(of func(*values) *int64) func(*values, string) error {
	return func(v *values, s string) error {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.BytesVar(fs, of(v), "size", *of(v), "")
		return fs.Lookup("size").Value.Set(s)
	}
}

func when(v *values, s string) (err error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC3339, time.DateOnly} {
		if v.tree.Start, err = time.ParseInLocation(layout, s, time.UTC); err == nil {
			v.tree.Start = v.tree.Start.UTC()
			return nil
		}
	}
	return fmt.Errorf("want a time such as 2020-01-01T00:00:00")
}

func period(v *values, s string) (err error) {
	if v.tree.Period, err = time.ParseDuration(s); err != nil || v.tree.Period < time.Second {
		return fmt.Errorf("want a duration such as 48h, of at least 1s")
	}
	return nil
}
