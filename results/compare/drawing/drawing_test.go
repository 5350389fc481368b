package drawing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/compare"
	"github.com/reckon-bench/reckon/results/compare/comparetest"
)

func load(t testing.TB, paths ...string) compare.Side {
	t.Helper()
	s, err := compare.Load(paths)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compared(t testing.TB, a, b compare.Side) *compare.Comparison {
	t.Helper()
	c, err := compare.Compare(a, b, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every figure is there in every format, with its numbers, and the comparison names it.
func TestFiguresAreWritten(t *testing.T) {
	root := t.TempDir()
	c := compared(t, load(t, comparetest.Matrix(t, root, "a", "etcd", 0)...), load(t, comparetest.Matrix(t, root, "b", "etcd-no-pre-vote", 3000)...))
	out := os.Getenv("RECKON_FIGURES") // to look at them
	if out == "" {
		out = t.TempDir()
	}
	if err := Write(c, out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ecdf-01-leader-link-latency-1ms", "box-time-to-recover", "heat-time-to-recover"} {
		if !slices.Contains(c.Figures, filepath.Join(out, name+".svg")) {
			t.Errorf("%s is not among %q", name, c.Figures)
		}
		for _, kind := range []string{"svg", "pdf", "png", "csv"} {
			if b, err := os.ReadFile(filepath.Join(out, name+"."+kind)); err != nil || len(b) < 100 {
				t.Errorf("%s.%s: %d bytes, %v", name, kind, len(b), err)
			}
		}
	}
	if err := Write(c, filepath.Join(out, "nowhere")); err == nil {
		t.Error("no error where nothing could be written")
	}
}

// Many long names beneath a heat map do not overlap, and all formats can be drawn.
func TestWideHeatMap(t *testing.T) {
	root, rng := t.TempDir(), rand.New(rand.NewPCG(8, 8))
	of := func(name, system string) compare.Side {
		var dirs []string
		for i, fault := range []string{"leader", "partial-partition", "intermittent-full", "slow-link", "kill-n", "intermittent-partial"} {
			for _, rate := range []string{"100", "1000"} {
				dirs = append(dirs, comparetest.Side(t, root, fmt.Sprintf("%s/%d-%s", name, i, rate), 5, func(int) comparetest.Run {
					m := comparetest.LikeEtcd(rng, system, 0)
					m.Fault, m.Flags = fault, map[string]string{"rate": rate}
					return m
				}))
			}
		}
		return load(t, dirs...)
	}
	c := compared(t, of("a", "etcd"), of("b", "memory"))
	d, ok := heat(c, compare.TimeToRecover)
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

// A box shows the numbers of the table: its median is the table's, and what never ended is ranked
// last.
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
	c := compared(t, load(t, comparetest.Side(t, root, "a", 6, func(int) comparetest.Run { return comparetest.LikeEtcd(rng, "etcd", 0) })),
		load(t, comparetest.Side(t, root, "b", 6, func(int) comparetest.Run { return comparetest.Run{System: "memory", TTR: []float64{math.NaN()}} })))
	d := boxes(c, compare.TimeToRecover)[0]
	if got := strings.Join(d.rows[len(d.rows)-1], ","); len(d.rows) != 2 || got != "B,memory,6,6,inf,inf,inf,inf,inf" {
		t.Errorf("the side that never recovered is %q", got)
	}
	if _, err := d.chart.Draw("svg"); err != nil {
		t.Error(err)
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

// No two labels of a figure of boxes lie over each other, however long, and none has more cells
// than a column has room for.
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
	c := &compare.Comparison{A: compare.Account{Label: long}, B: compare.Account{Label: "b"}}
	for i := range 40 {
		r := &compare.Result{Measure: compare.TimeToRecover, Values: [2][]float64{{1, 2, float64(i)}, {4, math.Inf(1)}}}
		c.Cells = append(c.Cells, &compare.Cell{Name: fmt.Sprint(i), Results: []*compare.Result{r}})
	}
	rows, names := 0, map[string]bool{}
	for _, d := range boxes(c, compare.TimeToRecover) {
		rows, names[d.chart.Name] = rows+len(d.rows), true
		if h := d.chart.Panels[0].Height; h > 9*72 {
			t.Errorf("%s is %v points high", d.chart.Name, h)
		}
	}
	if rows != 80 || len(names) != 3 {
		t.Errorf("%d rows in %v", rows, names)
	}
}
