// Package premise compares the record of a run with its plan: whatever the plan determines must be
// in the record as planned, within stated bounds, and whatever the record says twice it must say
// alike. What an event claims of itself is never compared with itself.
//
//	for _, d := range premise.Violated(p, h) { ... } // the run is inconclusive
//
// A violated premise means that the record, or the harness that wrote it, cannot be relied on. It
// says nothing about the store. docs/results.md lists the premises; each has a test that plants its
// violation. The package is pure.
package premise

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// A Defect is a premise that the record violates.
type Defect struct {
	Premise Name
	Why     string // one line, for people
	// Record: operations may be missing from the record, or not be what clients did, so that what
	// the checks found in it may come of that.
	Record bool
}

func (d Defect) String() string { return fmt.Sprintf("%s: %s", d.Premise, d.Why) }

// Name names a premise.
type Name string

// The premises, in the order in which they are asked.
const (
	Phases   Name = "phases"   // every phase of the plan was entered once, in order
	Numbers  Name = "numbers"  // counts and numbers are what they count
	Places   Name = "places"   // events name hosts, words and passes of the plan
	Clients  Name = "clients"  // each client offered its planned operations, and nothing else
	Preload  Name = "preload"  // every key was written before the load
	Final    Name = "final"    // every key was read through every member at the end
	Times    Name = "times"    // operations are due, called and returned in order and in time
	Process  Name = "process"  // a logical process does one thing at a time and ends with an unknown
	Strikes  Name = "strikes"  // each strike was injected and healed once, when planned
	Effects  Name = "effects"  // a strike did what its fault does to those who led and lived then
	Observed Name = "observed" // each effect was observed after it began, each heal likewise
	Leaders  Name = "leaders"  // members answered and led before the load, and when it had settled
	Serving  Name = "serving"  // members were asked whether they serve, and answered as recorded
	Probes   Name = "probes"   // every path was probed, and does what the plan says
	Traffic  Name = "traffic"  // links carried packets, and dropped them only for planned reasons
	Account  Name = "account"  // the store's account of its past is whole and in order
	Hashes   Name = "hashes"   // every member gave its hash at the account's last revision
	Passes   Name = "passes"   // workers' passes follow each other, and do the planned work
)

// Names lists the premises, in the order in which they are asked.
var Names = []Name{
	Phases, Numbers, Places, Clients, Preload, Final, Times, Process,
	Strikes, Effects, Observed, Leaders, Serving, Probes, Traffic, Account, Hashes, Passes,
}

// named is how many violations of one premise are reported one by one.
const named = 3

// Violated returns the premises that the record violates, in their order. It asks nothing of a
// record that ends early or says itself that the harness failed: such a run is not valid anyway.
func Violated(p *plan.Plan, h *history.History) []Defect {
	r := newReading(p, h)
	if !r.whole {
		return nil
	}
	for _, ask := range []func(*reading){
		(*reading).phases, (*reading).numbers, (*reading).places,
		(*reading).clients, (*reading).preload, (*reading).final, (*reading).times, (*reading).processes,
		(*reading).strikes, (*reading).effects, (*reading).observed,
		(*reading).leaders, (*reading).serving, (*reading).probes, (*reading).traffic,
		(*reading).account, (*reading).hashes, (*reading).passes,
	} {
		ask(r)
	}
	return r.defects()
}

// A reading is a record beside its plan.
type reading struct {
	p *plan.Plan
	h *history.History

	whole   bool // the run came to its end, and says nothing against itself
	settled bool
	at      map[string]time.Duration // of each phase
	load0   time.Duration            // start of the load
	loadEnd time.Duration
	done    time.Duration
	acted   map[int]*strike // by number
	found   []Defect
}

// A strike is what the record says of one strike.
type strike struct {
	struck, healed     []history.Event
	held, released     []history.Event // of nodes
	degraded, restored []history.Event // of links
	verified           []history.Event

	// What the replay of the plan adds: what was laid over the links, whether something was done
	// beyond dropping packets, and the workers that were struck.
	overlay link.Matrix
	beyond  bool
	down    bool // beyond is an interface that was taken down
	workers []string
}

func newReading(p *plan.Plan, h *history.History) *reading {
	r := &reading{p: p, h: h, at: map[string]time.Duration{}, acted: map[int]*strike{}}
	r.whole = true
	for _, e := range h.Events {
		switch e.Kind {
		case history.Interrupted, history.Harness, history.Ended, history.Missed:
			r.whole = false
		case history.Settled:
			r.settled = true
		case history.Phase:
			r.at[e.Subject] = e.At
		}
		if n, ok := e.Strike(); ok {
			r.take(n, e)
		}
	}
	if _, ended := r.at["done"]; !ended {
		r.whole = false
	}
	r.load0, r.done = r.at["load"], r.at["done"]
	r.loadEnd = r.load0 + p.Options.Duration
	return r
}

func (r *reading) take(n int, e history.Event) {
	s := r.acted[n]
	if s == nil {
		s = &strike{}
		r.acted[n] = s
	}
	switch e.Kind {
	case history.Struck:
		s.struck = append(s.struck, e)
	case history.Healed:
		s.healed = append(s.healed, e)
	case history.Held:
		s.held = append(s.held, e)
	case history.Released:
		s.released = append(s.released, e)
	case history.Degraded:
		s.degraded = append(s.degraded, e)
	case history.Restored:
		s.restored = append(s.restored, e)
	case history.Verified:
		s.verified = append(s.verified, e)
	}
}

// doubt notes a violation that lies in what the harness did.
func (r *reading) doubt(n Name, format string, args ...any) {
	r.found = append(r.found, Defect{n, fmt.Sprintf(format, args...), false})
}

// broken notes a violation that makes the recorded operations themselves doubtful.
func (r *reading) broken(n Name, format string, args ...any) {
	r.found = append(r.found, Defect{n, fmt.Sprintf(format, args...), true})
}

// defects returns the first few violations of each premise, and how many more there are.
func (r *reading) defects() []Defect {
	count := map[Name]int{}
	var all []Defect
	for _, d := range r.found {
		if count[d.Premise]++; count[d.Premise] <= named {
			all = append(all, d)
		}
	}
	for i := range all {
		last := i == len(all)-1 || all[i+1].Premise != all[i].Premise
		if more := count[all[i].Premise] - named; last && more > 0 {
			all[i].Why += fmt.Sprintf(", and %d more of the kind", more)
		}
	}
	return all
}

// late is how much later than planned a busy machine may do what takes no time: five seconds, or
// two election timeouts.
func (r *reading) late() time.Duration {
	return max(5*time.Second, 2*r.p.Options.FailureTimeout)
}

// since is the instant in seconds since the start of the load, for people.
func (r *reading) since(at time.Duration) string {
	return fmt.Sprintf("%.3f s", (at - r.load0).Seconds())
}

func (r *reading) member(name string) bool { return slices.Contains(r.p.Setting.Nodes, name) }

func (r *reading) client(name string) bool { return slices.Contains(r.p.Setting.Clients, name) }

// of returns the events of the kind, in order of time.
func (r *reading) of(k history.EventKind) (all []history.Event) {
	for _, e := range r.h.Events {
		if e.Kind == k {
			all = append(all, e)
		}
	}
	return all
}

// once compares how often each of the wanted names occurs: exactly once, and no other does.
func (r *reading) once(n Name, what string, got, want []string) {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	for _, w := range want {
		switch k := countOf(got, w); {
		case k == 0:
			r.doubt(n, "%s of %s is missing", what, w)
		case k > 1:
			r.doubt(n, "%s of %s is recorded %d times", what, w, k)
		}
	}
	for _, g := range slices.Compact(got) {
		if !slices.Contains(want, g) {
			r.doubt(n, "%s of %q is recorded, which the plan does not have", what, g)
		}
	}
}

func countOf(all []string, name string) (n int) {
	for _, a := range all {
		if a == name {
			n++
		}
	}
	return n
}

func subjects(events []history.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Subject)
	}
	return all
}

// byTime sorts events stably by time.
func byTime(events []history.Event) []history.Event {
	all := slices.Clone(events)
	slices.SortStableFunc(all, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	return all
}
