package results

import (
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
)

var pictures = flag.String("pictures", "", "keep the rendered scenes in this directory, to be looked at")

// render makes a run's directory of the scene.
func render(t testing.TB, dir string, h *history.History, info Info, checks []check.Result) *Dir {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o777))
	d := newDir(dir)
	must(t, d.WritePlan(PlanFile{Seed: info.Seed}))
	s := Summarise(h, info, checks)
	must(t, d.WriteSummary(s))
	must(t, Render(d, h, s, info))
	return d
}

var passes = []check.Result{
	{Name: "linearizable", Verdict: check.Valid, Detail: "5,904 operations over 100 keys, 15 of unknown outcome"},
	{Name: "durable", Verdict: check.Valid, Detail: "2,982 acknowledged writes are in the store's history, and final reads through n1, n2 and n3 agree with it"},
	{Name: "replicas", Verdict: check.Valid, Detail: "n1, n2 and n3 have hash 9c1185a5 at revision 3,104"},
}

// TestScenes renders every kind of run there is, and checks what must hold for every page.
func TestScenes(t *testing.T) {
	small := scene{ops: 6000, duration: 30 * time.Second, seed: 1, outage: 1300 * time.Millisecond}
	large := scene{ops: 100_000, duration: 60 * time.Second, seed: 2, outage: 1300 * time.Millisecond}
	for name, s := range map[string]struct {
		run    func() (*history.History, Info)
		checks []check.Result
		want   []string
	}{
		"leader":  {small.run, passes, []string{"valid", "killed n2", "reckon rerun .", "1.3"}},
		"dense":   {large.run, passes, []string{"valid", "darker: more"}},
		"invalid": {small.run, []check.Result{staleRead(), passes[1]}, []string{"invalid", "Evidence: linearizable", "read 7: 0000000003"}},
		"flaps":   {small.flaps, passes, []string{"intermittent-full, 5 strikes", "a link cut", "pause: stopped n1"}},
		"harness": {small.vanished, passes, []string{"harness", "operations vanished: c1 offered 6010, 6000 are on record", "Detail of &lt;b&gt;a failure&lt;/b&gt;"}},
		"down":    {small.down, passes, []string{"did not recover under load (censored)"}},
		"regions": {small.regions, passes, []string{"path c2&gt;n3, by plan 118ms, delays by 0.04 ms only", "class=\"wrong\"", "84.0", "5% lost"}},
		"crowd":   {small.crowd, passes, []string{"300 of 870 paths were measured", "furthest from the plan"}},
		"none":    {small.none, nil, []string{"Nothing was checked", "No fault was planned"}},
		"empty":   {func() (*history.History, Info) { return &history.History{}, Info{} }, nil, []string{"The load never started"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if *pictures != "" {
				dir = filepath.Join(*pictures, name)
			}
			h, info := s.run()
			d := render(t, dir, h, info, s.checks)
			b, err := os.ReadFile(d.Path(reportFile))
			must(t, err)
			checkPage(t, d, string(b), s.want)
		})
	}
}

// checkPage: the page says what it must, refers to nothing outside the directory, and its elements are closed.
func checkPage(t *testing.T, d *Dir, page string, want []string) {
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
	s := scene{ops: 3000, duration: 30 * time.Second, seed: 1, outage: time.Second}
	h, info := s.flaps()
	checks := []check.Result{staleRead()}
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

// What is kept suffices to draw again: the summary that is read renders the same page as the one that was written.
func TestRenderFromWhatIsKept(t *testing.T) {
	s := scene{ops: 3000, duration: 30 * time.Second, seed: 1, outage: time.Second}
	h, info := s.run()
	d := render(t, filepath.Join(t.TempDir(), "run"), h, info, []check.Result{staleRead()})
	first, err := os.ReadFile(d.Path(reportFile))
	must(t, err)
	kept, err := d.ReadSummary()
	must(t, err)
	must(t, Render(d, h, kept, info))
	again, err := os.ReadFile(d.Path(reportFile))
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
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	for x, want := range map[float64]float64{0.013: 0.01, 1: 1, 1.9: 1, 30.7: 20, 50: 50, 99: 50} {
		if got := niceBelow(x); fmt.Sprint(float32(got)) != fmt.Sprint(want) {
			t.Errorf("niceBelow(%v) = %v; want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0.013: 0.02, 1: 1, 1.1: 2, 30: 50, 0: 1} {
		if got := nice(x); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("nice(%v) = %v; want %v", x, got, want)
		}
	}
}

// BenchmarkSummariseAndRender is the part of a run's aftermath that is this package's, checks excluded.
func BenchmarkSummariseAndRender(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			h, info := scene{ops: n, duration: 60 * time.Second, seed: 1, outage: 1300 * time.Millisecond}.run()
			d := newDir(b.TempDir())
			for b.Loop() {
				must(b, Render(d, h, Summarise(h, info, passes), info))
			}
		})
	}
}

func BenchmarkReadHistory(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			d, err := Create(filepath.Join(b.TempDir(), "run"))
			must(b, err)
			for i := range n {
				o := op(i)
				o.Value = fmt.Sprintf("%010d", i) // as workloads write them
				must(b, d.Op(o))
			}
			must(b, d.Event(history.Event{}))
			must(b, d.Close())
			for b.Loop() {
				h, _, err := d.History()
				must(b, err)
				if len(h.Ops) != n {
					b.Fatal(len(h.Ops))
				}
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	d, err := Create(filepath.Join(b.TempDir(), "run"))
	must(b, err)
	o := op(1)
	for b.Loop() {
		must(b, d.Op(o))
	}
	must(b, d.Close())
}
