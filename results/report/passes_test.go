package report

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/resultstest"
	"github.com/reckon-bench/reckon/results/summary"
)

func TestPasses(t *testing.T) {
	small := resultstest.Scene{Ops: 6000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * time.Millisecond}
	h, info := small.Run()
	h.Passes = resultstest.Worked()
	s := summary.Of(h, info, resultstest.Checks)
	k := s.Kibishii
	if k.Generate != (results.PassCount{OK: 2, Failed: 1, Unknown: 1}) || k.Verify != (results.PassCount{OK: 2, Failed: 2, Unknown: 0}) || k.Retries != 8 {
		t.Errorf("%+v", k)
	}
	if k.Files != 6*40 || k.Bytes != 6*1000 || k.Corrupted != 2 || len(k.Damaged) != 1 || k.Damaged[0].Path != "dir0/file3" || k.Damaged[0].Node != "c1" {
		t.Errorf("%+v", k)
	}
	if b := k.Time.Before; b == nil || *b != (results.PassTime{N: 3, P50: 300, Max: 400}) {
		t.Errorf("before: %+v", b)
	}
	if d := k.Time.During; d == nil || *d != (results.PassTime{N: 1, P50: 1500, Max: 1500}) || *k.Standstill.During != 4900 || *k.Standstill.All != 4900 {
		t.Errorf("during: %+v, stood still %v", d, *k.Standstill.During)
	}
	if k.Time.After != nil || *k.Standstill.After != 3000 {
		t.Errorf("after: %+v", k.Time.After)
	}
	d := render(t, pictureDir(t, "passes"), h, info, resultstest.Checks)
	page, err := os.ReadFile(d.Path(results.ReportFile))
	must(t, err)
	checkPage(t, d, string(page), []string{"Passes of Kibishii", "lost its lease", "not completed", "dir0/file3", "corrupt: block 2: sha1", "longest standstill"})
}

// A run of nothing but workers is judged by its passes, and says nothing of what no client asked
// for.
func TestPassesAlone(t *testing.T) {
	small := resultstest.Scene{Ops: 6000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * time.Millisecond}
	alone := func(passesOf []history.Pass) (results.Summary, *history.History, summary.Info) {
		h, info := small.Run()
		h.Ops, h.Passes, info.Clients = nil, passesOf, nil
		for i := range h.Events {
			if h.Events[i].Kind == history.Driver {
				h.Events[i].Data["offered"] = 0
			}
		}
		return summary.Of(h, info, resultstest.Checks), h, info
	}
	s, h, info := alone(resultstest.Worked())
	if s.Verdict != results.StatusValid || s.Unavailability.LongestGap != 0 || s.Unavailability.TTR[0] != nil || s.Unavailability.Censored[0] {
		t.Errorf("%s %v, unavailability %+v", s.Verdict, s.Harness, s.Unavailability)
	}
	d := render(t, pictureDir(t, "passes-alone"), h, info, resultstest.Checks)
	page, err := os.ReadFile(d.Path(results.ReportFile))
	must(t, err)
	checkPage(t, d, string(page), []string{"No operation was offered", "Passes over time"})
	if s, _, _ := alone(resultstest.Worked()[5:]); s.Verdict != results.StatusHarness {
		t.Errorf("no pass succeeded before the strike, and the run is %s", s.Verdict)
	}
}

// pictureDir returns where a rendered scene goes.
func pictureDir(t *testing.T, name string) string {
	if *pictures != "" {
		return filepath.Join(*pictures, name)
	}
	return t.TempDir()
}
