package report

import (
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/resultstest"
	"github.com/reckon-bench/reckon/results/summary"
)

var pictures = flag.String("pictures", "", "keep the rendered scenes in this directory, to be looked at")

// render makes a run's directory of the scene.
func render(t testing.TB, dir string, h *history.History, info summary.Info, checks []check.Result) *results.Dir {
	t.Helper()
	must(t, os.RemoveAll(dir))
	d, err := results.Create(dir)
	must(t, err)
	must(t, d.WritePlan(results.PlanFile{Seed: info.Seed}))
	s := summary.Of(h, info, checks)
	must(t, d.WriteSummary(s))
	must(t, Render(d, h, s, info))
	return d
}

// TestScenes renders every kind of run there is, and checks what must hold for every page.
func TestScenes(t *testing.T) {
	small := resultstest.Scene{Ops: 6000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * time.Millisecond}
	large := resultstest.Scene{Ops: 100_000, Duration: 60 * time.Second, Seed: 2, Outage: 1300 * time.Millisecond}
	for name, s := range map[string]struct {
		run    func() (*history.History, summary.Info)
		checks []check.Result
		want   []string
	}{
		"leader":  {small.Run, resultstest.Checks, []string{"valid", "killed n2", "reckon rerun .", "1.3"}},
		"dense":   {large.Run, resultstest.Checks, []string{"valid", "darker: more"}},
		"invalid": {small.Run, []check.Result{resultstest.StaleRead(), resultstest.Checks[1]}, []string{"invalid", "Evidence: linearizable", "read 7: 0000000003"}},
		"flaps":   {small.Flaps, resultstest.Checks, []string{"intermittent-full, 5 times", "a link cut", "pause: stopped n1"}},
		"harness": {small.Vanished, resultstest.Checks, []string{"harness", "operations vanished: c1 offered 6010, 6000 are on record", "Detail of &lt;b&gt;a failure&lt;/b&gt;"}},
		"down":    {small.Down, resultstest.Checks, []string{"did not recover under load (censored)"}},
		"regions": {small.Regions, resultstest.Checks, []string{"path c2&gt;n3, planned 118ms, delays by only 0.04 ms", "class=\"wrong\"", "84.0", "5% lost"}},
		"crowd":   {small.Crowd, resultstest.Checks, []string{"300 of 870 paths were measured", "furthest from the plan"}},
		"none":    {small.None, nil, []string{"Nothing was checked", "No fault was planned"}},
		"empty":   {func() (*history.History, summary.Info) { return &history.History{}, summary.Info{} }, nil, []string{"The load never started"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if *pictures != "" {
				dir = filepath.Join(*pictures, name)
			}
			h, info := s.run()
			d := render(t, dir, h, info, s.checks)
			b, err := os.ReadFile(d.Path(results.ReportFile))
			must(t, err)
			checkPage(t, d, string(b), s.want)
		})
	}
}

// checkPage: the page says what it must, refers to nothing outside the directory, and its elements
// are closed.
func checkPage(t *testing.T, d *results.Dir, page string, want []string) {
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page does not say %q", w)
		}
	}
	if m := regexp.MustCompile(`https?://|//[a-z]|\bsrc=|@import|url\(`).FindString(page); m != "" {
		t.Errorf("the page refers to something outside: %q", m)
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(d.Path(filepath.FromSlash(m[1]))); err != nil {
			t.Errorf("the page links to what is not there: %v", err)
		}
	}
	for _, junk := range []string{"NaN", "%!", "&lt;nil&gt;", "Inf"} {
		if strings.Contains(page, junk) {
			t.Errorf("the page contains %q", junk)
		}
	}
	wellFormed(t, page)
}

// wellFormed walks the page's elements: each that is opened is closed, in order.
func wellFormed(t *testing.T, page string) {
	void := map[string]bool{"meta": true, "br": true}
	var open []string
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.Entity = false, xml.HTMLEntity
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		must(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			if !void[e.Name.Local] {
				open = append(open, e.Name.Local)
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("elements are left open: %v", open)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	s := resultstest.Scene{Ops: 3000, Duration: 30 * time.Second, Seed: 1, Outage: time.Second}
	h, info := s.Flaps()
	checks := []check.Result{resultstest.StaleRead()}
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	render(t, a, h, info, checks)
	render(t, b, h, info, checks)
	files := 0
	must(t, filepath.WalkDir(a, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(a, path)
		must(t, err)
		one, err := os.ReadFile(path)
		must(t, err)
		two, err := os.ReadFile(filepath.Join(b, rel))
		must(t, err)
		if string(one) != string(two) {
			t.Errorf("%s differs", rel)
		}
		files++
		return nil
	}))
	if files < 12 {
		t.Errorf("only %d files", files)
	}
}

// What is kept suffices to draw again: the summary that is read renders the same page as the one
// that was written.
func TestRenderFromWhatIsKept(t *testing.T) {
	s := resultstest.Scene{Ops: 3000, Duration: 30 * time.Second, Seed: 1, Outage: time.Second}
	h, info := s.Run()
	d := render(t, filepath.Join(t.TempDir(), "run"), h, info, []check.Result{resultstest.StaleRead()})
	first, err := os.ReadFile(d.Path(results.ReportFile))
	must(t, err)
	kept, err := d.ReadSummary()
	must(t, err)
	must(t, Render(d, h, kept, info))
	again, err := os.ReadFile(d.Path(results.ReportFile))
	must(t, err)
	if string(first) != string(again) {
		t.Error("the pages differ")
	}
}

func TestNumbersReadWell(t *testing.T) {
	for got, want := range map[string]string{
		showNumber(1234567):   "1\u202f234\u202f567",
		showNumber(-1234):     "-1\u202f234",
		showNumber(999.999):   "1\u202f000",
		showNumber(0.126):     "0.13",
		showMillis(0.25):      "0.25",
		showMillis(20.61):     "20.6",
		showMillis(1311.9):    "1\u202f312",
		showMicros(38):        "38 µs",
		showMicros(100_000):   "100 ms",
		showMicros(2_500_000): "2.5 s",
		showSize(5_242_880):   "5.2\u202fMB",
		showSize(999):         "999\u202fB",
		showSize(3e15):        "3\u202f000\u202fTB",
		showFixed(1234.5, 1):  "1\u202f234.5",
		showFixed(98, 1):      "98.0",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	for x, want := range map[float64]float64{0.013: 0.01, 1: 1, 1.9: 1, 30.7: 20, 50: 50, 99: 50} {
		if got := canvas.NiceBelow(x); fmt.Sprint(float32(got)) != fmt.Sprint(want) {
			t.Errorf("niceBelow(%v) = %v; want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0.013: 0.02, 1: 1, 1.1: 2, 30: 50, 0: 1} {
		if got := canvas.Nice(x); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("nice(%v) = %v; want %v", x, got, want)
		}
	}
}

// BenchmarkSummariseAndRender is the part of a run's aftermath that is this package's, checks
// excluded.
func BenchmarkSummariseAndRender(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			h, info := resultstest.Scene{Ops: n, Duration: 60 * time.Second, Seed: 1, Outage: 1300 * time.Millisecond}.Run()
			d, err := results.Create(filepath.Join(b.TempDir(), "run"))
			must(b, err)
			for b.Loop() {
				must(b, Render(d, h, summary.Of(h, info, resultstest.Checks), info))
			}
		})
	}
}

// A run recovers as slowly as from its slowest strike. Where nothing was asked of the store after a
// strike, it is not said never to have.
func TestSlowestRecovery(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name   string
		u      results.Unavailability
		strike int
		ms     float64
		tile   string
	}{
		{"nothing struck", results.Unavailability{}, -1, 0, ""},
		{"nothing was asked afterwards", results.Unavailability{TTR: []*float64{nil}, Censored: []bool{false}}, -1, 0, ""},
		{"the second of three, of which one was not asked after", results.Unavailability{TTR: []*float64{ms(30), ms(550), nil}, Censored: make([]bool, 3)}, 1, 550, "550"},
		{"censored", results.Unavailability{TTR: []*float64{ms(30), nil, ms(9)}, Censored: []bool{false, true, false}}, 1, math.Inf(1), "never"},
	} {
		if strike, ms := c.u.Slowest(); strike != c.strike || ms != c.ms {
			t.Errorf("%s: strike %d, %v ms; want strike %d, %v ms", c.name, strike, ms, c.strike, c.ms)
		}
		s := results.Summary{Unavailability: c.u}
		for range c.u.TTR {
			s.Strikes = append(s.Strikes, results.Strike{Struck: ms(1)})
		}
		if tile, ok := recovery(s); ok != (c.tile != "") || !strings.HasPrefix(tile.Value, c.tile) {
			t.Errorf("%s: the page has %v %+v, want %q", c.name, ok, tile, c.tile)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
