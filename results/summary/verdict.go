package summary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// A defect is a reason why a run is inconclusive.
type defect struct {
	why string
	// record: what was recorded cannot be trusted to be all that happened.
	record bool
}

// judge decides the run's verdict.
//
// A defect of the harness makes the run inconclusive, with one exception: a violation remains one.
// Say that the generator lagged, and that a read returned a value which a later read contradicts:
// the lag spoils every number of the run, but no lag makes a correct store answer so, and a nightly
// run that reported only "harness" would hide the one thing it exists to find. So invalid wins,
// with the defects beside it, unless the defect is in the record itself. If operations vanished,
// the "value that no client wrote" may be one whose write vanished; then harness wins, and the
// checks' evidence is kept. If they are missing because the run was cut short, the verdict is
// unknown.
func judge(s *results.Summary, r *Reading) {
	defects := r.defects(s)
	s.Harness = []string{}
	doubtful := r.torn()
	for _, d := range defects {
		s.Harness = append(s.Harness, d.why)
		doubtful = doubtful || d.record
	}
	invalid, unknown := named(s.Checks, check.Invalid), named(s.Checks, check.Unknown)
	switch {
	case len(invalid) > 0 && !doubtful:
		s.Verdict, s.Reason = results.StatusInvalid, "Violated: "+strings.Join(invalid, ", ")+"."
	case len(defects) > 0:
		s.Verdict, s.Reason = results.StatusHarness, "Inconclusive: "+s.Harness[0]+"."
		if len(defects) > 1 {
			s.Reason = fmt.Sprintf("Inconclusive: %s, and %d more.", s.Harness[0], len(defects)-1)
		}
	case len(invalid) > 0: // and doubtful
		s.Verdict, s.Reason = results.StatusUnknown, "The run was cut short"+r.cutBy()+", and its record with it: what "+strings.Join(invalid, ", ")+" found may come of operations that are missing from it."
	case s.Interrupted:
		s.Verdict, s.Reason = results.StatusUnknown, "The run was cut short"+r.cutBy()+"; no violation was found up to then."
	case len(s.Checks) == 0:
		s.Verdict, s.Reason = results.StatusUnknown, "Nothing was checked."
	case len(unknown) > 0:
		s.Verdict, s.Reason = results.StatusUnknown, "Not decided: "+strings.Join(unknown, ", ")+"."
	case len(r.strikes) == 0:
		s.Verdict, s.Reason = results.StatusValid, "All checks passed; no fault was planned."
	default:
		s.Verdict, s.Reason = results.StatusValid, "All checks passed, and every planned fault was injected, observed and healed."
	}
}

// cutBy says by what the run was cut short, as far as it said so itself.
func (r *Reading) cutBy() string {
	for _, e := range r.H.Events {
		if e.Kind == history.Interrupted && e.Detail != "" {
			return " (" + e.Detail + ")"
		}
	}
	return ""
}

func named(checks []check.Result, v check.Verdict) []string {
	var names []string
	for _, c := range checks {
		if c.Verdict == v {
			names = append(names, c.Name)
		}
	}
	return names
}

// defects lists everything that makes a run inconclusive. What an interruption explains is no
// defect: such a run is unknown at best.
func (r *Reading) defects(s *results.Summary) []defect {
	d := r.reported()
	d = append(d, r.incomplete()...)
	d = append(d, r.timeless()...)
	d = append(d, r.idle(s)...)
	d = append(d, r.strikeDefects(s)...)
	d = append(d, r.driverDefects(s)...)
	d = append(d, r.loadDefects(s)...)
	return append(d, r.linkDefects(s)...)
}

// reported returns what the run says against itself.
func (r *Reading) reported() []defect {
	var d []defect
	for _, e := range r.H.Events {
		if e.Kind != history.Harness {
			continue
		}
		why := e.Detail
		if e.Subject != "" {
			why = e.Subject + ": " + why
		}
		d = append(d, defect{why: strings.TrimSpace(why)})
	}
	return d
}

// incomplete returns what was said outside the record, and what the record's own last line says is
// missing from it.
func (r *Reading) incomplete() []defect {
	var d []defect
	for _, why := range r.Info.Defects {
		d = append(d, defect{why, true})
	}
	for _, e := range r.H.Events {
		written, ok := e.Done()
		if !ok {
			continue
		}
		for _, f := range []struct {
			file          string
			written, have int
		}{{results.OpsFile, written.Ops, len(r.H.Ops)}, {results.ChangesFile, written.Changes, len(r.H.Changes)}, {results.PassesFile, written.Passes, len(r.H.Passes)}} {
			if f.written >= 0 && f.written != f.have {
				d = append(d, defect{fmt.Sprintf("%s is not what was recorded: it holds %d lines, %d were written", f.file, f.have, f.written), true})
			}
		}
	}
	return d
}

// torn reports whether the record ends in the middle of something: the run did not get to its last
// line, or a load driver not to its account. An operation is recorded when it has ended, so those
// that were under way are in no line, though what they wrote may have been read.
func (r *Reading) torn() bool {
	if _, done := r.H.PhaseStart("done"); !done {
		return true
	}
	offered := r.offered()
	return r.Loaded && slices.ContainsFunc(r.Info.ClientsIn(r.H), func(c string) bool {
		_, reported := offered[c]
		return !reported
	})
}

// timeless finds operations that end before they begin: clocks that disagree make every order of
// operations doubtful.
func (r *Reading) timeless() []defect {
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Return < o.Call {
			return []defect{{why: "an operation returned before it was called (" + o.String() + "): the clocks disagree", record: true}}
		}
	}
	return nil
}

// fell reports whether a process of the store's ended by itself, which cuts a run short.
func (r *Reading) fell() bool {
	return slices.ContainsFunc(r.H.Events, func(e history.Event) bool { return e.Kind == history.Ended })
}

func (r *Reading) strikeDefects(s *results.Summary) []defect {
	var d []defect
	for i, k := range r.strikes {
		name := fmt.Sprintf("strike %d (%s)", i+1, k.Fault)
		v := r.seen[i]
		switch {
		case k.Missed != "":
			d = append(d, defect{why: name + " failed: " + k.Missed})
		case s.Interrupted || r.fell(): // explains all that follows
		case k.Struck == nil:
			d = append(d, defect{why: name + " was never injected, and the record does not say why"})
		case !v.struck:
			d = append(d, defect{why: name + " was not verified: its effect was not observed"})
		case k.Healed == nil:
			d = append(d, defect{why: name + " was never healed"})
		case !v.healed:
			d = append(d, defect{why: name + " was not verified: its heal was not observed"})
		case *k.Healed-*k.Struck < (k.Planned[1]-k.Planned[0])/2:
			// It may be late, looking for a leader; but less than half of it is another fault.
			d = append(d, defect{why: fmt.Sprintf("%s lasted %s s of the %s s planned", name, decimal(*k.Healed-*k.Struck), decimal(k.Planned[1]-k.Planned[0]))})
		}
	}
	return d
}

// offered returns how many operations each driver says that it offered.
func (r *Reading) offered() map[string]int {
	offered := map[string]int{}
	for _, e := range r.H.Events {
		if e.Kind == history.Driver {
			offered[e.Subject] = e.Offered()
		}
	}
	return offered
}

// driverDefects compares what each driver says it offered with what is on record.
func (r *Reading) driverDefects(s *results.Summary) []defect {
	if !r.Loaded {
		return nil
	}
	offered := r.offered()
	recorded := map[string]int{}
	for i := range r.H.Ops {
		if o := &r.H.Ops[i]; o.Stage == history.Load {
			recorded[o.Client]++
		}
	}
	var d []defect
	for _, c := range r.Info.ClientsIn(r.H) {
		n, reported := offered[c]
		switch {
		case reported && n != recorded[c]:
			d = append(d, defect{fmt.Sprintf("operations vanished: %s offered %d, %d are on record", c, n, recorded[c]), true})
		case !reported && !s.Interrupted:
			d = append(d, defect{"the load driver of " + c + " did not report what it offered", true})
		}
	}
	return d
}

func (r *Reading) loadDefects(s *results.Summary) []defect {
	bound := r.Info.LagBound
	if s.Load.Lag != nil && s.Load.Lag.Max > micros(r.Info.ElectionTimeout) && r.Info.ElectionTimeout > 0 {
		return []defect{{why: fmt.Sprintf("the load generator stood still: an operation was dispatched %v late, longer than an election timeout", inMicros(s.Load.Lag.Max))}}
	}
	if s.Load.Lag == nil || bound <= 0 || s.Load.Lag.P99 <= micros(bound) {
		return nil
	}
	return []defect{{why: fmt.Sprintf("the load generator lagged: %v behind its schedule at p99, the bound is %v", inMicros(s.Load.Lag.P99), bound)}}
}

// decimal prints a number of seconds without noise: 0.1, 5, 2000.
func decimal(s float64) string { return strconv.FormatFloat(s, 'f', -1, 32) }
