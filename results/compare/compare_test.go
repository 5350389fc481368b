package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/compare/comparetest"
)

func load(t testing.TB, paths ...string) Side {
	t.Helper()
	s, err := Load(paths)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compared(t testing.TB, a, b Side) *Comparison {
	t.Helper()
	c, err := Compare(a, b, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(c *Comparison) string {
	var b bytes.Buffer
	c.Text(&b)
	return b.String()
}

func wantText(t *testing.T, in string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(in, w) {
			t.Errorf("%q is missing in:\n%s", w, in)
		}
	}
}

func TestADifferenceIsFound(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	a := comparetest.Side(t, root, "a", 20, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 0) })
	b := comparetest.Side(t, root, "b", 20, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd-no-pre-vote", 1500) })
	c := compared(t, load(t, a), load(t, b))
	r := c.Cells[0].Result(TimeToRecover)
	if !r.Differs || r.Difference < 1000 || r.Difference > 2000 || r.Interval[0] > r.Difference || r.Interval[1] < r.Difference {
		t.Errorf("time to recover: %+v", r)
	}
	if r := c.Cells[0].Result("p50 before"); r.Differs || !r.Detectable.Finite() {
		t.Errorf("p50 before: %+v", r)
	}
	wantText(t, text(c), "A and B differ in: system: etcd and etcd-no-pre-vote",
		"* time to recover: differs: in etcd-no-pre-vote the median is", "ms longer (",
		"p50 before: no difference shown", "would have been found in four of five such comparisons",
		"leader changes: no difference shown")
	if len(c.Notes) != 0 {
		t.Errorf("notes %q", c.Notes)
	}
	again := compared(t, load(t, a), load(t, b))
	if text(again) != text(c) {
		t.Error("the same runs give another text")
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	a := comparetest.Side(t, root, "a", 6, func(i int) comparetest.Run {
		m := comparetest.LikeEtcd(rng, "etcd", 0)
		switch i {
		case 1:
			m.Verdict = results.StatusHarness
		case 2:
			m.Interrupted, m.Verdict = true, results.StatusUnknown
		case 3:
			m.Verdict = results.StatusInvalid
		}
		return m
	})
	if err := os.Remove(filepath.Join(a, "004", "summary.json")); err != nil {
		t.Fatal(err)
	}
	b := comparetest.Side(t, root, "b", 6, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 0) })
	if err := os.Symlink("005", filepath.Join(b, "latest")); err != nil {
		t.Fatal(err)
	}
	comparetest.Side(t, b, "aside/cell", 2, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 9000) })
	c := compared(t, load(t, a), load(t, b))
	if c.A.Runs != 3 || c.B.Runs != 6 || len(c.A.Left) != 3 || len(c.A.Invalid) != 1 {
		t.Errorf("A is %+v, B is %+v", c.A, c.B)
	}
	wantText(t, text(c), "A and B have the same plan", "001: harness: the generator lagged", "002: it was interrupted", "004: incomplete",
		"invalid, but included", "too few repeats for an interval: 3 and 6", "3 and 6 runs cannot show any difference, however large, in 13 tests; use at least 6 on each side")
	if r := c.Cells[0].Result(TimeToRecover); r.Interval != nil {
		t.Errorf("an interval of three runs: %v", r.Interval)
	}
	harness := comparetest.Side(t, root, "none", 2, func(int) comparetest.Run { return comparetest.Run{Verdict: results.StatusHarness} })
	var none ErrNoResult
	if _, err := Compare(load(t, harness), load(t, b), false); !errors.As(err, &none) || len(none.Left) != 2 {
		t.Errorf("error is %v", err)
	}
}

func TestOtherPlansAreRefused(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 3))
	rated := func(system, rate string) func(int) comparetest.Run {
		return func(int) comparetest.Run {
			m := comparetest.LikeEtcd(rng, system, 0)
			m.Flags = map[string]string{"rate": rate}
			return m
		}
	}
	a := load(t, comparetest.Side(t, root, "a", 6, rated("etcd", "100")))
	b := load(t, comparetest.Side(t, root, "b", 6, rated("memory", "200")))
	_, err := Compare(a, b, false)
	if err == nil || !strings.Contains(err.Error(), "system is etcd in A and memory in B; --rate is 100 in A and 200 in B (--force") {
		t.Errorf("error is %v", err)
	}
	if _, err := Compare(a, b, true); err != nil {
		t.Errorf("forced: %v", err)
	}
	mixed := load(t, filepath.Join(root, "a"), comparetest.Side(t, root, "c", 3, rated("etcd", "300")))
	if _, err := Compare(mixed, b, false); err == nil || !strings.Contains(err.Error(), "--rate is 100, 300 in A and 200 in B") {
		t.Errorf("error is %v", err)
	}
	c, err := Compare(mixed, load(t, comparetest.Side(t, root, "d", 6, rated("memory", "100"))), true)
	if err != nil {
		t.Fatal(err)
	}
	if wantText(t, text(c), "only one side has runs of rate 300: left out"); len(c.Cells) != 1 || len(c.Cells[0].Runs[0]) != 6 {
		t.Errorf("%d cells", len(c.Cells))
	}
	if _, err := Compare(a, a, false); err == nil || !strings.Contains(err.Error(), "is on both sides") {
		t.Errorf("error is %v", err)
	}
	if _, err := Load([]string{t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no run") {
		t.Errorf("error is %v", err)
	}
	// One flag is what is compared; a flag that only one system understands, and nobody gave, is
	// none.
	one := compared(t, a, load(t, comparetest.Side(t, root, "d", 6, rated("etcd", "200"))))
	if len(one.Differ) != 1 || one.Differ[0].Name != "--rate" || one.B.Label != "rate 200" {
		t.Errorf("differ in %v, B is %s", one.Differ, one.B.Label)
	}
}

// What never recovered ranks behind all that did, and is counted.
func TestCensoredRecoveries(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 4))
	a := comparetest.Side(t, root, "a", 10, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 0) })
	b := comparetest.Side(t, root, "b", 10, func(i int) comparetest.Run {
		m := comparetest.LikeEtcd(rng, "etcd-no-pre-vote", 0)
		if i < 8 {
			m.TTR = []float64{math.NaN()}
		}
		return m
	})
	c := compared(t, load(t, a), load(t, b))
	r := c.Cells[0].Result(TimeToRecover)
	if r.B.Never != 8 || !r.Differs || !math.IsInf(float64(r.B.Median), 1) {
		t.Errorf("%+v", r)
	}
	wantText(t, text(c), "in etcd-no-pre-vote at least half of the values are unbounded", "Unbounded, and ranked above all other values: 0 of 10 in A, 8 of 10 in B")
	if b, err := json.Marshal(c); err != nil || !json.Valid(b) {
		t.Errorf("JSON: %v", err)
	}
}

// A path is no part of a version; and versions that the system's name does not tell are said, as
// are links of another kind.
func TestVersionsAreSaid(t *testing.T) {
	root := t.TempDir()
	of := func(name, backend string, systemsAndVersions ...string) Side {
		i := 0
		return load(t, comparetest.Side(t, root, name, len(systemsAndVersions)/2, func(int) comparetest.Run {
			i += 2
			return comparetest.Run{System: systemsAndVersions[i-2], Version: systemsAndVersions[i-1], Edit: func(s *results.Summary) { s.Links.Backend = backend }}
		}))
	}
	for i, c := range []struct {
		a, b Side
		want string
	}{
		{of("1", "netem", "etcd@v3.6", "etcd 3.6.1, /x/etcd"), of("2", "netem", "etcd@v3.6", "etcd 3.6.1, /y/etcd"), ""},
		{of("3", "netem", "etcd", "etcd 3.7.3, built in"), of("4", "netem", "etcd-no-pre-vote", "etcd 3.6.1, built in"), "the version of the system is etcd 3.7.3 in A and etcd 3.6.1 in B"},
		{of("5", "netem", "etcd", "etcd 3.7.3, built in", "etcd", "etcd 3.6.1, built in"), of("6", "netem", "etcd-no-pre-vote", "etcd 3.6.1, built in"),
			"the version of the system is etcd 3.6.1, etcd 3.7.3 in A and etcd 3.6.1 in B"},
		{of("7", "netem", "etcd", "etcd 3.7.3, built in", "memory", "none"), of("8", "netem", "etcd", "etcd 3.6.1, built in", "memory", "none"),
			"the version of etcd is etcd 3.7.3 in A and etcd 3.6.1 in B"},
		{of("9", "netem", "etcd", "etcd 3.7.3, built in"), of("10", "userspace", "etcd", "etcd 3.7.3, built in"), "the links' backend is netem in A and userspace in B"},
	} {
		got := compared(t, c.a, c.b)
		if notes := strings.Join(got.Notes, "; "); notes != c.want {
			t.Errorf("%d: notes are %q, want %q", i, notes, c.want)
		}
	}
}

func TestMatricesAreComparedCellByCell(t *testing.T) {
	root := t.TempDir()
	c := compared(t, load(t, comparetest.Matrix(t, root, "a", "etcd", 0)...), load(t, comparetest.Matrix(t, root, "b", "etcd-no-pre-vote", 3000)...))
	if len(c.Cells) != 9 || strings.Join(c.Axes, " ") != "fault --link-latency" {
		t.Fatalf("%d cells on %q", len(c.Cells), c.Axes)
	}
	for _, cell := range c.Cells {
		r := cell.Result(TimeToRecover)
		if want := cell.Values[0] == "partial-partition"; r.Differs != want {
			t.Errorf("%s: differs is %v: %s", cell.Name, r.Differs, r.Sentence)
		}
	}
	head, rows := c.runRows()
	if len(rows) != 270 || len(head) != len(rows[0]) {
		t.Errorf("%d rows of runs", len(rows))
	}
}

// What is no number is none: silence where nobody asked, and shares of operations that were too
// few.
func TestWhatARunMeasures(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	of := func(name string, edit func(*results.Summary), ttr ...float64) (float64, int) {
		t.Helper()
		m := comparetest.Run{TTR: ttr, Gap: 700, P50: 40, Rate: 900, Edit: edit}
		dir := t.TempDir()
		m.Write(t, dir)
		r, why := read(dir)
		if why != "" {
			t.Fatal(why)
		}
		v, ok := r.Values[name]
		if !ok {
			v = nan
		}
		return v, r.Few[name]
	}
	unasked := func(s *results.Summary) {
		s.Ops, s.Latency, s.Throughput = results.Ops{}, results.Latency{}, results.Throughput{}
		s.Unavailability.LongestGap = 0
	}
	silent := func(s *results.Summary) { s.Latency.During = nil }
	short := func(s *results.Summary) { s.Latency.Before = nil; *s.FaultFrom = 0.001 }
	some := func(due, acknowledged int) func(*results.Summary) {
		return func(s *results.Summary) {
			s.Throughput.Offered, s.Latency.After.N = float64(due)/(s.LoadEnd-*s.FaultTo), acknowledged
		}
	}
	toTheEnd := func(s *results.Summary) { s.Unavailability.Gap = [2]float64{2.3, 3} }
	for _, c := range []struct {
		name, measure string
		edit          func(*results.Summary)
		ttr           []float64
		want          float64
		few           int
	}{
		{"nothing was offered", "p50 during", unasked, nil, nan, 0},
		{"nothing was offered", Unavailability, unasked, nil, nan, 0},
		{"nothing was offered", "throughput", unasked, nil, nan, 0},
		{"nothing was acknowledged", "p99.9 during", silent, nil, inf, 0},
		{"one operation was due, and not acknowledged", "p50 before", short, nil, nan, 2},
		{"970 operations", "p99.9 after", some(970, 970), nil, nan, 1000},
		{"970 operations", "p99 after", some(970, 970), nil, 66, 0},
		{"97 operations", "p99 after", some(97, 97), nil, nan, 100},
		{"1000 operations, of which not all were acknowledged", "p99.9 after", some(1000, 940), nil, 88, 0},
		{"three strikes", TimeToRecover, nil, []float64{30, 550, 23}, 550, 0},
		{"one strike of three is censored", TimeToRecover, nil, []float64{30, nan, 23}, inf, 0},
		{"an outage that ended", Unavailability, nil, []float64{700}, 700, 0},
		{"an outage that outlasts the load", Unavailability, toTheEnd, []float64{nan}, inf, 0},
		{"the last gap, which nothing struck", Unavailability, toTheEnd, []float64{700}, 700, 0},
	} {
		got, few := of(c.measure, c.edit, c.ttr...)
		if few != c.few || got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) && math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %s is %v, wanting %d; want %v, wanting %d", c.name, c.measure, got, few, c.want, c.few)
		}
	}
	root := t.TempDir()
	few := func(int) comparetest.Run { return comparetest.Run{TTR: []float64{500}, P50: 40, Edit: some(970, 970)} }
	c := compared(t, load(t, comparetest.Side(t, root, "a", 5, few)), load(t, comparetest.Side(t, root, "b", 5, few)))
	wantText(t, text(c), "p99.9 after: not compared: it needs at least 1000 operations in a run")
}

// A broken promise with spoilt numbers stays broken, but its numbers are not counted.
func TestInvalidRunsOfABrokenHarnessAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	comparetest.Run{Verdict: results.StatusInvalid, Edit: func(s *results.Summary) {
		s.Reason, s.Harness = "The system broke a promise: linearizable.", []string{"the generator lagged"}
	}}.Write(t, dir)
	if _, why := read(dir); !strings.Contains(why, "linearizable") || !strings.Contains(why, "the generator lagged") {
		t.Errorf("left out because %q", why)
	}
}

// The median of B is the larger, and yet its values are mostly the smaller: the sentence says both.
func TestMediansAndRanksMayDisagree(t *testing.T) {
	values := func(of string, all ...float64) (s Side) {
		for i, v := range all {
			s.Runs = append(s.Runs, Run{Dir: fmt.Sprint(of, i), Verdict: "valid", Axes: map[string]string{"system": of}, Values: map[string]float64{TimeToRecover: v}})
		}
		return s
	}
	var a, b []float64
	for i := range 21 {
		x := float64(i) / 100
		if i < 10 {
			a, b = append(a, 900+x), append(b, 1+x)
		} else {
			a, b = append(a, 100+x), append(b, 101+x)
		}
	}
	r := compared(t, values("a", a...), values("b", b...)).Cells[0].Results[0]
	if !r.Differs || r.Difference < 0 || r.side > 0 {
		t.Fatalf("%s (%v, %d)", r.Sentence, r.Difference, r.side)
	}
	wantText(t, r.Sentence, "ms longer; but run against run, b is more often shorter, which is what the test compares")
	inf := math.Inf(1)
	r = compared(t, values("a", 1, 2, 3, 4, 5, 6, 7, inf, inf, inf), values("b", 11, 12, 13, 14, 15, 16, 17, 18, 19, inf)).Cells[0].Results[0]
	if out, err := json.Marshal(r); err != nil || !strings.Contains(string(out), `"interval_95":[null,`) || !strings.Contains(string(out), `"interval_infinite":["-inf",""]`) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestAmounts(t *testing.T) {
	for x, want := range map[float64]string{0.0123456: "0.0123", 0.5: "0.5", 0: "0", 0.00456: "0.00456", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234", 3: "3"} {
		if got := Amount(x); got != want {
			t.Errorf("%v is %s, want %s", x, got, want)
		}
	}
}

// A cell's name leaves out the flags that its words do not have.
func TestCellNames(t *testing.T) {
	cell := Cell{Values: []string{"simple", "", "3"}}
	if got := cell.name([]string{"topology", "--mtbf", "--number-nodes"}); got != "simple, number-nodes 3" {
		t.Errorf("the cell is called %q", got)
	}
}

// The number of runs that a sentence asks for is the smallest with which the test can reach the
// level: with one fewer, no two sides of that size do, as sides that do not overlap have the
// smallest P of all.
func TestRepeatsFor(t *testing.T) {
	apart := func(n int) float64 {
		orders := 1.0 // in how many ways the ranks can fall: (2n over n), of which two have the sides apart
		for i := range n {
			orders *= float64(2*n-i) / float64(n-i)
		}
		return 2 / orders
	}
	for _, tests := range []int{1, 10, 13, 117, 1000} {
		level := 0.05 / float64(tests)
		if n := repeatsFor(level); apart(n) > level || apart(n-1) <= level {
			t.Errorf("for %d tests: %d runs, with which P is at least %v, and %v with one fewer", tests, n, apart(n), apart(n-1))
		}
	}
}
