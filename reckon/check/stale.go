package check

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Staleness is a measurement of how old reads were (Bailis et al., Probabilistically Bounded
// Staleness, VLDB 2012). Only what is certain counts: a read is stale by as many versions as
// acknowledged writes of its key were over before it was called and certainly after the write that
// it answered.
type Staleness struct {
	Reads, Fresh int
	// Since is the share of fresh reads by the time since the newest acknowledged write of the key.
	Since []FreshWithin
	// Behind counts reads by how many versions they were behind: Behind[0] are the fresh ones; the
	// last holds all beyond.
	Behind [8]int
	// Phases are the reads before the first fault, while one was in effect, and after the last was
	// healed.
	Phases [3]struct{ Reads, Fresh int }
}

// FreshWithin is one step of the curve P(fresh | t).
type FreshWithin struct {
	Below        time.Duration // since the acknowledgement; the last step has no bound
	Reads, Fresh int
}

// staleSteps are the steps of the curve.
var staleSteps = []time.Duration{time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond,
	300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, math.MaxInt64}

// Measure measures the staleness of the load's reads.
func Measure(h *history.History) Staleness {
	var s Staleness
	for _, d := range staleSteps {
		s.Since = append(s.Since, FreshWithin{Below: d})
	}
	p := newPast(h)
	from, to := struckSpan(h)
	for _, key := range p.keys {
		for _, i := range p.reads[key] {
			o := &h.Ops[i]
			if o.Stage != history.Load {
				continue
			}
			behind, newest := p.behind(o)
			if newest < 0 {
				continue // nothing had been acknowledged yet
			}
			phase := 1
			if o.Call < from {
				phase = 0
			} else if o.Call >= to {
				phase = 2
			}
			s.count(behind, o.Call-newest, phase)
		}
	}
	return s
}

func (s *Staleness) count(behind int, since time.Duration, phase int) {
	s.Reads++
	s.Phases[phase].Reads++
	s.Behind[min(behind, len(s.Behind)-1)]++
	step := 0
	for since >= s.Since[step].Below {
		step++
	}
	s.Since[step].Reads++
	if behind == 0 {
		s.Fresh++
		s.Phases[phase].Fresh++
		s.Since[step].Fresh++
	}
}

// behind returns by how many versions the read was stale, and when the newest write that was over
// before it was acknowledged; -1 where there was none.
func (p *past) behind(o *history.Op) (versions int, newest time.Duration) {
	newest = -1
	got := p.author(o)
	for _, i := range p.writes[o.Key] {
		w := &p.h.Ops[i]
		if w.Outcome != history.OK || w.Return >= o.Call {
			continue
		}
		newest = max(newest, w.Return)
		switch {
		case got != nil && got != w && precedes(got, w):
			versions++
		case o.Value == "" && w.Value != "" && p.absentBefore(o, w):
			versions++
		}
	}
	return versions, newest
}

// absentBefore reports whether that the key is absent is certainly older than the write: no
// deletion explains it.
func (p *past) absentBefore(read, w *history.Op) bool { return p.older(read, nil, w) }

// struckSpan is from when the first fault took effect until the last was healed; a run without any
// has only a before.
func struckSpan(h *history.History) (from, to time.Duration) {
	from, to = math.MaxInt64, 0
	for _, e := range h.Events {
		switch e.Kind {
		case history.Struck:
			from = min(from, e.At)
		case history.Healed:
			to = max(to, e.At)
		}
	}
	return from, max(from, to)
}

// Stale reports the staleness. It is a measurement, so it is Valid where there was anything to
// measure.
func Stale(h *history.History) Result {
	r := Result{Name: "stale"}
	s := Measure(h)
	if s.Reads == 0 {
		r.Detail = "no read followed an acknowledged write, so there is nothing to measure"
		return r
	}
	r.Verdict = Valid
	r.Detail = fmt.Sprintf("%s of %s fresh", percent(s.Fresh, s.Reads), count(s.Reads, "read"))
	var curve []string
	for _, f := range s.Since {
		if f.Reads > 0 && f.Below < math.MaxInt64 {
			curve = append(curve, fmt.Sprintf("%s %s", f.Below, percent(f.Fresh, f.Reads)))
		}
	}
	if len(curve) > 0 {
		r.Detail += "; by time since the acknowledgement, below " + strings.Join(curve, ", ")
	}
	for k := len(s.Behind) - 1; k > 0; k-- {
		if s.Behind[k] > 0 {
			more := ""
			if k == len(s.Behind)-1 {
				more = " or more"
			}
			r.Detail += fmt.Sprintf("; at most %s%s behind", count(k, "version"), more)
			break
		}
	}
	for i, name := range []string{"before", "during", "after"} {
		if ph := s.Phases[i]; ph.Reads > 0 && s.Phases[0].Reads < s.Reads {
			r.Detail += fmt.Sprintf("; %s the faults %s", name, percent(ph.Fresh, ph.Reads))
		}
	}
	return r
}

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }
