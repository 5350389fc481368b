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
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/premise"
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
	return summary.Of(h, summary.InfoOfPlan(p, file, nil), checks)
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
	in := summary.InfoOf(dir, p, file, r.notes)
	if file.Backend != results.Simulated { // whose links are as planned by construction, and are not probed
		in.Premises = premise.Violated(p, r.h)
	}
	s := summary.Of(r.h, in, checks)
	if err := dir.WriteSummary(s); err != nil {
		return s, err
	}
	return s, report.Render(dir, r.h, s, in)
}
