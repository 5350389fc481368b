package summary

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// Of says what the history amounts to. It is pure.
func Of(h *history.History, info Info, checks []check.Result) results.Summary {
	r := NewReading(h, info)
	s := results.Summary{
		Seed: info.Seed, Words: nonNil(info.Words), Duration: info.Duration.Seconds(),
		Checks: nonNil(checks), Notes: nonNil(info.Notes),
		Ops: r.ops(), Latency: r.latency(), Throughput: r.throughput(),
		Strikes: nonNil(r.strikes), Unavailability: r.unavailability(), Leaders: r.leaders(), Kibishii: r.kibishii(),
		Links: r.links(), Captured: r.captured(), Load: r.load(), Host: r.host(), Members: r.members(),
		Phases: r.phases(), LoadEnd: r.Since(r.LoadEnd), Settle: r.settle(),
	}
	if r.FaultFrom >= 0 {
		s.FaultFrom, s.FaultTo = new(r.Since(r.FaultFrom)), new(r.Since(r.faultTo))
	}
	s.InFault, s.AtHeal = r.inFault(s.Leaders), r.atHeal(s.Leaders)
	s.Notes = append(slices.Clip(s.Notes), r.silences()...)
	s.Interrupted = r.interrupted()
	judge(&s, r)
	return s
}

// nonNil makes an empty list [] in JSON, not null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (r *Reading) ops() results.Ops {
	var o results.Ops
	for i := range r.H.Ops {
		if r.H.Ops[i].Stage != history.Load {
			continue
		}
		o.Offered++
		switch r.H.Ops[i].Outcome {
		case history.OK:
			o.OK++
		case history.Failed:
			o.Failed++
		default:
			o.Unknown++
		}
	}
	return o
}

// readStrikes puts what happened beside what was planned; strike numbers are places in the plan.
func (r *Reading) readStrikes() []results.Strike {
	strikes := make([]results.Strike, len(r.Info.Planned))
	for i, p := range r.Info.Planned {
		strikes[i] = results.Strike{Fault: p.Fault, Name: p.Name, Planned: [2]float64{Seconds(p.From), Seconds(p.To)}}
	}
	r.seen = map[int]*verification{}
	for _, e := range r.H.Events {
		switch e.Kind {
		case history.Struck, history.Healed, history.Verified, history.Missed:
		default:
			continue
		}
		if i, ok := e.Strike(); ok {
			for len(strikes) <= i {
				strikes = append(strikes, results.Strike{})
			}
			if r.seen[i] == nil {
				r.seen[i] = &verification{}
			}
			r.apply(e, &strikes[i], r.seen[i])
		}
	}
	for i, v := range r.seen {
		strikes[i].Verified = v.struck && v.healed && strikes[i].Missed == ""
	}
	return strikes
}

// verification is which ends of a strike were observed.
type verification struct{ struck, healed bool }

func (r *Reading) apply(e history.Event, s *results.Strike, v *verification) {
	switch e.Kind {
	case history.Struck:
		in := e.Injection()
		s.Fault = cmp.Or(s.Fault, in.Fault)
		s.Detail, s.Struck, s.Acted = in.Target, new(r.Since(e.At)), new(r.Since(e.At-in.Took))
		if s.Planned == [2]float64{} {
			s.Planned = [2]float64{in.PlannedFrom.Seconds(), in.PlannedTo.Seconds()}
		}
	case history.Healed:
		s.Fault, s.Healed = cmp.Or(s.Fault, e.Subject), new(r.Since(e.At))
	case history.Missed:
		s.Fault = cmp.Or(s.Fault, e.Subject)
		s.Missed = cmp.Or(e.Detail, "no reason was given")
	case history.Verified:
		s.Seen = append(s.Seen, fmt.Sprintf("%.3f s: %s", r.Since(e.At), e.Detail))
		v.struck = v.struck || e.End == history.EndStruck
		v.healed = v.healed || e.End == history.EndHealed
	}
}

func (r *Reading) phases() []results.PhaseAt {
	out := []results.PhaseAt{}
	for _, e := range r.H.Events {
		if e.Kind == history.Phase {
			out = append(out, results.PhaseAt{Name: e.Subject, At: r.Since(e.At)})
		}
	}
	return out
}

// settle returns how long the store took to settle after the last heal. That may lie long before
// the load's end.
func (r *Reading) settle() *float64 {
	from := r.LoadEnd
	if r.faultTo >= 0 {
		from = r.faultTo
	}
	for _, e := range r.H.Events {
		if e.Kind == history.Settled {
			return new(Seconds(max(0, e.At-from)))
		}
	}
	return nil
}
