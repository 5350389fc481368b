package summary

import (
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results"
)

// wrongUpTo is how many paths the reasons name one by one.
const wrongUpTo = 3

// probeDefects compares what was measured before the load with the plan.
func (r *Reading) probeDefects(s *results.Summary) []defect {
	var d []defect
	if s.Links.Probed == nil && !s.Interrupted {
		d = append(d, defect{why: "the links were never probed, so nothing shows that they match the plan"})
	}
	wrong := 0
	for _, p := range s.Links.Paths {
		why := p.Wrong()
		if why == "" {
			continue
		}
		if wrong++; wrong <= wrongUpTo {
			d = append(d, defect{why: fmt.Sprintf("path %s, planned %s, %s", p.Path, p.Shape, why)})
		}
	}
	switch more := wrong - wrongUpTo; {
	case more == 1:
		d = append(d, defect{why: "one more path does not match the plan"})
	case more > 1:
		d = append(d, defect{why: fmt.Sprintf("%d more paths do not match the plan", more)})
	}
	return d
}

// linkDefects compares the links with their bounds and with the plan.
func (r *Reading) linkDefects(s *results.Summary) []defect {
	if r.Info.Backend == "" || !r.Loaded {
		return nil
	}
	d := r.probeDefects(s)
	bound := r.Info.LateBound
	switch late := s.Links.Late; {
	case late == nil && !s.Interrupted && s.Links.Backend != "netem": // the kernel's own does not say
		d = append(d, defect{why: "the links did not report how late they delivered"})
	case late != nil && bound > 0 && late.P99 > micros(bound):
		d = append(d, defect{why: fmt.Sprintf("the links delivered late: %v at p99, the bound is %v", inMicros(late.P99), bound)})
	}
	// A switch that stands still carries few packets meanwhile, so p99 over packets may not show
	// it.
	if late := s.Links.Late; late != nil && late.Max > micros(r.Info.ElectionTimeout) && r.Info.ElectionTimeout > 0 {
		d = append(d, defect{why: fmt.Sprintf("the links stood still: a packet was %v late, longer than an election timeout", inMicros(late.Max))})
	}
	if n := r.unasked(s.Links); n > 0 {
		d = append(d, defect{why: fmt.Sprintf("the links dropped %.0f packets because queues were full, which the plan does not ask for", n)})
	}
	return d
}

// unasked returns how many packets were dropped for want of room where the plan limits no rate: a
// queue before a limit may be full.
func (r *Reading) unasked(l results.Links) float64 {
	n := l.Overflow
	for _, p := range l.Paths {
		var of link.Path
		if of.UnmarshalText([]byte(p.Path)) == nil && r.Info.Links[of].Rate > 0 {
			n -= p.Overflow
		}
	}
	return n
}

func inMicros(us float64) time.Duration { return time.Duration(us * 1e3).Round(time.Microsecond) }
