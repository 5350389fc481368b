package summary

import (
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
)

// A Reading is a history with what all of the summary asks of it: when the load
// began and ended, and between which instants faults were in effect.
type Reading struct {
	H    *history.History
	Info Info

	load0   time.Duration // start of the load, since the epoch; 0 where there was none
	LoadEnd time.Duration
	Loaded  bool
	end     time.Duration // the last instant that the record speaks of

	strikes            []results.Strike
	seen               map[int]*verification // by strike
	FaultFrom, faultTo time.Duration         // since the epoch; -1 where nothing struck
}

// NewReading reads the history: the instants that all of its numbers refer to.
func NewReading(h *history.History, info Info) *Reading {
	r := &Reading{H: h, Info: info, FaultFrom: -1, faultTo: -1}
	r.load0, r.Loaded = h.PhaseStart("load")
	for i := range h.Events {
		r.end = max(r.end, h.Events[i].At)
	}
	for i := range h.Ops {
		r.end = max(r.end, h.Ops[i].Return)
	}
	for i := range h.Passes {
		r.end = max(r.end, h.Passes[i].Return)
	}
	r.LoadEnd = r.load0 + info.Duration
	if at, ok := h.PhaseStart("drain"); ok {
		// the runner may say so late, with a heal in progress: nothing was offered any more
		r.LoadEnd = min(r.LoadEnd, at)
	} else if r.end < r.LoadEnd {
		r.LoadEnd = max(r.end, r.load0) // cut short in the middle of the load
	}
	r.strikes = r.readStrikes()
	for _, s := range r.strikes {
		if s.Struck == nil {
			continue
		}
		from, to := r.at(*s.Acted), r.LoadEnd
		if s.Healed != nil {
			to = r.at(*s.Healed)
		}
		if r.FaultFrom < 0 || from < r.FaultFrom {
			r.FaultFrom = from
		}
		r.faultTo = max(r.faultTo, to)
	}
	return r
}

// Since is the instant in seconds since the start of the load, to the microsecond.
func (r *Reading) Since(at time.Duration) float64 { return Seconds(at - r.load0) }

// at returns the inverse of since.
func (r *Reading) at(s float64) time.Duration {
	return r.load0 + time.Duration(s*1e6+0.5)*time.Microsecond
}

// Seconds returns d in seconds, to the microsecond.
func Seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

// Millis returns d in milliseconds, to the microsecond.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
