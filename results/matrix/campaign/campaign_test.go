package campaign

import (
	"context"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
	"github.com/reckon-bench/reckon/results/matrix/report"
)

// ran is a run of 100 operations, one strike, and the verdict.
func ran(v results.Status, ok int, ttr *float64) results.Summary {
	s := results.Summary{Verdict: v, Reason: "Said the run.", Ops: results.Ops{Offered: 100, OK: ok}}
	s.Unavailability.LongestGap = 1500
	s.Strikes = []results.Strike{{Fault: "leader", Struck: ptr(3.0)}}
	s.Unavailability.TTR, s.Unavailability.Censored = []*float64{ttr}, []bool{ttr == nil}
	return s
}

// starter runs cells without a process: what is to come of each attempt stands in a list.
type starter struct {
	t     *testing.T
	dir   *Dir
	comes func(c *index.Cell, attempt int) *results.Summary // nil: it crashes
	mu    sync.Mutex
	tried map[string]int
}

func (s *starter) start(_ context.Context, c *index.Cell, _, _ string) Exit {
	s.mu.Lock()
	s.tried[c.Name]++
	sum := s.comes(c, s.tried[c.Name])
	s.mu.Unlock()
	if sum == nil {
		return Exit{Status: 2, Why: "exit status 2, after: panic", Last: []string{"goroutine 1", "panic"}}
	}
	record(s.t, s.dir, c, *sum)
	return Exit{Status: sum.Verdict.Exit()}
}

func run(t *testing.T, text string, o Options, comes func(*index.Cell, int) *results.Summary) (*Dir, *starter) {
	t.Helper()
	f, cells := parsed(t, text)
	d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
	must(t, err)
	s := &starter{t: t, dir: d, comes: comes, tried: map[string]int{}}
	o.Start = s.start
	must(t, d.Run(t.Context(), o))
	return d, s
}

// A run that crashes takes no other along; one that is no result is tried again, and that is on
// record.
func TestCrashAndRetry(t *testing.T) {
	d, s := run(t, small, Options{Jobs: 1, RetryHarness: 1}, func(c *index.Cell, attempt int) *results.Summary {
		out := ran(results.StatusValid, 100, ptr(1.0))
		switch {
		case c.Number == 1:
			return nil
		case c.Number == 2 && attempt == 1:
			out = ran(results.StatusHarness, 100, ptr(1.0))
		}
		return &out
	})
	first, second := d.Index.Cells[0], d.Index.Cells[1]
	if o := first.Outcome; o.Verdict != results.StatusHarness || !strings.Contains(o.Reason, "panic") || len(o.Attempts) != 1 || s.tried[first.Name] != 2 {
		t.Errorf("the crash: %+v", o)
	}
	if o := second.Outcome; o.Verdict != results.StatusValid || len(o.Attempts) != 1 || o.Attempts[0].Verdict != results.StatusHarness {
		t.Errorf("the retry: %+v", o)
	} else if _, err := os.Stat(d.Path(o.Attempts[0].Dir, "summary.json")); err != nil {
		t.Errorf("the earlier attempt was not kept: %v", err)
	}
	if x := d.Index; x.Verdict != results.StatusHarness || x.Counts[results.StatusValid] != 7 || x.Unfinished != 0 {
		t.Errorf("%s: %s", x.Verdict, x.Reason)
	}
	// Resumed, nothing that is finished is run again, a crash neither.
	again, err := Resume(d.Path())
	must(t, err)
	must(t, again.Run(t.Context(), Options{Jobs: 1, Start: func(_ context.Context, c *index.Cell, _, _ string) Exit {
		t.Errorf("%s was run again", c.Name)
		return Exit{}
	}}))
}

// An earlier attempt is not forgotten where the next one is cut short, or ends with nobody left to
// note it.
func TestInterruptedRetry(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		f, cells := parsed(t, small)
		d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		must(t, d.Run(ctx, Options{Jobs: 1, RetryHarness: 1, Start: func(_ context.Context, c *index.Cell, _, _ string) Exit {
			if tries++; tries == 1 {
				s := ran(results.StatusHarness, 100, ptr(1.0))
				record(t, d, c, s)
			} else {
				cancel()
			}
			return Exit{}
		}}))
		again, err := Open(d.Path())
		must(t, err)
		c := again.Index.InOrder()[0]
		if len(c.Attempts) != 1 || c.State != index.Waiting {
			t.Errorf("%s, tried before: %v", c.State, c.Attempts)
		}
		if adopted {
			record(t, d, c, invented(c))
		}
		again, err = Resume(d.Path())
		must(t, err)
		s := &starter{t: t, dir: again, comes: func(c *index.Cell, _ int) *results.Summary { s := invented(c); return &s }, tried: map[string]int{}}
		must(t, again.Run(t.Context(), Options{Jobs: 1, Start: s.start}))
		if c := again.Index.InOrder()[0]; c.Outcome == nil || len(c.Outcome.Attempts) != 1 || len(c.Attempts) != 0 {
			t.Errorf("resumed: %+v, and not finished: %v", c.Outcome, c.Attempts)
		}
	}
}

// Cells that are run side by side, and tried again, share the index.
func TestJobs(t *testing.T) {
	f, cells := parsed(t, small)
	d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
	must(t, err)
	s := &starter{t: t, dir: d, tried: map[string]int{}, comes: func(c *index.Cell, attempt int) *results.Summary {
		s := invented(c)
		if s.Verdict = results.StatusValid; c.Number%2 == 0 && attempt == 1 {
			s.Verdict = results.StatusHarness
		}
		return &s
	}}
	var under, most atomic.Int32
	var once sync.Once
	two, told := make(chan struct{}), 0
	must(t, d.Run(t.Context(), Options{Jobs: 2, RetryHarness: 1, Watch: func(*index.Cell) { told++ }, Start: func(ctx context.Context, c *index.Cell, dir, log string) Exit {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 2 {
			once.Do(func() { close(two) })
		}
		select {
		case <-two: // the first waits for one beside it
		case <-time.After(time.Minute):
		}
		return s.start(ctx, c, dir, log)
	}}))
	if x := d.Index; most.Load() != 2 || told != 2*len(x.Cells) || x.Verdict != results.StatusValid || x.Unfinished != 0 {
		t.Errorf("%d at a time, %d turns; %s: %s", most.Load(), told, x.Verdict, x.Reason)
	}
	again, err := Open(d.Path())
	must(t, err)
	for _, c := range again.Index.Cells {
		if len(c.Outcome.Attempts) != (c.Number+1)%2 {
			t.Errorf("%s was tried before: %v", c.Name, c.Outcome.Attempts)
		}
	}
}

func TestFailFast(t *testing.T) {
	d, s := run(t, small, Options{Jobs: 1, FailFast: true}, func(c *index.Cell, _ int) *results.Summary {
		out := ran(results.StatusValid, 100, ptr(1.0))
		if c.Order == 3 {
			out.Verdict = results.StatusInvalid
		}
		return &out
	})
	if len(s.tried) != 3 || d.Index.Unfinished != 5 || d.Index.Verdict != results.StatusInvalid || d.Index.Verdict.Exit() != 1 {
		t.Errorf("%d cells were run: %s: %s", len(s.tried), d.Index.Verdict, d.Index.Reason)
	}
}

// A run that ended while nobody was left to note it is taken in; one that is half written is put
// aside.
func TestResumeAdopts(t *testing.T) {
	f, cells := parsed(t, small)
	d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
	must(t, err)
	whole, half, other := d.Index.Cells[2], d.Index.Cells[3], d.Index.Cells[4]
	record(t, d, whole, invented(whole))
	record(t, d, half, invented(half))
	must(t, os.Remove(d.Path(index.CellsDir, half.Name, "summary.json")))
	s := invented(other)
	s.Seed++
	record(t, d, other, s) // a run, but not of this cell
	opened, err := Open(d.Path())
	must(t, err)
	if want := half.Name + ": its run is incomplete and was ignored"; !slices.Contains(opened.Index.Notes, want) {
		t.Errorf("notes %q", opened.Index.Notes)
	}
	again, err := Resume(d.Path())
	must(t, err)
	for _, c := range again.Index.Cells {
		if (c.State == index.Finished) != (c.Name == whole.Name) {
			t.Errorf("%s is %s", c.Name, c.State)
		}
	}
	for _, c := range []*index.Cell{half, other} {
		if _, err := os.Stat(again.Path(index.AsideDir, c.Name, "1", "plan.json")); err != nil {
			t.Errorf("%s was not kept: %v", c.Name, err)
		}
	}
}

// A matrix that is interrupted cuts its runs short: they are run again on resuming, but for those
// that broke a promise before.
func TestInterruptedRuns(t *testing.T) {
	const valid, invalid, unknown = results.StatusValid, results.StatusInvalid, results.StatusUnknown
	for _, tc := range []struct {
		name        string
		verdict     results.Status
		interrupted bool
		report      bool
		mustFail    bool
		want        index.State
	}{
		{"interrupted", unknown, true, true, false, index.Interrupted},
		{"interrupted before its report", invalid, true, false, false, index.Interrupted},
		{"not drawn any more", valid, false, false, false, index.Interrupted},
		{"just ended", valid, false, true, false, index.Finished},
		{"invalid before", invalid, true, true, false, index.Finished},
		{"broke one as it was to", invalid, true, true, true, index.Interrupted},
	} {
		f, cells := parsed(t, small)
		d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var c *index.Cell
		must(t, d.Run(ctx, Options{Jobs: 1, Start: func(_ context.Context, next *index.Cell, _, _ string) Exit {
			c = next
			c.MustFail = tc.mustFail
			s := invented(c)
			s.Verdict, s.Interrupted = tc.verdict, tc.interrupted
			record(t, d, c, s)
			if !tc.report {
				must(t, os.Remove(d.Path(index.CellsDir, c.Name, "report.html")))
			}
			cancel()
			return Exit{}
		}}))
		if c.State != tc.want {
			t.Errorf("%s: %s", tc.name, c.State)
		}
		c.State, c.Outcome = index.Waiting, nil // as where nobody was left to note it
		if _, ok := d.adopt(c); ok != (tc.want == index.Finished) {
			t.Errorf("%s: taken in on resuming: %t", tc.name, ok)
		}
	}
}

// What a system's word named exactly when a matrix was begun is what every run is of, and what a
// run must be of to be taken in.
func TestExactSystem(t *testing.T) {
	f, cells := parsed(t, "{system: etcd@v3.5, topology: simple, workload: uniform, fault: none, repeats: 3}")
	for _, c := range cells {
		must(t, c.Pin("etcd@v3.5.2"))
	}
	d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
	must(t, err)
	for i, word := range []string{"etcd@v3.5.2", "etcd@v3.5.3"} {
		s := invented(d.Index.Cells[i])
		s.Words = append([]string{word}, s.Words[1:]...)
		record(t, d, d.Index.Cells[i], s)
	}
	again, err := Resume(d.Path())
	must(t, err)
	for i, want := range []index.State{index.Finished, index.Waiting, index.Waiting} {
		c := again.Index.Cells[i]
		if c.State != want || c.Words.System != "etcd@v3.5" || c.Arguments()[0] != "etcd@v3.5.2" || c.Plan().Words.System != "etcd@v3.5.2" {
			t.Errorf("%s is %s, of %s, planned as %s, run as %q", c.Name, c.State, c.System, c.Plan().Words, c.Arguments())
		}
	}
	joined, err := Merge(filepath.Join(t.TempDir(), "joined"), []string{d.Path()})
	must(t, err)
	if c := joined.Index.Cells[2]; c.System != "etcd@v3.5.2" {
		t.Errorf("joined, the cell that is left is of %q", c.System)
	}
}

// What a matrix does not fit together with is refused.
func TestOpenRefuses(t *testing.T) {
	d := finished(t, filepath.Join(t.TempDir(), "m"), small, matrix.Shard{})
	d.Index.Cells[1].Seed++
	must(t, d.writeIndex())
	if _, err := Resume(d.Path()); err == nil || !strings.Contains(err.Error(), "does not follow from its matrix.yaml") {
		t.Errorf("a changed seed gave %v", err)
	}
	must(t, os.WriteFile(d.Path(index.MatrixFile), []byte(small+"# changed\n"), 0o666))
	if _, err := Open(d.Path()); err == nil || !strings.Contains(err.Error(), "was changed since it was begun") {
		t.Errorf("a changed file gave %v", err)
	}
}

// The whole and its shards, joined, are the same but for what a session adds.
func TestMergeIsTheWhole(t *testing.T) {
	root := t.TempDir()
	whole := finished(t, filepath.Join(root, "whole"), small, matrix.Shard{})
	var parts []string
	for i := 1; i <= 3; i++ {
		parts = append(parts, finished(t, filepath.Join(root, fmt.Sprint(i)), small, matrix.Shard{Index: i, Of: 3}).Path())
	}
	joined, err := Merge(filepath.Join(root, "joined"), parts)
	must(t, err)
	a, err := report.CSV(whole.Index)
	must(t, err)
	b, err := report.CSV(joined.Index)
	must(t, err)
	if string(a) != string(b) {
		t.Errorf("whole\n%s\njoined\n%s", a, b)
	}
	again, err := Open(joined.Path())
	must(t, err)
	if len(again.Index.Notes) > 0 || again.Index.Verdict != whole.Index.Verdict {
		t.Errorf("joined: %s, %q", again.Index.Verdict, again.Index.Notes)
	}
}

// An artifact store keeps no empty directories: a shard that ran nothing comes without any.
func TestShardWithoutDirectories(t *testing.T) {
	f, cells := parsed(t, small)
	empty, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{Index: 2, Of: 2}, "test")
	must(t, err)
	for _, sub := range []string{index.CellsDir, index.LogsDir} {
		must(t, os.Remove(empty.Path(sub)))
	}
	_, err = Merge(filepath.Join(t.TempDir(), "joined"), []string{finished(t, filepath.Join(t.TempDir(), "one"), small, matrix.Shard{Index: 1, Of: 2}).Path(), empty.Path()})
	must(t, err)
	_, err = Resume(empty.Path())
	must(t, err)
	for _, sub := range []string{index.CellsDir, index.LogsDir} {
		if _, err := os.Stat(empty.Path(sub)); err != nil {
			t.Errorf("resumed: %v", err)
		}
	}
}

func TestTableIsRectangular(t *testing.T) {
	d, _ := run(t, small, Options{Jobs: 1, FailFast: true}, func(c *index.Cell, _ int) *results.Summary {
		if c.Order == 2 {
			return nil
		}
		s := ran(results.StatusValid, 100, nil)
		return &s
	})
	b, err := os.ReadFile(d.Path(index.CSVFile))
	must(t, err)
	rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll() // refuses rows of different lengths
	must(t, err)
	if len(rows) != 9 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestJUnit(t *testing.T) {
	d, _ := run(t, small+"expect: {invalid: [{system: memory-liar, number-nodes: 3}]}\n", Options{Jobs: 1}, func(c *index.Cell, _ int) *results.Summary {
		s := ran([]results.Status{"", results.StatusValid, results.StatusInvalid, results.StatusHarness, results.StatusUnknown, results.StatusValid, results.StatusValid, results.StatusInvalid, results.StatusInvalid}[c.Number], 100, ptr(1.0))
		if s.Verdict == results.StatusInvalid {
			s.Checks = []check.Result{{Name: "durable", Verdict: check.Invalid, Detail: "lost a <write> of \x00\x1b[31m ]]> it"}}
		}
		return &s
	})
	b, err := os.ReadFile(d.Path(index.JUnitFile))
	must(t, err)
	var got struct {
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Cases    []struct {
			Failure *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testsuite>testcase"`
	}
	must(t, xml.Unmarshal(b, &got))
	if got.Failures != 1 || got.Errors != 2 || len(got.Cases) != 8 {
		t.Errorf("%d failures, %d errors, %d cases", got.Failures, got.Errors, len(got.Cases))
	}
	if f := got.Cases[1].Failure; f == nil || f.Message != "Said the run." || !strings.Contains(f.Text, "lost a <write> of [31m ]]> it") || !strings.Contains(f.Text, "rerun: reckon memory simple uniform none") {
		t.Errorf("failure %+v", f)
	}
}

// Every link of the page leads to something, and it fetches nothing from elsewhere.
func TestPageLinks(t *testing.T) {
	linksOf(t, interrupted(t))
	d := finished(t, filepath.Join(t.TempDir(), "m"), strings.Replace(small, "none", "[none, leader]", 1)+"exclude: [{system: [memory, memory-liar], fault: leader, number-nodes: 1}]\n", matrix.Shard{})
	linked := linksOf(t, d)
	for _, c := range d.Index.Cells {
		if n := linked[index.CellsDir+"/"+c.Name+"/report.html"]; n < 3 { // the wall, a panel or more, the list
			t.Errorf("%s is linked %d times", c.Name, n)
		}
	}
}

// interrupted is a matrix that was interrupted when its first run had not begun to record, and its
// second had.
func interrupted(t *testing.T) *Dir {
	t.Helper()
	f, cells := parsed(t, small)
	d, err := Create(filepath.Join(t.TempDir(), "m"), f, cells, matrix.Shard{}, "test")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Add(2)
	must(t, d.Run(ctx, Options{Jobs: 2, Start: func(_ context.Context, c *index.Cell, _, _ string) Exit {
		both.Done()
		both.Wait()
		if c.Order == 2 {
			record(t, d, c, results.Summary{Verdict: results.StatusUnknown, Interrupted: true})
		}
		cancel()
		return Exit{}
	}}))
	for i, want := range []index.State{index.Waiting, index.Interrupted} {
		if c := d.Index.InOrder()[i]; c.State != want {
			t.Errorf("%s is %s", c.Name, c.State)
		}
	}
	return d
}

// linksOf counts the links of the matrix's page.
func linksOf(t *testing.T, d *Dir) map[string]int {
	t.Helper()
	f, err := os.Open(d.Report())
	must(t, err)
	defer f.Close()
	doc, err := html.Parse(f)
	must(t, err)
	linked := map[string]int{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch a.Key {
			case "src", "action", "data":
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case "href":
				if _, err := os.Stat(d.Path(a.Val)); err != nil {
					t.Errorf("link to %s: %v", a.Val, err)
				}
				linked[a.Val]++
			}
		}
	}
	return linked
}
