package premise

import (
	"math"
	"time"

	"github.com/reckon-bench/reckon/reckon/expect"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

func hostNames(p *plan.Plan) (names []string) {
	for _, h := range p.Hosts {
		names = append(names, h.Name)
	}
	return names
}

// probes: every path that the plan has probed was, with as many packets; what its probes measured
// is what its planned shape does, by bounds that are worked out from the shape again.
func (r *reading) probes() {
	paths := expect.Paths(hostNames(r.p), expect.MaxProbed, seed.Stream(r.p.Options.Seed, "probe"))
	var want []string
	packets := 0
	planned := map[string]link.Path{}
	for _, p := range paths {
		want = append(want, p.String())
		planned[p.String()] = p
		packets += expect.Probes(r.p.Links[p], len(paths))
	}
	got := r.of(history.Probe)
	r.once(Probes, "the probe", subjects(got), want)
	for _, e := range got {
		r.during(Probes, e, "probe", "start")
		if p, ok := planned[e.Subject]; ok {
			r.probe(e, r.p.Links[p], expect.Probes(r.p.Links[p], len(paths)))
		}
	}
	n := len(r.p.Hosts)
	surveys := r.of(history.Probed)
	if len(surveys) != 1 {
		r.doubt(Probes, "the links were probed %d times", len(surveys))
	}
	for _, e := range surveys {
		s := e.Survey()
		if s.Paths != n*(n-1) || s.Probed != len(paths) || s.Packets != packets {
			r.doubt(Probes, "%d of %d paths were probed, by %d packets; the plan has %d of %d, by %d", s.Probed, s.Paths, s.Packets, len(paths), n*(n-1), packets)
		}
		if took := s.Took; took <= 0 || took > r.at["start"]-r.at["probe"] {
			r.doubt(Probes, "probing the links took %v, and the phase %v", took, r.at["start"]-r.at["probe"])
		}
		r.during(Probes, e, "probe", "start")
	}
}

// during: the event happened between the beginnings of the two phases.
func (r *reading) during(n Name, e history.Event, from, to string) {
	if e.At < r.at[from] || e.At > r.at[to] {
		r.doubt(n, "event %q of %q is of %s, outside phase %s", e.Kind, e.Subject, r.since(e.At), from)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// probe compares what was measured on a path with its planned shape.
func (r *reading) probe(e history.Event, s link.Shape, sent int) {
	m, x := e.Measurement(), expect.Of(s, sent, r.p.Bounds.Late)
	differ := func(a, b float64) bool { return math.Abs(a-b) > 0.0015 }
	switch {
	case m.Shape != s.String():
		r.doubt(Probes, "path %s was probed as %q; the plan has %s", m.Path, m.Shape, s)
	case m.Sent != sent:
		r.doubt(Probes, "path %s was probed by %d packets; the plan has %d", m.Path, m.Sent, sent)
	case m.Lost < x.Fewest || m.Lost > x.Most:
		r.doubt(Probes, "path %s, planned %s, lost %d of %d probes; expected are %d to %d", m.Path, s, m.Lost, sent, x.Fewest, x.Most)
	case (m.Delay == nil) != (m.Lost == m.Sent):
		r.doubt(Probes, "%d of %d probes came through %s, and their delay is recorded: %v", m.Sent-m.Lost, m.Sent, m.Path, m.Delay != nil)
	case m.Delay != nil && (m.Delay.P50 < millis(x.Floor) || m.Delay.P50 > millis(x.Ceiling) || m.Delay.P99 < m.Delay.P50 || m.Delay.P99 > millis(x.Ceiling+r.late())):
		r.doubt(Probes, "path %s, planned %s, delays by %.3f ms, and by %.3f ms at p99; expected are %.3f to %.3f ms", m.Path, s, m.Delay.P50, m.Delay.P99, millis(x.Floor), millis(x.Ceiling))
	case m.Most != nil && (*m.Fewest != x.Fewest || *m.Most != x.Most):
		r.doubt(Probes, "path %s is recorded to lose %d to %d probes; by its shape it is %d to %d", m.Path, *m.Fewest, *m.Most, x.Fewest, x.Most)
	case (m.Bounds == nil) != s.Cut:
		r.doubt(Probes, "path %s, planned %s, has bounds on its delay: %v", m.Path, s, m.Bounds != nil)
	case m.Bounds != nil && (differ(m.Bounds.From, millis(x.Floor)) || differ(m.Bounds.To, millis(x.Ceiling))):
		r.doubt(Probes, "path %s is recorded to delay by %v to %v ms; by its shape it is %v to %v ms", m.Path, m.Bounds.From, m.Bounds.To, millis(x.Floor), millis(x.Ceiling))
	}
}

// traffic: the links' counters agree with each other; every probed path carried at least its probes;
// packets were lost, cut, duplicated, corrupted and reordered only where the plan, or a strike, asks
// for it, and where the plan alone does, as often as it asks.
func (r *reading) traffic() {
	totals := r.of(history.Links)
	if len(totals) != 1 {
		r.doubt(Traffic, "%d fabrics gave an account of the links; the run has one", len(totals))
	}
	worst, touched := r.overlays()
	sum := history.Traffic{}
	seen := map[string]history.Traffic{}
	for _, e := range r.of(history.Path) {
		t := e.Traffic()
		if _, twice := seen[e.Subject]; twice {
			r.doubt(Traffic, "path %s is counted twice", e.Subject)
		}
		seen[e.Subject] = t
		sum.Packets, sum.Lost, sum.Cut, sum.Overflow = sum.Packets+t.Packets, sum.Lost+t.Lost, sum.Cut+t.Cut, sum.Overflow+t.Overflow
		var p link.Path
		if p.UnmarshalText([]byte(e.Subject)) != nil || !r.hosts(p) {
			r.doubt(Traffic, "the links counted packets on %q, which the plan does not have", e.Subject)
			continue
		}
		r.counted(p, t, worst[p], touched[p])
		r.during(Traffic, e, "drain", "settle")
	}
	for _, e := range totals {
		r.total(e, sum)
	}
	for _, e := range r.of(history.Probe) {
		if carried := seen[e.Subject].Packets; carried < uint64(e.Measurement().Sent) {
			r.doubt(Traffic, "path %s carried %d packets, and was probed by %d", e.Subject, carried, e.Measurement().Sent)
		}
	}
	r.cuts(seen)
	var want []string
	if r.p.Options.Pcap {
		want = hostNames(r.p)
	}
	r.once(Traffic, "the capture", subjects(r.of(history.Captured)), want)
}

func (r *reading) hosts(p link.Path) bool {
	n := 0
	for _, h := range r.p.Hosts {
		if h.Name == p.From || h.Name == p.To {
			n++
		}
	}
	return n == 2
}

// total compares the fabric's account of all paths with the sum of theirs.
func (r *reading) total(e history.Event, sum history.Traffic) {
	if t := e.Traffic(); t.Packets != sum.Packets || t.Lost != sum.Lost || t.Cut != sum.Cut || t.Overflow != sum.Overflow {
		r.doubt(Traffic, "the links carried %d packets, lost %d, cut %d and overflowed with %d; by path it is %d, %d, %d and %d", t.Packets, t.Lost, t.Cut, t.Overflow, sum.Packets, sum.Lost, sum.Cut, sum.Overflow)
	}
	word := r.p.Options.Links
	if known := e.Subject == "userspace" || e.Subject == "netem"; !known || word != "auto" && word != e.Subject {
		r.doubt(Traffic, "the links were %q; the plan has %s", e.Subject, word)
	}
	if e.Subject == "userspace" {
		r.ascending(Traffic, e, "late_p50_us", "late_p99_us", "late_max_us")
	}
	r.during(Traffic, e, "drain", "settle")
}

// overlays returns what each path did at worst, under all strikes that touched it at once, and which
// paths strikes touched.
func (r *reading) overlays() (worst link.Matrix, touched map[link.Path]bool) {
	worst, touched = link.Matrix{}, map[link.Path]bool{}
	for _, a := range r.acted {
		for p, s := range a.overlay {
			touched[p] = true
			w := worst[p]
			if sum, err := w.Then(s); err == nil {
				worst[p] = sum
				continue
			}
			w.Cut = w.Cut || s.Cut
			w.Burst, w.Loss = s.Burst, max(w.Loss, s.Loss)
			worst[p] = w
		}
	}
	return worst, touched
}

// counted compares what was counted on a path with what it may have done.
func (r *reading) counted(p link.Path, t history.Traffic, worst link.Shape, touched bool) {
	s := r.p.Links[p]
	if sum, err := s.Then(worst); err == nil {
		worst = sum
	} else {
		worst.Loss, worst.Cut = 1-(1-s.Loss)*(1-worst.Loss), worst.Cut || s.Cut
	}
	bounds := expect.Of(link.Shape{Loss: worst.Loss}, int(min(t.Packets, math.MaxInt32)), 0)
	if touched {
		bounds.Fewest = 0
	}
	bursts := s.Burst != (link.Burst{}) || worst.Burst != (link.Burst{})
	for _, x := range []struct {
		what  string
		n     uint64
		asked bool
	}{
		{"lost", t.Lost, worst.Loss > 0 || bursts}, {"cut", t.Cut, worst.Cut}, {"overflowed with", t.Overflow, worst.Rate > 0},
		{"duplicated", t.Duplicated, worst.Duplicate > 0}, {"corrupted", t.Corrupted, worst.Corrupt > 0}, {"reordered", t.Reordered, worst.Reorder > 0},
	} {
		if x.n > 0 && !x.asked || x.n > t.Packets {
			r.doubt(Traffic, "path %s, planned %s, %s %d of %d packets", p, s, x.what, x.n, t.Packets)
		}
	}
	if lost := int(min(t.Lost, math.MaxInt32)); !bursts && !worst.Cut && (lost < bounds.Fewest || lost > bounds.Most) {
		r.doubt(Traffic, "path %s, planned %s, lost %d of %d packets; expected are %d to %d", p, s, lost, t.Packets, bounds.Fewest, bounds.Most)
	}
}

// cuts: of what was sent into a cut, the probes that verified it were counted. Where an interface
// was down as well, nothing is sent.
func (r *reading) cuts(seen map[string]history.Traffic) {
	for _, a := range r.acted {
		if a.down {
			return
		}
	}
	for n, a := range r.acted {
		cut, counted := false, uint64(0)
		for p, s := range a.overlay {
			cut = cut || s.Cut
			counted += seen[p.String()].Cut
		}
		if cut && counted == 0 {
			r.doubt(Traffic, "strike %d cut paths, and no packet was counted as cut there", n+1)
		}
	}
}
