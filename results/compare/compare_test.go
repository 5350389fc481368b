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

	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/canvas"
)

// made is a run that a test writes.
type made struct {
	system, fault string
	flags         map[string]string
	verdict       results.Status
	interrupted   bool
	ttr           []float64 // NaN for a strike from which it did not recover
	gap           float64
	p50           float64
	rate          float64
	changes       int
	kernel        string
	version       string // "none" for a system that has none
	edit          func(*results.Summary)
}

func (m made) write(t testing.TB, dir string) {
	t.Helper()
	flags, given := map[string][]string{"seed": {"7"}, "duration": {"3s"}}, []string{}
	for k, v := range m.flags {
		flags[k] = []string{v}
		given = append(given, k)
	}
	plan := map[string]any{
		"words": map[string]string{"system": or(m.system, "etcd"), "topology": "simple", "workload": "uniform", "fault": or(m.fault, "leader")},
		"flags": flags, "flags_given": given, "seed": 7, "versions": map[string]string{"kernel": or(m.kernel, "6.1"), "reckon": "v1", "system": or(m.version, "etcd 3.7.3, built in")},
	}
	if m.version == "none" {
		delete(plan["versions"].(map[string]string), "system")
	}
	s := results.Summary{Verdict: results.Status(or(string(m.verdict), "valid")), Interrupted: m.interrupted}
	if m.verdict == results.StatusHarness {
		s.Harness = []string{"the generator lagged"}
	}
	for _, v := range m.ttr {
		s.Unavailability.Censored = append(s.Unavailability.Censored, math.IsNaN(v))
		if math.IsNaN(v) {
			s.Unavailability.TTR = append(s.Unavailability.TTR, nil)
		} else {
			s.Unavailability.TTR = append(s.Unavailability.TTR, &v)
		}
	}
	s.Unavailability.LongestGap = m.gap
	q := func(x float64) *results.Quantiles {
		return &results.Quantiles{N: 1000, P50: x, P90: 1.1 * x, P99: 1.5 * x, P999: 2 * x}
	}
	s.Latency.Before, s.Latency.During, s.Latency.After = q(m.p50), q(3*m.p50), q(1.1*m.p50)
	s.Ops.Offered, s.Throughput.Offered, s.Throughput.OK = 3000, 1000, m.rate
	from, to := 1.0, 2.0
	s.FaultFrom, s.FaultTo, s.LoadEnd = &from, &to, 3
	s.Leaders.Changes = m.changes
	if m.edit != nil {
		m.edit(&s)
	}
	put(t, filepath.Join(dir, "plan.json"), plan)
	put(t, filepath.Join(dir, "summary.json"), s)
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func put(t testing.TB, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// likeEtcd is a run as runs of etcd under leader come out: an election time-out or two, and a tail.
func likeEtcd(rng *rand.Rand, system string, slower float64) made {
	ttr := slower + 1000*(1+rng.Float64()) + 60*rng.ExpFloat64()
	if rng.IntN(5) == 0 {
		ttr += 1000
	}
	return made{
		system: system, ttr: []float64{math.Round(ttr*1000) / 1000}, gap: ttr, p50: 40 + rng.NormFloat64(), rate: 97 - ttr/1000 + 0.2*rng.NormFloat64(),
		changes: 1 + rng.IntN(6)/5,
	}
}

func side(t testing.TB, root, name string, n int, run func(i int) made) string {
	t.Helper()
	dir := filepath.Join(root, name)
	for i := range n {
		run(i).write(t, filepath.Join(dir, fmt.Sprintf("%03d", i)))
	}
	return dir
}

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
	a := side(t, root, "a", 20, func(int) made { return likeEtcd(rng, "etcd", 0) })
	b := side(t, root, "b", 20, func(int) made { return likeEtcd(rng, "etcd-no-pre-vote", 1500) })
	c := compared(t, load(t, a), load(t, b))
	r := c.Cells[0].result(timeToRecover)
	if !r.Differs || r.Difference < 1000 || r.Difference > 2000 || r.Interval[0] > r.Difference || r.Interval[1] < r.Difference {
		t.Errorf("time to recover: %+v", r)
	}
	if r := c.Cells[0].result("p50 before"); r.Differs || !r.Detectable.finite() {
		t.Errorf("p50 before: %+v", r)
	}
	wantText(t, text(c), "A and B differ in: system: etcd and etcd-no-pre-vote",
		"* time to recover: differs: in etcd-no-pre-vote it is", "ms longer in the median",
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
	a := side(t, root, "a", 6, func(i int) made {
		m := likeEtcd(rng, "etcd", 0)
		switch i {
		case 1:
			m.verdict = results.StatusHarness
		case 2:
			m.interrupted, m.verdict = true, results.StatusUnknown
		case 3:
			m.verdict = results.StatusInvalid
		}
		return m
	})
	if err := os.Remove(filepath.Join(a, "004", "summary.json")); err != nil {
		t.Fatal(err)
	}
	b := side(t, root, "b", 6, func(int) made { return likeEtcd(rng, "etcd", 0) })
	if err := os.Symlink("005", filepath.Join(b, "latest")); err != nil {
		t.Fatal(err)
	}
	side(t, b, "aside/cell", 2, func(int) made { return likeEtcd(rng, "etcd", 9000) })
	c := compared(t, load(t, a), load(t, b))
	if c.A.Runs != 3 || c.B.Runs != 6 || len(c.A.Left) != 3 || len(c.A.Invalid) != 1 {
		t.Errorf("A is %+v, B is %+v", c.A, c.B)
	}
	wantText(t, text(c), "A and B are of the same plan", "001: harness: the generator lagged", "002: it was interrupted", "004: half-written",
		"invalid, and counted", "too few repeats for an interval: 3 and 6", "no difference, however large, would have been found reliably")
	if r := c.Cells[0].result(timeToRecover); r.Interval != nil {
		t.Errorf("an interval of three runs: %v", r.Interval)
	}
	harness := side(t, root, "none", 2, func(int) made { return made{verdict: results.StatusHarness} })
	var none ErrNoResult
	if _, err := Compare(load(t, harness), load(t, b), false); !errors.As(err, &none) || len(none.Left) != 2 {
		t.Errorf("error is %v", err)
	}
}

func TestOtherPlansAreRefused(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 3))
	rated := func(system, rate string) func(int) made {
		return func(int) made {
			m := likeEtcd(rng, system, 0)
			m.flags = map[string]string{"rate": rate}
			return m
		}
	}
	a := load(t, side(t, root, "a", 6, rated("etcd", "100")))
	b := load(t, side(t, root, "b", 6, rated("memory", "200")))
	_, err := Compare(a, b, false)
	if err == nil || !strings.Contains(err.Error(), "system is etcd in A and memory in B; --rate is 100 in A and 200 in B (--force") {
		t.Errorf("error is %v", err)
	}
	if _, err := Compare(a, b, true); err != nil {
		t.Errorf("forced: %v", err)
	}
	mixed := load(t, filepath.Join(root, "a"), side(t, root, "c", 3, rated("etcd", "300")))
	if _, err := Compare(mixed, b, false); err == nil || !strings.Contains(err.Error(), "--rate is 100, 300 in A and 200 in B") {
		t.Errorf("error is %v", err)
	}
	c, err := Compare(mixed, load(t, side(t, root, "d", 6, rated("memory", "100"))), true)
	if err != nil {
		t.Fatal(err)
	}
	if wantText(t, text(c), "only one side has runs of rate 300: left out"); len(c.Cells) != 1 || len(c.Cells[0].runs[0]) != 6 {
		t.Errorf("%d cells", len(c.Cells))
	}
	if _, err := Compare(a, a, false); err == nil || !strings.Contains(err.Error(), "stands on both sides") {
		t.Errorf("error is %v", err)
	}
	if _, err := Load([]string{t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no run") {
		t.Errorf("error is %v", err)
	}
	// One flag is what is compared; a flag that only one system understands, and nobody gave, is none.
	one := compared(t, a, load(t, side(t, root, "d", 6, rated("etcd", "200"))))
	if len(one.Differ) != 1 || one.Differ[0].Name != "--rate" || one.B.Label != "rate 200" {
		t.Errorf("differ in %v, B is %s", one.Differ, one.B.Label)
	}
}

// What never recovered ranks behind all that did, and is counted.
func TestCensoredRecoveries(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(1, 4))
	a := side(t, root, "a", 10, func(int) made { return likeEtcd(rng, "etcd", 0) })
	b := side(t, root, "b", 10, func(i int) made {
		m := likeEtcd(rng, "etcd-no-pre-vote", 0)
		if i < 8 {
			m.ttr = []float64{math.NaN()}
		}
		return m
	})
	c := compared(t, load(t, a), load(t, b))
	r := c.Cells[0].result(timeToRecover)
	if r.B.Never != 8 || !r.Differs || !math.IsInf(float64(r.B.Median), 1) {
		t.Errorf("%+v", r)
	}
	wantText(t, text(c), "in etcd-no-pre-vote half or more have no end", "No end, and ranked as longer than all others: 0 of 10 in A, 8 of 10 in B")
	if b, err := json.Marshal(c); err != nil || !json.Valid(b) {
		t.Errorf("JSON: %v", err)
	}
}

// A path is no part of a version; and versions that the system's name does not tell are said, as are links of another kind.
func TestVersionsAreSaid(t *testing.T) {
	root := t.TempDir()
	of := func(name, backend string, systemsAndVersions ...string) Side {
		i := 0
		return load(t, side(t, root, name, len(systemsAndVersions)/2, func(int) made {
			i += 2
			return made{system: systemsAndVersions[i-2], version: systemsAndVersions[i-1], edit: func(s *results.Summary) { s.Links.Backend = backend }}
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

// matrixOf is runs over two axes, with a difference in one corner.
func matrixOf(t testing.TB, root, name, system string, slower float64) Side {
	rng := rand.New(rand.NewPCG(5, uint64(len(system))))
	var dirs []string
	for _, fault := range []string{"leader", "partial-partition", "slow-link"} {
		for _, latency := range []string{"1ms", "20ms", "100ms"} {
			dirs = append(dirs, side(t, root, name+"/"+fault+"-"+latency, 15, func(int) made {
				more := 0.0
				if fault == "partial-partition" {
					more = slower
				}
				m := likeEtcd(rng, system, more)
				m.fault, m.flags = fault, map[string]string{"link-latency": latency}
				return m
			}))
		}
	}
	return load(t, dirs...)
}

func TestMatricesAreComparedCellByCell(t *testing.T) {
	root := t.TempDir()
	c := compared(t, matrixOf(t, root, "a", "etcd", 0), matrixOf(t, root, "b", "etcd-no-pre-vote", 3000))
	if len(c.Cells) != 9 || strings.Join(c.Axes, " ") != "fault --link-latency" {
		t.Fatalf("%d cells on %q", len(c.Cells), c.Axes)
	}
	for _, cell := range c.Cells {
		r := cell.result(timeToRecover)
		if want := cell.Values[0] == "partial-partition"; r.Differs != want {
			t.Errorf("%s: differs is %v: %s", cell.Name, r.Differs, r.Sentence)
		}
	}
	out := os.Getenv("RECKON_FIGURES") // to look at them
	if out == "" {
		out = t.TempDir()
	}
	if err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ecdf-01-leader-link-latency-1ms", "box-time-to-recover", "heat-time-to-recover"} {
		for _, kind := range []string{"svg", "pdf", "png", "csv"} {
			if b, err := os.ReadFile(filepath.Join(out, name+"."+kind)); err != nil || len(b) < 100 {
				t.Errorf("%s.%s: %d bytes, %v", name, kind, len(b), err)
			}
		}
	}
	head, rows := c.runRows()
	if len(rows) != 270 || len(head) != len(rows[0]) {
		t.Errorf("%d rows of runs", len(rows))
	}
}

// BenchmarkTwoThousandRuns compares 2 x 1,000 recorded runs, from their directories to the last figure.
func BenchmarkTwoThousandRuns(b *testing.B) {
	root, rng := b.TempDir(), rand.New(rand.NewPCG(1, 1))
	x := side(b, root, "a", 1000, func(int) made { return likeEtcd(rng, "etcd", 0) })
	y := side(b, root, "b", 1000, func(int) made { return likeEtcd(rng, "etcd-no-pre-vote", 10) })
	out := b.TempDir()
	for b.Loop() {
		if err := compared(b, load(b, x), load(b, y)).Write(out); err != nil {
			b.Fatal(err)
		}
	}
}

// Many long names beneath a heat map do not run into each other, and all forms can be drawn.
func TestWideHeatMap(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(8, 8))
	of := func(name, system string) Side {
		var dirs []string
		for i, fault := range []string{"leader", "partial-partition", "intermittent-full", "slow-link", "kill-n", "intermittent-partial"} {
			for _, rate := range []string{"100", "1000"} {
				dirs = append(dirs, side(t, root, fmt.Sprintf("%s/%d-%s", name, i, rate), 5, func(int) made {
					m := likeEtcd(rng, system, 0)
					m.fault, m.flags = fault, map[string]string{"rate": rate}
					return m
				}))
			}
		}
		return load(t, dirs...)
	}
	c := compared(t, of("a", "etcd"), of("b", "memory"))
	d, ok := c.heat(timeToRecover)
	if !ok || len(d.rows) != 12 {
		t.Fatalf("%d rows", len(d.rows))
	}
	for _, kind := range []string{"svg", "pdf", "png"} {
		b, err := d.chart.Draw(kind)
		if err != nil || len(b) == 0 {
			t.Errorf("%s: %v", kind, err)
		}
		if out := os.Getenv("RECKON_FIGURES"); out != "" {
			if err := os.WriteFile(filepath.Join(out, "wide-heat."+kind), b, 0o666); err != nil {
				t.Error(err)
			}
		}
	}
}

// A box shows the numbers of the table: its median is the table's, and what never ended is ranked last.
func TestBoxesShowTheTable(t *testing.T) {
	rng, inf := rand.New(rand.NewPCG(3, 3)), math.Inf(1)
	for n := 1; n < 40; n++ {
		var values []float64
		for range n {
			v := 1000 * rng.ExpFloat64()
			if rng.IntN(5) == 0 {
				v = inf
			}
			values = append(values, v)
		}
		if b, ok := boxOf(values); !ok || b.median != stats.Median(values) || b.low > b.q1 || b.q1 > b.median || b.median > b.q3 || b.q3 > b.high {
			t.Errorf("box of %v is %+v, and their median %v", values, b, stats.Median(values))
		}
	}
	if b, _ := boxOf([]float64{1, 2, 3, inf, inf, inf, inf}); b.q1 != 2.5 || b.median != inf || b.high != inf || b.low != 1 {
		t.Errorf("mostly never: %+v", b)
	}
	root := t.TempDir()
	c := compared(t, load(t, side(t, root, "a", 6, func(int) made { return likeEtcd(rng, "etcd", 0) })),
		load(t, side(t, root, "b", 6, func(int) made { return made{system: "memory", ttr: []float64{math.NaN()}} })))
	d := c.boxes(timeToRecover)[0]
	if got := strings.Join(d.rows[len(d.rows)-1], ","); len(d.rows) != 2 || got != "B,memory,6,6,inf,inf,inf,inf,inf" {
		t.Errorf("the side that never recovered is %q", got)
	}
	if _, err := d.chart.Draw("svg"); err != nil {
		t.Error(err)
	}
}

// What is no number is none: silence where nobody asked, and shares of operations that were too few.
func TestWhatARunMeasures(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	of := func(name string, edit func(*results.Summary), ttr ...float64) (float64, int) {
		t.Helper()
		m := made{ttr: ttr, gap: 700, p50: 40, rate: 900, edit: edit}
		dir := t.TempDir()
		m.write(t, dir)
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
		{"nothing was offered", unavailability, unasked, nil, nan, 0},
		{"nothing was offered", "throughput", unasked, nil, nan, 0},
		{"nothing was acknowledged", "p99.9 during", silent, nil, inf, 0},
		{"one operation was due, and not acknowledged", "p50 before", short, nil, nan, 2},
		{"970 operations", "p99.9 after", some(970, 970), nil, nan, 1000},
		{"970 operations", "p99 after", some(970, 970), nil, 66, 0},
		{"97 operations", "p99 after", some(97, 97), nil, nan, 100},
		{"1000 operations, of which not all were acknowledged", "p99.9 after", some(1000, 940), nil, 88, 0},
		{"three strikes", timeToRecover, nil, []float64{30, 550, 23}, 550, 0},
		{"one strike of three is censored", timeToRecover, nil, []float64{30, nan, 23}, inf, 0},
		{"an outage that ended", unavailability, nil, []float64{700}, 700, 0},
		{"an outage that outlasts the load", unavailability, toTheEnd, []float64{nan}, inf, 0},
		{"the last gap, which nothing struck", unavailability, toTheEnd, []float64{700}, 700, 0},
	} {
		got, few := of(c.measure, c.edit, c.ttr...)
		if few != c.few || got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) && math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %s is %v, wanting %d; want %v, wanting %d", c.name, c.measure, got, few, c.want, c.few)
		}
	}
	root := t.TempDir()
	few := func(int) made { return made{ttr: []float64{500}, p50: 40, edit: some(970, 970)} }
	c := compared(t, load(t, side(t, root, "a", 5, few)), load(t, side(t, root, "b", 5, few)))
	wantText(t, text(c), "p99.9 after: not compared: it wants at least 1000 operations")
}

// A broken promise with spoilt numbers stays broken, but its numbers are not counted.
func TestInvalidRunsOfABrokenHarnessAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	made{verdict: results.StatusInvalid, edit: func(s *results.Summary) {
		s.Reason, s.Harness = "The system broke a promise: linearizable.", []string{"the generator lagged"}
	}}.write(t, dir)
	if _, why := read(dir); !strings.Contains(why, "linearizable") || !strings.Contains(why, "the generator lagged") {
		t.Errorf("left out because %q", why)
	}
}

// A tile without a known difference has no colour, nor has one of none.
func TestTilesOfNoDifference(t *testing.T) {
	for _, c := range []struct{ most, value, want float64 }{{10, math.NaN(), 0}, {0, 0, 0}, {10, -5, 0.5}, {0, math.Inf(-1), 1}} {
		if got := (heatMap{most: c.most}).share(c.value); got != c.want {
			t.Errorf("%v of %v has the colour's share %v, want %v", c.value, c.most, got, c.want)
		}
	}
}

// The median of B is the larger, and yet its values are mostly the smaller: the sentence says both.
func TestMediansAndRanksMayDisagree(t *testing.T) {
	values := func(of string, all ...float64) (s Side) {
		for i, v := range all {
			s.Runs = append(s.Runs, Run{Dir: fmt.Sprint(of, i), Verdict: "valid", Axes: map[string]string{"system": of}, Values: map[string]float64{timeToRecover: v}})
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
	wantText(t, r.Sentence, "ms longer in the median; but run against run, which is what the test is of, b has more often the shorter")
	inf := math.Inf(1)
	r = compared(t, values("a", 1, 2, 3, 4, 5, 6, 7, inf, inf, inf), values("b", 11, 12, 13, 14, 15, 16, 17, 18, 19, inf)).Cells[0].Results[0]
	if out, err := json.Marshal(r); err != nil || !strings.Contains(string(out), `"interval_95":[null,`) || !strings.Contains(string(out), `"interval_infinite":["-inf",""]`) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestAmounts(t *testing.T) {
	for x, want := range map[float64]string{0.0123456: "0.0123", 0.5: "0.5", 0: "0", 0.00456: "0.00456", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234", 3: "3"} {
		if got := amount(x); got != want {
			t.Errorf("%v is %s, want %s", x, got, want)
		}
	}
}

// No two labels of a figure of boxes lie over each other, however long, and none has more cells than a column has room for.
func TestBoxesHaveRoom(t *testing.T) {
	if p := (boxPair{name: "leader", n: "n = 5, 5"}); p.head() != boxLabel {
		t.Errorf("short labels take %v", p.head())
	}
	if p := (boxPair{name: "simple, intermittent-partial, mtbf 500ms, number-nodes 3", n: "n = 5, 5 (1 never)"}); p.head() != 2*boxLabel {
		t.Errorf("long labels take %v", p.head())
	}
	long := strings.Repeat("quite long ", 20)
	if cut := fit(long, 100); canvas.TextStyle(canvas.Dark).Width(cut) > 100 || !strings.HasSuffix(cut, "…") || fit("short", 100) != "short" {
		t.Errorf("cut to %q", cut)
	}
	c := &Comparison{A: Account{Label: long}, B: Account{Label: "b"}}
	for i := range 40 {
		r := &Result{Measure: timeToRecover, values: [2][]float64{{1, 2, float64(i)}, {4, math.Inf(1)}}}
		c.Cells = append(c.Cells, &Cell{Name: fmt.Sprint(i), Results: []*Result{r}})
	}
	rows, names := 0, map[string]bool{}
	for _, d := range c.boxes(timeToRecover) {
		rows, names[d.chart.Name] = rows+len(d.rows), true
		if h := d.chart.Panels[0].Height; h > 9*72 {
			t.Errorf("%s is %v points high", d.chart.Name, h)
		}
	}
	if rows != 80 || len(names) != 3 {
		t.Errorf("%d rows in %v", rows, names)
	}
	cell := Cell{Values: []string{"simple", "", "3"}}
	if got := cell.name([]string{"topology", "--mtbf", "--number-nodes"}); got != "simple, number-nodes 3" {
		t.Errorf("the cell is called %q", got)
	}
}
