package results

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A Summary is what a run amounts to, for scripts and for the report. In JSON
// it is a contract: keys are added, never renamed. Times whose name ends in _s are
// seconds since the start of the load; null stands for what did not happen or was not measured.
type Summary struct {
	Verdict     Status   `json:"verdict"`
	Reason      string   `json:"reason"` // one sentence: why it is this verdict
	Interrupted bool     `json:"interrupted"`
	Seed        uint64   `json:"seed"`
	Words       []string `json:"words"`
	Duration    float64  `json:"duration_s"` // planned length of the load

	Checks  []check.Result `json:"checks"`
	Harness []string       `json:"harness"` // why the run is no result, if it is none
	Notes   []string       `json:"notes"`   // what a reader should know, though it changes no verdict

	Ops            Ops            `json:"ops"`
	Latency        Latency        `json:"latency_ms"`
	Throughput     Throughput     `json:"throughput"`
	Strikes        []Strike       `json:"strikes"`
	Unavailability Unavailability `json:"unavailability"`
	Kibishii       *Kibishii      `json:"kibishii,omitempty"` // where the run had workers
	Leaders        Leaders        `json:"leaders"`
	InFault        *Stretch       `json:"in_fault"` // from the first strike to the last heal; null where nothing struck
	AtHeal         *Stretch       `json:"at_heal"`  // from the last heal to the end of the load; null where nothing was healed before

	Links    Links                        `json:"links"`
	Captured []Captured                   `json:"captured,omitempty"` // packets, host by host, where they were recorded
	Load     Load                         `json:"load"`
	Host     map[string]Level             `json:"host"`    // what the machine did, by the names of Noise events
	Members  map[string]map[string]Metric `json:"members"` // what members counted, by member and metric

	Phases    []PhaseAt `json:"phases"`
	FaultFrom *float64  `json:"fault_from_s"` // the first strike began to act; "before" ends here
	FaultTo   *float64  `json:"fault_to_s"`   // the last heal; "after" begins here
	LoadEnd   float64   `json:"load_end_s"`
	Settle    *float64  `json:"settle_s"` // from the last heal (where nothing struck, from the end of the load) until every member served and one leader stayed; null where that never came
}

// Ops counts the operations of the load. Every offered one is in exactly one of the other three.
type Ops struct {
	Offered int `json:"offered"`
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}

// A Strike is one strike of a fault, planned and as it happened.
type Strike struct {
	Fault    string     `json:"fault"`
	Name     string     `json:"name"`   // what the plan calls it
	Detail   string     `json:"detail"` // whom it struck
	Planned  [2]float64 `json:"planned_s"`
	Acted    *float64   `json:"acted_s"`  // just before it first did something: it may be felt from here on
	Struck   *float64   `json:"struck_s"` // in effect, and seen to be
	Healed   *float64   `json:"healed_s"`
	Verified bool       `json:"verified"` // both its effect and its end were observed
	Missed   string     `json:"missed,omitempty"`
	Seen     []string   `json:"seen,omitempty"` // the observations
}

// PhaseAt says when the run entered a phase.
type PhaseAt struct {
	Name string  `json:"name"`
	At   float64 `json:"at_s"`
}

// Summarise says what the history amounts to. It is pure.
func Summarise(h *history.History, info Info, checks []check.Result) Summary {
	r := newReading(h, info)
	s := Summary{
		Seed: info.Seed, Words: nonNil(info.Words), Duration: info.Duration.Seconds(),
		Checks: nonNil(checks), Notes: nonNil(info.Notes),
		Ops: r.ops(), Latency: r.latency(), Throughput: r.throughput(),
		Strikes: nonNil(r.strikes), Unavailability: r.unavailability(), Leaders: r.leaders(), Kibishii: r.kibishii(),
		Links: r.links(), Captured: r.captured(), Load: r.load(), Host: r.host(), Members: r.members(),
		Phases: r.phases(), LoadEnd: r.since(r.loadEnd), Settle: r.settle(),
	}
	if r.faultFrom >= 0 {
		s.FaultFrom, s.FaultTo = ptr(r.since(r.faultFrom)), ptr(r.since(r.faultTo))
	}
	s.InFault, s.AtHeal = r.inFault(s.Leaders), r.atHeal(s.Leaders)
	s.Notes = append(slices.Clip(s.Notes), r.silences()...)
	s.Interrupted = r.interrupted()
	judge(&s, r)
	return s
}

// A reading is a history with what all of the summary asks of it: when the load
// began and ended, and between which instants faults were in effect.
type reading struct {
	h    *history.History
	info Info

	load0   time.Duration // start of the load, since the epoch; 0 where there was none
	loadEnd time.Duration
	loaded  bool
	end     time.Duration // the last instant that the record speaks of

	strikes            []Strike
	seen               map[int]*verification // by strike
	faultFrom, faultTo time.Duration         // since the epoch; -1 where nothing struck
}

func newReading(h *history.History, info Info) *reading {
	r := &reading{h: h, info: info, faultFrom: -1, faultTo: -1}
	r.load0, r.loaded = h.PhaseStart("load")
	for i := range h.Events {
		r.end = max(r.end, h.Events[i].At)
	}
	for i := range h.Ops {
		r.end = max(r.end, h.Ops[i].Return)
	}
	for i := range h.Passes {
		r.end = max(r.end, h.Passes[i].Return)
	}
	r.loadEnd = r.load0 + info.Duration
	if at, ok := h.PhaseStart("drain"); ok {
		r.loadEnd = min(r.loadEnd, at) // the runner may say so late, with a heal in progress: nothing was offered any more
	} else if r.end < r.loadEnd {
		r.loadEnd = max(r.end, r.load0) // cut short in the middle of the load
	}
	r.strikes = r.readStrikes()
	for _, s := range r.strikes {
		if s.Struck == nil {
			continue
		}
		from, to := r.at(*s.Acted), r.loadEnd
		if s.Healed != nil {
			to = r.at(*s.Healed)
		}
		if r.faultFrom < 0 || from < r.faultFrom {
			r.faultFrom = from
		}
		r.faultTo = max(r.faultTo, to)
	}
	return r
}

// since is the instant in seconds since the start of the load, to the microsecond.
func (r *reading) since(at time.Duration) float64 { return seconds(at - r.load0) }

// at is the inverse of since.
func (r *reading) at(s float64) time.Duration {
	return r.load0 + time.Duration(s*1e6+0.5)*time.Microsecond
}

func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }
func millis(d time.Duration) float64  { return float64(d.Microseconds()) / 1e3 }
func micros(d time.Duration) float64  { return float64(d.Nanoseconds()) / 1e3 }

func ptr[T any](v T) *T { return &v }

// nonNil makes an empty list [] in JSON, not null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (r *reading) ops() Ops {
	var o Ops
	for i := range r.h.Ops {
		if r.h.Ops[i].Stage != history.Load {
			continue
		}
		o.Offered++
		switch r.h.Ops[i].Outcome {
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
func (r *reading) readStrikes() []Strike {
	strikes := make([]Strike, len(r.info.Planned))
	for i, p := range r.info.Planned {
		strikes[i] = Strike{Fault: p.Fault, Name: p.Name, Planned: [2]float64{seconds(p.From), seconds(p.To)}}
	}
	r.seen = map[int]*verification{}
	for _, e := range r.h.Events {
		switch e.Kind {
		case history.Struck, history.Healed, history.Verified, history.Missed:
		default:
			continue
		}
		if i, ok := e.Strike(); ok {
			for len(strikes) <= i {
				strikes = append(strikes, Strike{})
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

func (r *reading) apply(e history.Event, s *Strike, v *verification) {
	switch e.Kind {
	case history.Struck:
		in := e.Injection()
		s.Fault = cmp.Or(s.Fault, in.Fault)
		s.Detail, s.Struck, s.Acted = in.Target, ptr(r.since(e.At)), ptr(r.since(e.At-in.Took))
		if s.Planned == [2]float64{} {
			s.Planned = [2]float64{in.PlannedFrom.Seconds(), in.PlannedTo.Seconds()}
		}
	case history.Healed:
		s.Fault, s.Healed = cmp.Or(s.Fault, e.Subject), ptr(r.since(e.At))
	case history.Missed:
		s.Fault = cmp.Or(s.Fault, e.Subject)
		s.Missed = cmp.Or(e.Detail, "no reason was given")
	case history.Verified:
		s.Seen = append(s.Seen, fmt.Sprintf("%.3f s: %s", r.since(e.At), e.Detail))
		v.struck = v.struck || e.End == history.EndStruck
		v.healed = v.healed || e.End == history.EndHealed
	}
}

func (r *reading) phases() []PhaseAt {
	out := []PhaseAt{}
	for _, e := range r.h.Events {
		if e.Kind == history.Phase {
			out = append(out, PhaseAt{e.Subject, r.since(e.At)})
		}
	}
	return out
}

// settle is how long the store took to settle after the last heal. That may lie long before the load's end.
func (r *reading) settle() *float64 {
	from := r.loadEnd
	if r.faultTo >= 0 {
		from = r.faultTo
	}
	for _, e := range r.h.Events {
		if e.Kind == history.Settled {
			return ptr(seconds(max(0, e.At-from)))
		}
	}
	return nil
}
