package results

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// worked are passes of two workers in a run of 30 s that is struck from 10 to 20 s: one fails for damage, one loses a worker, one is open.
func worked() (all []history.Pass) {
	add := func(command string, call, took time.Duration, outcome history.Outcome, stood time.Duration, states ...string) {
		p := history.Pass{ID: fmt.Sprint(len(all)), Command: command, Number: int32(len(all)/2 + 1), Stage: "load",
			Call: sceneLoad + call, Return: sceneLoad + call + took + 50*time.Millisecond, Outcome: outcome, Stood: stood, Retries: 1}
		for i, state := range states {
			n := history.PassNode{Node: fmt.Sprintf("c%d", i+1), State: state, Files: 40, Bytes: 1000}
			if state == "success" || state == "failed" {
				n.Completed = p.Call + took - time.Duration(i)*time.Millisecond
			}
			p.Nodes = append(p.Nodes, n)
		}
		all = append(all, p)
	}
	ms := time.Millisecond
	add("generate", 1000*ms, 300*ms, history.OK, 90*ms, "success", "success")
	add("verify", 2000*ms, 200*ms, history.OK, 80*ms, "success", "success")
	add("generate", 3000*ms, 400*ms, history.OK, 70*ms, "success", "success")
	add("verify", 9500*ms, 1500*ms, history.OK, 1400*ms, "success", "success") // waits through the strike
	add("generate", 12000*ms, 5000*ms, history.Failed, 4900*ms, "lost", "success")
	add("verify", 21000*ms, 250*ms, history.Failed, 60*ms, "failed", "success")
	add("verify", 22000*ms, 250*ms, history.Failed, 60*ms, "failed", "success")
	add("generate", 25000*ms, 4000*ms, history.Unknown, 3000*ms, "not completed", "success")
	for i := 5; i <= 6; i++ {
		n := &all[i].Nodes[0]
		n.Corrupted, n.Damage = 1, []history.Damage{{Path: "dir0/file3", What: "corrupt: block 2: sha1"}}
	}
	return all
}

func TestPasses(t *testing.T) {
	small := scene{ops: 6000, duration: 30 * time.Second, seed: 1, outage: 1300 * time.Millisecond}
	h, info := small.run()
	h.Passes = worked()
	s := Summarise(h, info, passes)
	k := s.Kibishii
	if k.Generate != (PassCount{2, 1, 1}) || k.Verify != (PassCount{2, 2, 0}) || k.Retries != 8 {
		t.Errorf("%+v", k)
	}
	if k.Files != 6*40 || k.Bytes != 6*1000 || k.Corrupted != 2 || len(k.Damaged) != 1 || k.Damaged[0].Path != "dir0/file3" || k.Damaged[0].Node != "c1" {
		t.Errorf("%+v", k)
	}
	if b := k.Time.Before; b == nil || *b != (PassTime{3, 300, 400}) {
		t.Errorf("before: %+v", b)
	}
	if d := k.Time.During; d == nil || *d != (PassTime{1, 1500, 1500}) || *k.Standstill.During != 4900 || *k.Standstill.All != 4900 {
		t.Errorf("during: %+v, stood still %v", d, *k.Standstill.During)
	}
	if k.Time.After != nil || *k.Standstill.After != 3000 {
		t.Errorf("after: %+v", k.Time.After)
	}
	d := render(t, pictureDir(t, "passes"), h, info, passes)
	page, err := os.ReadFile(d.Path(reportFile))
	must(t, err)
	checkPage(t, d, string(page), []string{"Passes of Kibishii", "lost its lease", "not completed", "dir0/file3", "corrupt: block 2: sha1", "longest standstill"})
}

// A run of nothing but workers is judged by its passes, and says nothing of what no client asked for.
func TestPassesAlone(t *testing.T) {
	small := scene{ops: 6000, duration: 30 * time.Second, seed: 1, outage: 1300 * time.Millisecond}
	alone := func(passesOf []history.Pass) (Summary, *history.History, Info) {
		h, info := small.run()
		h.Ops, h.Passes, info.Clients = nil, passesOf, nil
		for i := range h.Events {
			if h.Events[i].Kind == history.Driver {
				h.Events[i].Data["offered"] = 0
			}
		}
		return Summarise(h, info, passes), h, info
	}
	s, h, info := alone(worked())
	if s.Verdict != StatusValid || s.Unavailability.LongestGap != 0 || s.Unavailability.TTR[0] != nil || s.Unavailability.Censored[0] {
		t.Errorf("%s %v, unavailability %+v", s.Verdict, s.Harness, s.Unavailability)
	}
	d := render(t, pictureDir(t, "passes-alone"), h, info, passes)
	page, err := os.ReadFile(d.Path(reportFile))
	must(t, err)
	checkPage(t, d, string(page), []string{"No operation was offered", "Passes over time"})
	if s, _, _ := alone(worked()[5:]); s.Verdict != StatusHarness {
		t.Errorf("no pass succeeded before the strike, and the run is %s", s.Verdict)
	}
}

// pictureDir is where a rendered scene goes.
func pictureDir(t *testing.T, name string) string {
	if *pictures != "" {
		return filepath.Join(*pictures, name)
	}
	return t.TempDir()
}
