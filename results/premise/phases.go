package premise

import (
	"math"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// phaseNames are the phases of a run of the plan, in order. Those that follow "settle" are left out
// where the cluster did not settle: whether that is the store's fault is for the checks.
func phaseNames(p *plan.Plan, settled bool) []string {
	names := []string{"build", "probe", "start", "ready", "preload", "load", "drain", "settle"}
	if settled {
		for _, w := range p.Workloads {
			if _, ok := w.Value.(reckon.Launcher); ok {
				names = append(names, "finish "+w.Name)
			}
		}
		names = append(names, "final", "collect")
	}
	return append(names, "done")
}

// phases: every phase was entered once, in order; the load lasted as planned.
func (r *reading) phases() {
	var got []string
	for _, e := range byTime(r.of(history.Phase)) {
		got = append(got, e.Subject)
	}
	if want := phaseNames(r.p, r.settled); !slices.Equal(got, want) {
		r.broken(Phases, "the run went through %s; its plan has %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	if over := r.at["drain"] - r.loadEnd; over < 0 || over > r.late() {
		r.broken(Phases, "the load ended at %s, planned are %v", r.since(r.at["drain"]), r.p.Options.Duration)
	}
	if over := r.done - max(r.at["collect"], r.at["settle"]); over > r.p.Bounds.Final+r.p.Bounds.Settle {
		r.doubt(Phases, "the run ended %v after its last phase began; it has %v", over, r.p.Bounds.Final+r.p.Bounds.Settle)
	}
	for _, e := range r.of(history.Phase) {
		if epoch, ok := e.Epoch(); ok && (epoch.Year() < 2000 || epoch.Year() > 2200) {
			r.doubt(Phases, "the run began in the year %d", epoch.Year())
		}
		if _, ok := e.Epoch(); ok != (e.Subject == "build") {
			r.doubt(Phases, "the wall clock's time of the epoch belongs to phase build alone; %s has it: %v", e.Subject, ok)
		}
	}
	if n, un := len(r.of(history.Settled)), len(r.of(history.Unsettled)); n+un != 1 {
		r.doubt(Phases, "the record says %d times that the cluster settled, and %d times that it did not", n, un)
	}
	for _, e := range r.h.Events {
		if e.At < 0 || e.At > r.done && e.Kind != history.Captured {
			r.doubt(Phases, "event %q of %q is of %v, outside the run", e.Kind, e.Subject, e.At)
		}
	}
}

// counts are the numbers of events that count something, or are its revision, hash or term: whole
// numbers, not negative, and small enough for a float64 to hold them exactly.
var counts = map[history.EventKind][]string{
	history.Phase:     {"ops", "changes", "passes"},
	history.Struck:    {"strike", "tries"},
	history.Healed:    {"strike"},
	history.Verified:  {"strike"},
	history.Held:      {"strike"},
	history.Released:  {"strike"},
	history.Degraded:  {"strike"},
	history.Restored:  {"strike"},
	history.Leads:     {"term"},
	history.Served:    {"strike"},
	history.Settled:   {"members"},
	history.Hash:      {"hash", "revision"},
	history.Collected: {"changes", "revision"},
	history.Links:     {"packets", "lost", "cut", "overflow"},
	history.Path:      {"packets", "lost", "cut", "overflow", "duplicated", "corrupted", "reordered"},
	history.Probe:     {"sent", "lost", "fewest", "most"},
	history.Probed:    {"paths", "probed", "packets"},
	history.Driver:    {"offered"},
	history.Captured:  {"packets", "bytes", "dropped", "unwritten"},
}

// optional are the counts that an event may lack: of other phases, where no node leads, of a path
// that has no bounds, and of a fabric that does not count them.
func optional(e history.Event, name string) bool {
	switch e.Kind {
	case history.Phase:
		return e.Subject != "done"
	case history.Leads:
		return e.Subject == ""
	case history.Settled: // of before members were asked
		return true
	case history.Probe:
		return name == "fewest" || name == "most"
	case history.Path:
		return name == "duplicated" || name == "corrupted" || name == "reordered"
	case history.Captured:
		return name == "unwritten"
	}
	return false
}

// numbers: counts are whole numbers, and no number is infinite, or none at all.
func (r *reading) numbers() {
	const most = 1 << 53
	for _, e := range r.h.Events {
		for _, name := range counts[e.Kind] {
			v, there := e.Data[name]
			switch {
			case !there && optional(e, name):
			case !there:
				r.doubt(Numbers, "event %q of %q has no %s", e.Kind, e.Subject, name)
			case v < 0 || v > most || v != math.Trunc(v):
				r.doubt(Numbers, "event %q of %q has %s %v, which counts nothing", e.Kind, e.Subject, name, v)
			}
		}
		for name, v := range e.Data {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				r.doubt(Numbers, "event %q of %q has %s %v", e.Kind, e.Subject, name, v)
			}
		}
		r.shares(e)
	}
}

// shares: what a sample gives in percent of the machine lies from 0 to 100, but for rounding.
func (r *reading) shares(e history.Event) {
	if e.Kind != history.Noise {
		return
	}
	for name, v := range e.Sample() {
		if strings.HasSuffix(name, "_pct") && (v < -1 || v > 101) {
			r.doubt(Numbers, "the machine's noise has %s %v", name, v)
		}
	}
}

// places: events are of known kinds, and name hosts, faults, paths and passes of the plan.
func (r *reading) places() {
	strikes := len(r.p.Strikes)
	for _, e := range r.h.Events {
		if what := stray(e); what != "" {
			r.doubt(Places, "event %q of %q has %s, which events of its kind do not", e.Kind, e.Subject, what)
		}
		switch e.Kind {
		case history.Up, history.Down, history.Leads, history.Metrics:
			r.during(Places, e, "start", "done")
		case history.Driver:
			r.during(Places, e, "load", "settle")
		case history.Collected, history.Hash:
			r.during(Places, e, "collect", "done")
		}
		if !r.placed(e) {
			r.doubt(Places, "event %q names %q, which the plan does not have", e.Kind, e.Subject)
		}
		_, given := e.Data["strike"]
		if n, ok := e.Strike(); given && (!ok || n >= strikes) {
			r.doubt(Places, "event %q of %q belongs to strike %v of %d", e.Kind, e.Subject, e.Data["strike"], strikes)
		}
	}
}

// stray returns a field of the event that means nothing in events of its kind.
func stray(e history.Event) string {
	held, overlay := e.Kind == history.Held || e.Kind == history.Released, e.Kind == history.Degraded || e.Kind == history.Restored
	switch {
	case e.End != "" && e.Kind != history.Verified:
		return "an end"
	case e.State != "" && !held:
		return "a state"
	case (e.Step != "" || e.Pass != "") && e.Kind != history.Worked:
		return "a part in a pass"
	case len(e.Overlay) > 0 && !overlay:
		return "an overlay"
	}
	return ""
}

// placed reports whether the event is of a known kind and names what events of its kind do.
func (r *reading) placed(e history.Event) bool {
	switch e.Kind {
	case history.Held, history.Released:
		return r.member(e.Subject) && (e.State == history.Dead || e.State == history.Paused)
	case history.Settled:
		return r.member(e.Subject) || e.Subject == "" && reckon.ServingOf(r.p.System).Leaderless
	case history.Up, history.Down, history.Metrics, history.Hash, history.Collected, history.Served:
		return r.member(e.Subject)
	case history.Leads:
		return e.Subject == "" || r.member(e.Subject)
	case history.Verified:
		return (e.End == history.EndStruck || e.End == history.EndHealed) && (e.Subject == "" || e.Subject == "links" || r.member(e.Subject) || r.client(e.Subject))
	case history.Worked:
		return r.client(e.Subject)
	case history.Driver:
		return r.client(e.Subject)
	case history.Captured:
		return slices.ContainsFunc(r.p.Hosts, func(h plan.Host) bool { return h.Name == e.Subject })
	case history.Links:
		return e.Subject != ""
	case history.Phase, history.Struck, history.Healed, history.Path, history.Probe: // compared one by one
		return e.Subject != ""
	case history.Noise, history.Probed, history.Degraded, history.Restored, history.Unsettled:
		return e.Subject == ""
	}
	return false
}
