package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const small = `
system: [memory, memory-liar]
topology: simple
workload: uniform
fault: none
flags: {duration: 2s, number-nodes: [1, 3]}
repeats: 2
seed: 7
`

// Known answers: a change of them changes what every recorded matrix means.
func TestSeedsAndOrder(t *testing.T) {
	_, cells := parsed(t, small)
	var got []string
	for _, c := range cells {
		got = append(got, fmt.Sprintf("%d %s %d", c.Order, c.Name, c.Seed))
	}
	want := strings.Split(strings.TrimSpace(knownCells), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// What stands elsewhere in the file shifts no cell's seed, and each cell has its own.
func TestSeedsAreTheirOwn(t *testing.T) {
	_, few := parsed(t, small)
	_, many := parsed(t, strings.Replace(small, "[1, 3]", "[2, 1, 5, 3]", 1)+"exclude: [{system: memory, number-nodes: 5}]\n")
	seeds := map[uint64]string{}
	by := map[string]uint64{}
	for _, c := range many {
		if other, ok := seeds[c.Seed]; ok {
			t.Errorf("%s has the seed of %s", c.Name, other)
		}
		seeds[c.Seed], by[c.key()] = c.Name, c.Seed
	}
	for _, c := range few {
		if by[c.key()] != c.Seed {
			t.Errorf("%s: seed %d, and %d among more cells", c.key(), c.Seed, by[c.key()])
		}
	}
	_, other := parsed(t, strings.Replace(small, "seed: 7", "seed: 8", 1))
	if other[0].Seed == few[0].Seed {
		t.Error("another seed of the file gives the same cells")
	}
}

func TestShardsPartition(t *testing.T) {
	_, cells := parsed(t, small)
	for _, of := range []int{1, 2, 3, 8, 20} {
		in := map[string]int{}
		for i := 1; i <= of; i++ {
			n := 0
			for _, c := range cells {
				if (Shard{i, of}).Has(c) {
					in[c.Name]++
					n++
				}
			}
			if fair := len(cells) / of; n < fair || n > fair+1 {
				t.Errorf("shard %d/%d has %d of %d cells", i, of, n, len(cells))
			}
		}
		for _, c := range cells {
			if in[c.Name] != 1 {
				t.Errorf("%s is in %d of %d shards", c.Name, in[c.Name], of)
			}
		}
	}
}

func TestShardFromEnvironment(t *testing.T) {
	for _, tc := range []struct {
		env  string
		want string
	}{
		{"", "none"},
		{"CI_NODE_TOTAL=1", "none"}, // GitLab, a job that is not parallel
		{"CI_NODE_INDEX=2 CI_NODE_TOTAL=4", "2/4"},
		{"CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=3", "1/3"},
		{"BUILDKITE_PARALLEL_JOB=2 BUILDKITE_PARALLEL_JOB_COUNT=3", "3/3"},
		{"JOB_COMPLETION_INDEX=4 JOB_COMPLETIONS=5", "5/5"},
		{"JOB_COMPLETION_INDEX=4", "error: JOB_COMPLETION_INDEX=4 is the index of one job of many, but JOB_COMPLETIONS is not set: set it to the number of jobs, or give --shard"},
		{"CI_NODE_INDEX=0 CI_NODE_TOTAL=4", "error: CI_NODE_INDEX=0 CI_NODE_TOTAL=4: the index must be from 1 to 4: correct it, or give --shard"},
		{"CIRCLE_NODE_INDEX=3 CIRCLE_NODE_TOTAL=3", "error: CIRCLE_NODE_INDEX=3 CIRCLE_NODE_TOTAL=3: the index must be from 0 to 2: correct it, or give --shard"},
		{"CI_NODE_INDEX=two CI_NODE_TOTAL=4", "error: CI_NODE_INDEX=two CI_NODE_TOTAL=4: the index must be from 1 to 4: correct it, or give --shard"},
	} {
		env := map[string]string{}
		for kv := range strings.FieldsSeq(tc.env) {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		s, _, ok, err := ShardFromEnvironment(func(k string) string { return env[k] })
		got := "none"
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case ok:
			got = s.String()
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.env, got, tc.want)
		}
	}
}

// An included product takes what it leaves out from the top, and a flag that may be repeated has
// lists for values.
func TestInclude(t *testing.T) {
	_, cells := parsed(t, `
system: etcd
topology: [simple, wan]
workload: uniform
fault: none
flags: {duration: 2s, etcd-flag: [[snapshot-count=500, max-txn-ops=100], snapshot-count=600]}
include:
  - {topology: simple, fault: leader, flags: {duration: 9s, etcd-flag: snapshot-count=700}, repeats: 2}
`)
	var got []string
	for _, c := range cells {
		got = append(got, strings.TrimSuffix(strings.Join(c.Arguments(), " "), fmt.Sprintf(" --seed=%d", c.Seed)))
	}
	want := []string{
		"etcd simple uniform none --duration=2s --etcd-flag=snapshot-count=500 --etcd-flag=max-txn-ops=100",
		"etcd simple uniform none --duration=2s --etcd-flag=snapshot-count=600",
		"etcd wan uniform none --duration=2s --etcd-flag=snapshot-count=500 --etcd-flag=max-txn-ops=100",
		"etcd wan uniform none --duration=2s --etcd-flag=snapshot-count=600",
		"etcd simple uniform leader --duration=9s --etcd-flag=snapshot-count=700",
		"etcd simple uniform leader --duration=9s --etcd-flag=snapshot-count=700",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// YAML can say the same in ways that a matrix file does not know.
func TestYAMLThatIsRefused(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"[1, 2]", "m.yaml:1: matrix: want keys and values"},
		{"just words", "m.yaml:1: matrix: want keys and values"},
		{small + "---\nsystem: etcd\n", "m.yaml: a matrix file must hold a single document"},
		{small + "exclude: {system: memory}\n", "m.yaml:9: exclude: want a list"},
		{small + "exclude: [{}]\n", "m.yaml:9: exclude: an entry needs words or flags"},
		{small + "thresholds: {max_ttr_ms: -1}\n", "m.yaml:9: thresholds: max_ttr_ms -1: want a number of at least 0"},
		{small + "thresholds: {max_ttr_ms: .nan}\n", "m.yaml:9: thresholds: max_ttr_ms .nan: want a number of at least 0"},
		{small + "thresholds: [{where: {system: memory}}]\n", "m.yaml:9: thresholds: an entry needs a metric"},
		{strings.Replace(small, "simple", "", 1), "m.yaml:3: topology: want a word or a number"},
		{strings.Replace(small, "simple", "[]", 1), "m.yaml:3: topology: the list is empty"},
		{strings.Replace(small, "simple", "{a: b}", 1), "m.yaml:3: topology: want a word or a number"},
		{strings.Replace(small, "repeats: 2", "repeats: 10001", 1), "m.yaml:7: repeats 10001: want a whole number from 1 to 10000"},
		{strings.Replace(small, "seed: 7", "seed: -7", 1), "m.yaml:8: seed -7: want a whole number from 0 up"},
		{strings.Replace(small, "duration:", "--duration:", 1), `m.yaml:6: flags: write "duration" without the dashes`},
		{strings.Replace(small, "duration:", "result-location:", 1), `m.yaml:6: flags: "result-location" cannot be set by a matrix file`},
	} {
		_, err := Parse("m.yaml", []byte(tc.text))
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q gave\n%v, want\n%s", tc.text, err, tc.want)
		}
	}
	_, err := Parse("m.yaml", []byte(strings.NewReplacer("[1, 3]", "[1, 3, 5, 7, 9, 11]", "repeats: 2", "repeats: 10000").Replace(small)))
	must(t, err)
	f, err := Parse("m.yaml", []byte(strings.NewReplacer("[1, 3]", "[1, 2, 3, 4, 5, 6]", "repeats: 2", "repeats: 10000").Replace(small)))
	must(t, err)
	if _, err := f.Cells(); err == nil || !strings.Contains(err.Error(), "more than 100000 cells") {
		t.Errorf("120000 cells gave %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(thousand))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("system: &s {<<: *s}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if file, err := Parse("m.yaml", text); err == nil {
			_, _ = file.Cells() // whatever parses can be multiplied out or is refused
		}
	})
}

const knownCells = `
6 1-memory-simple-uniform-none-number-nodes=1-r1 1760447159
5 2-memory-simple-uniform-none-number-nodes=1-r2 17663975
4 3-memory-simple-uniform-none-number-nodes=3-r1 2542279291
3 4-memory-simple-uniform-none-number-nodes=3-r2 2395162148
7 5-memory-liar-simple-uniform-none-number-nodes=1-r1 4032540179
8 6-memory-liar-simple-uniform-none-number-nodes=1-r2 115332472
1 7-memory-liar-simple-uniform-none-number-nodes=3-r1 3730879335
2 8-memory-liar-simple-uniform-none-number-nodes=3-r2 652613623
`

// Of several thresholds for one metric the last that matches applies.
func TestLastThresholdCounts(t *testing.T) {
	_, cells := parsed(t, small+`
thresholds:
  - {max_ttr_ms: 100, min_ok_ratio: 0.9}
  - {where: {system: memory}, max_ttr_ms: 200}
  - {where: {system: memory, number-nodes: [3]}, max_ttr_ms: 50}
`)
	for _, c := range cells {
		want := 100.0
		if c.Words.System == "memory" {
			want = map[string]float64{"1": 200, "3": 50}[c.Flags["number-nodes"][0]]
		}
		if got := c.Limits(); len(got) != 2 || got[0].Limit != want || got[1].Limit != 0.9 {
			t.Errorf("%s: %v", c.Name, got)
		}
	}
}
