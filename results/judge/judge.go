// Package judge turns the record of a run into its verdict: it runs the checks that the plan names,
// works out the summary, and draws the report.
//
//	summary, err := judge.Conclude(dir)
//
// The checks run in a process of their own, under the name Role, whose time and memory are bounded:
// a program that judges runs registers it (reexec.Register(judge.Role, judge.Main)) and must know
// the words of the plan. The package needs the run's directory and nothing else; it decides nothing
// itself: package check has the checks and package summary the numbers.
package judge

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/report"
	"github.com/reckon-bench/reckon/results/summary"
)

// Conclude checks, summarises and draws a recorded run, and returns the summary that it wrote. An
// error means that there is none: the plan or the record cannot be read, or the directory not be
// written. A check that fails, or cannot decide, is no error.
func Conclude(dir *results.Dir) (results.Summary, error) {
	r := readRecord(dir)
	p, file, err := dir.Plan()
	if err != nil {
		return results.Summary{}, err
	}
	return draw(dir, p, file, r, withInvariants(file, r, runChecks(dir, p)))
}

// Of summarises a history that is in memory, with verdicts that are known already.
func Of(p *plan.Plan, file results.PlanFile, h *reckon.History, checks []check.Result) results.Summary {
	return summary.Of(h, info(p, file, nil), checks)
}

// withInvariants adds what a simulated run says of the invariants that it checked at every step.
func withInvariants(file results.PlanFile, r *record, checks []check.Result) []check.Result {
	<-r.done
	if file.Backend != results.Simulated || r.err != nil {
		return checks
	}
	return append(checks, check.Invariants(r.h))
}

// Redraw summarises and draws a recorded run again, with verdicts that are known already.
func Redraw(dir *results.Dir, checks []check.Result) error {
	r := readRecord(dir)
	p, file, err := dir.Plan()
	if err != nil {
		return err
	}
	_, err = draw(dir, p, file, r, checks)
	return err
}

// record is a run's history, being read: that takes about as long as checking, and runs beside it.
type record struct {
	done  chan struct{}
	h     *reckon.History
	notes []string
	err   error
}

func readRecord(dir *results.Dir) *record {
	r := &record{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.h, r.notes, r.err = dir.History()
	}()
	return r
}

// draw summarises and draws, given the verdicts.
func draw(dir *results.Dir, p *plan.Plan, file results.PlanFile, r *record, checks []check.Result) (results.Summary, error) {
	<-r.done
	if r.err != nil {
		return results.Summary{}, r.err
	}
	in := info(p, file, r.notes)
	if end := dir.RunnerEnd(); end != "" {
		in.Defects = append(in.Defects, end)
	}
	s := summary.Of(r.h, in, checks)
	if err := dir.WriteSummary(s); err != nil {
		return s, err
	}
	return s, report.Render(dir, r.h, s, in)
}

// info returns what the summary and the report need to know of the plan.
func info(p *plan.Plan, f results.PlanFile, notes []string) summary.Info {
	in := summary.Info{
		Words: p.Words.List(), Seed: p.Options.Seed, Duration: p.Options.Duration, ElectionTimeout: p.Options.FailureTimeout,
		Nodes: p.Setting.Nodes, Clients: p.Setting.Clients, Backend: f.Backend, Links: p.Links,
		LagBound: p.Bounds.Lag, LateBound: p.Bounds.Late, Command: f.Command, Notes: notes,
	}
	for _, s := range p.Strikes {
		in.Planned = append(in.Planned, summary.Planned{Fault: s.Fault, Name: s.Name, From: s.From, To: s.To})
	}
	in.Facts = append(in.Facts, summary.Fact{Group: "Machine", Name: "started", Value: f.Started.Format(time.RFC3339)})
	for _, fl := range p.Effective() {
		in.Facts = append(in.Facts, summary.Fact{Group: "Flags", Name: "--" + fl.Name, Value: fl.Value})
	}
	in.Facts = append(in.Facts, facts("Versions", f.Versions)...)
	in.Facts = append(in.Facts, facts("Machine", f.Machine)...)
	if f.Backend == results.Simulated {
		in.Notes = append(in.Notes, "simulated in virtual time: the raft of etcd and a model of its log, snapshots and client, on modelled disks and links; "+
			"nothing here says anything about mvcc, bbolt, gRPC, TCP or the time that a processor takes")
		return in
	}
	if f.Machine["file_system"] == "tmpfs" {
		in.Notes = append(in.Notes, "the data directories were on tmpfs, where fsync costs nothing: latencies are not those of a disk")
	}
	return in
}

func facts(group string, m map[string]string) (all []summary.Fact) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, summary.Fact{Group: group, Name: strings.ReplaceAll(k, "_", " "), Value: m[k]})
	}
	return all
}
