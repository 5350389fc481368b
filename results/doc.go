// Package results is what remains of a run: its directory on disk (Dir), the plan that it was made
// by (PlanFile), and the form in which its numbers are kept (Summary).
//
// From a run's directory alone, on any operating system, without root, network or a second run, and
// as often as one likes, the rooms beside this package read and show it, in this order:
//
//	h, notes, err := dir.History()         // read what was recorded
//	s := summary.Of(h, info, checks)       // work out its numbers and its verdict; pure
//	figures := figure.All(h, s, info)      // draw it, on package canvas
//	err = report.Render(dir, h, s, info)   // write plots and page; same input, same bytes
//	s, err = judge.Conclude(dir)           // all of it, with the checks
//
// Packages compare, matrix and export read the directories of many runs, or hand one to other
// programs.
//
// The package does not touch the record: ops.jsonl, events.jsonl, changes.jsonl and passes.jsonl
// are only appended to while the run lasts, and what is derived from them can be thrown away. It
// runs no check and knows no runner.
package results
