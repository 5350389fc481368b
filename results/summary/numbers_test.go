package summary_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/resultstest"
	"github.com/reckon-bench/reckon/results/summary"
)

const ms = time.Millisecond

// Every number comes out the same in another way, over the synthetic scenes.
func TestNumbersRecounted(t *testing.T) {
	scene := resultstest.Scene{Ops: 3000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * ms}
	for name, run := range map[string]func() (*history.History, summary.Info){
		"leader": scene.Run, "none": scene.None, "down": scene.Down, "flaps": scene.Flaps, "many faults": scene.ManyFaults, "regions": scene.Regions,
	} {
		h, info := run()
		for _, wrong := range resultstest.Recount(h, info, summary.Of(h, info, nil)) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// And over histories that nobody thought of.
func TestNumbersOfRandomHistories(t *testing.T) {
	kinds := map[results.RecoveryKind]int{}
	for seed := range uint64(60) {
		h, info := randomRun(rand.New(rand.NewPCG(seed, 1)))
		s := summary.Of(h, info, nil)
		for _, wrong := range resultstest.Recount(h, info, s) {
			t.Errorf("seed %d: %s", seed, wrong)
		}
		for _, r := range s.Unavailability.Recoveries {
			kinds[r.Kind]++
		}
	}
	for _, k := range []results.RecoveryKind{results.RecoveredNoOutage, results.RecoveredInFault, results.RecoveredAfterHeal, results.NotRecovered} {
		if kinds[k] == 0 {
			t.Errorf("no history has a strike with the recovery %q: %v", k, kinds)
		}
	}
}

// randomRun makes a run of two clients and three members in which outages of all, of a client, of a
// member and of writes come and go, with strikes that have nothing to do with them.
func randomRun(rng *rand.Rand) (*history.History, summary.Info) {
	length := time.Duration(2000+rng.IntN(4000)) * ms
	info := summary.Info{
		Duration: length, ElectionTimeout: 300 * ms, LagBound: 30 * ms,
		Clients: []string{"c1", "c2"}, Nodes: []string{"n1", "n2", "n3"}, Used: []string{"n1", "n2", "n3"},
		Regions: map[string]string{"c1": "a", "c2": "b"},
	}
	h := &history.History{Events: []history.Event{{Kind: history.Phase, Subject: "load", At: 77 * ms}}}
	some := func(most time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(most))) }
	type window struct{ from, to time.Duration }
	var out [4]window // of all, of c1, through n2, of writes
	for i := range out {
		if rng.IntN(2) == 0 {
			out[i].from = some(length)
			out[i].to = out[i].from + some(length)
		}
	}
	for i := range rng.IntN(4) {
		from := some(length)
		to := from + some(length/2)
		strike := map[string]float64{"strike": float64(i), "planned_from": from.Seconds(), "planned_to": to.Seconds()}
		h.Events = append(h.Events, history.Event{At: 77*ms + from, Kind: history.Struck, Subject: "f", Data: strike})
		if rng.IntN(5) > 0 {
			h.Events = append(h.Events, history.Event{At: 77*ms + to, Kind: history.Healed, Subject: "f", Data: strike})
		}
		info.Planned = append(info.Planned, summary.Planned{Fault: "f", From: from, To: to})
	}
	every := time.Duration(5+rng.IntN(40)) * ms
	for due := time.Duration(0); due < length; due += every {
		o := history.Op{Client: fmt.Sprint("c", 1+rng.IntN(2)), Via: fmt.Sprint("n", 1+rng.IntN(3)), Kind: history.Kind(rng.IntN(2)), Key: "k", Due: 77*ms + due, Call: 77*ms + due, Outcome: history.OK}
		o.Return = o.Due + ms + some(20*ms)
		for i, hit := range []bool{true, o.Client == "c1", o.Via == "n2", o.Kind == history.Write} {
			if w := out[i]; hit && o.Return >= 77*ms+w.from && o.Due < 77*ms+w.to {
				if rng.IntN(2) == 0 {
					o.Return = max(o.Return, 77*ms+w.to+some(100*ms)) // waits for the end
				} else {
					o.Outcome, o.Error, o.Return = history.Outcome(2*rng.IntN(2)), "through "+o.Via+": no", o.Due+some(time.Second)
				}
			}
		}
		h.Ops = append(h.Ops, o)
	}
	h.Ops[0].Stage = history.Preload
	slices.SortStableFunc(h.Events, func(a, b history.Event) int { return int(a.At - b.At) })
	return h, info
}

// A lie in any of the numbers is found.
func TestLiesAreFound(t *testing.T) {
	h, info := resultstest.Scene{Ops: 1000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * ms}.Run()
	for name, lie := range map[string]func(s *results.Summary){
		"the outage is shorter":   func(s *results.Summary) { s.Unavailability.LongestGap -= 3 },
		"the outage is elsewhere": func(s *results.Summary) { s.Unavailability.Gap[0]++; s.Unavailability.Gap[1]++ },
		"it recovered sooner":     func(s *results.Summary) { *s.Unavailability.TTR[0] /= 2 },
		"there was no outage": func(s *results.Summary) {
			s.Unavailability.Recoveries[0].Kind = results.RecoveredNoOutage
			s.Unavailability.TTR[0] = nil
		},
		"one more was acknowledged": func(s *results.Summary) { s.Ops.OK++ },
		"a write of the preload":    func(s *results.Summary) { s.Stages.Preload.Writes++ },
		"a member has another's outage": func(s *results.Summary) {
			s.Outages.Members[0].Gap, s.Outages.Members[1].Gap = s.Outages.Members[1].Gap, s.Outages.Members[0].Gap
		},
		"a member is missing":             func(s *results.Summary) { s.Outages.Members = s.Outages.Members[1:] },
		"a client has no outage":          func(s *results.Summary) { s.Outages.Clients[0].Length = 20 },
		"reads are writes":                func(s *results.Summary) { s.Outages.Reads, s.Outages.Writes = s.Outages.Writes, s.Outages.Reads },
		"before has the slowest":          func(s *results.Summary) { s.Latency.Before.P99 = s.Latency.During.P99 },
		"during has fewer":                func(s *results.Summary) { s.Latency.During.N-- },
		"more were good":                  func(s *results.Summary) { s.Degradation.Good.During.Good++ },
		"a better share was good":         func(s *results.Summary) { s.Degradation.Good.During.Ratio += 0.01 },
		"less was lost":                   func(s *results.Summary) { *s.Degradation.Lost -= 0.01 },
		"it was degraded for less":        func(s *results.Summary) { *s.Degradation.Degraded -= 1000 },
		"it was degraded later":           func(s *results.Summary) { *s.Degradation.From++ },
		"it was as bad before":            func(s *results.Summary) { *s.Degradation.Lowest = 0.5 },
		"an error came less often":        func(s *results.Summary) { s.Errors[0].N-- },
		"an error came through another":   func(s *results.Summary) { s.Errors[0].Via["n9"]++ },
		"more were acknowledged a second": func(s *results.Summary) { s.Throughput.OK++ },
		"the fault began later":           func(s *results.Summary) { *s.FaultFrom += 0.1 },
	} {
		s := summary.Of(h, info, nil)
		if wrong := resultstest.Recount(h, info, s); len(wrong) > 0 {
			t.Fatalf("without a lie: %q", wrong)
		}
		if lie(&s); len(resultstest.Recount(h, info, s)) == 0 {
			t.Errorf("not found: %s", name)
		}
	}
}

// scenario is a run of three clients, each pinned to a member where pinned, else using all in turn.
type scenario struct {
	length    time.Duration
	from, to  time.Duration // of the fault
	pinned    bool
	every     time.Duration
	answered  func(o *history.Op) (latency time.Duration, ok bool)
	lateUntil time.Duration // of operations that hang: when they are answered; 0: never
}

func (c scenario) run() results.Summary {
	info := summary.Info{
		Words: []string{"etcd", "simple", "uniform", "f"}, Duration: c.length, ElectionTimeout: time.Second, LagBound: 20 * ms,
		Clients: []string{"c1", "c2", "c3"}, Nodes: []string{"n1", "n2", "n3"}, Used: []string{"n1", "n2", "n3"},
		Planned: []summary.Planned{{Fault: "f", Name: "strike", From: c.from, To: c.to}},
	}
	strike := map[string]float64{"strike": 0}
	h := &history.History{Events: []history.Event{
		{Kind: history.Phase, Subject: "load"},
		{At: c.from, Kind: history.Struck, Subject: "f", Detail: "struck n2", Data: strike},
		{At: c.to, Kind: history.Healed, Subject: "f", Data: strike},
		{At: c.length, Kind: history.Phase, Subject: "drain"},
	}}
	i := 0
	for due := time.Duration(0); due < c.length; due += c.every {
		o := history.Op{Client: fmt.Sprint("c", 1+i%3), Via: fmt.Sprint("n", 1+i/3%3), Kind: history.Kind(i / 9 % 2), Key: "k", Due: due, Call: due, Outcome: history.OK}
		if i++; c.pinned {
			o.Via = "n" + o.Client[1:]
		}
		latency, ok := c.answered(&o)
		if o.Return = due + latency; !ok {
			o.Outcome, o.Error, o.Return = history.Failed, "through "+o.Via+": deadline exceeded", due+5*time.Second
			if c.lateUntil > 0 {
				o.Outcome, o.Error, o.Return = history.OK, "", c.lateUntil
			}
		}
		h.Ops = append(h.Ops, o)
	}
	s := summary.Of(h, info, []check.Result{{Name: "durable", Verdict: check.Valid}, {Name: "linearizable", Verdict: check.Valid}})
	if wrong := resultstest.Recount(h, info, s); len(wrong) > 0 {
		s.Notes = append(s.Notes, wrong...)
	}
	return s
}

func partNamed(t *testing.T, parts []results.Part, name string) results.Part {
	t.Helper()
	i := slices.IndexFunc(parts, func(p results.Part) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no %s among %+v", name, parts)
	}
	return parts[i]
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if d := got - want; d < -100 || d > 100 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func recounted(t *testing.T, s results.Summary) {
	t.Helper()
	for _, n := range s.Notes {
		t.Errorf("recounted: %s", n)
	}
}

func answers(t *testing.T, s results.Summary, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(s.Answer, w) {
			t.Errorf("the answer does not say %q: %s", w, s.Answer)
		}
	}
}

// The client pinned to a member that is cut off has nothing acknowledged for 13.28 s; the others are
// served all the time.
func TestOutageOfAPinnedClient(t *testing.T) {
	s := scenario{length: 20 * time.Second, from: 4 * time.Second, to: 14 * time.Second, pinned: true, every: 10 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		return 4 * ms, o.Client != "c2" || o.Due < 4*time.Second || o.Due >= 17280*ms
	}}.run()
	recounted(t, s)
	near(t, "total", s.Unavailability.LongestGap, 20)
	for _, p := range []results.Part{partNamed(t, s.Outages.Clients, "c2"), partNamed(t, s.Outages.Members, "n2")} {
		near(t, p.Name, p.Length, 13280)
		near(t, p.Name+" reads", p.Reads.Length, 13280)
	}
	near(t, "c1", partNamed(t, s.Outages.Clients, "c1").Length, 30)
	near(t, "degraded", *s.Degradation.Degraded, 14000)
	if *s.Unavailability.TTR[0] != 0 || s.Unavailability.Recoveries[0].Kind != results.RecoveredNoOutage {
		t.Errorf("%+v", s.Unavailability)
	}
	answers(t, s, "Never down for all clients", "c2 itself got no answer for 13.3 s.", "n2 itself unavailable for 13.3 s.", "66.6 % of the operations were good")
}

// Through n2 nothing is acknowledged for 4.43 s, ending 1.7 s after the heal.
func TestOutageOfAMemberEndsAfterTheHeal(t *testing.T) {
	s := scenario{length: 8 * time.Second, from: 2667 * ms, to: 5333 * ms, every: 5 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		return 60 * ms, o.Via != "n2" || o.Due < 2567*ms || o.Due >= 6973*ms
	}}.run()
	recounted(t, s)
	p := partNamed(t, s.Outages.Members, "n2")
	near(t, "n2", p.Length, 4430)
	near(t, "end", 1e3*p.At[1], 7033)
	if s.Unavailability.LongestGap > 70 || *s.Unavailability.TTR[0] != 0 {
		t.Errorf("total: %+v", s.Unavailability)
	}
	answers(t, s, "n2 itself unavailable for 4.4")
}

// A leader is paused for 9 s: all stop for 1.6 s, and a third of the operations fails throughout.
func TestDegradationOfAPause(t *testing.T) {
	s := scenario{length: 27 * time.Second, from: 9 * time.Second, to: 18 * time.Second, every: 5 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		paused := o.Due >= 9*time.Second && o.Due < 18*time.Second
		return 4 * ms, !paused || o.Via != "n2" && o.Due >= 10641*ms
	}}.run()
	recounted(t, s)
	near(t, "time to recover", *s.Unavailability.TTR[0], 1641)
	near(t, "degraded", *s.Degradation.Degraded, 9000)
	near(t, "lost", 1e3**s.Degradation.Lost, 1641+7359/3)
	if r := s.Degradation.Good.During.Ratio; r < 0.53 || r > 0.56 {
		t.Errorf("good during: %v", r)
	}
	answers(t, s, "Down for 1.65 s after the fault f (struck n2).", "54.5 % of the operations were good")
}

// A full quota: no write for 8.7 s, while reads go on.
func TestOutageOfWrites(t *testing.T) {
	s := scenario{length: 27 * time.Second, from: 9 * time.Second, to: 17700 * ms, every: 5 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		return 4 * ms, o.Kind == history.Read || o.Due < 9*time.Second || o.Due >= 17700*ms
	}}.run()
	recounted(t, s)
	near(t, "writes", s.Outages.Writes.Length, 8700)
	near(t, "reads", s.Outages.Reads.Length, 50)
	answers(t, s, "No write was acknowledged for 8.7", "while reads were")
	if strings.Contains(s.Answer, "itself") {
		t.Errorf("no client and no member was worse off: %s", s.Answer)
	}
}

// Operations that hang as the load ends are answered 3.99 s later: the gap ends where the load does.
func TestGapsEndWithTheLoad(t *testing.T) {
	s := scenario{length: 28 * time.Second, from: 2 * time.Second, to: 16 * time.Second, every: 10 * ms, lateUntil: 31990 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		return 4 * ms, o.Due < 27990*ms
	}}.run()
	recounted(t, s)
	if g := s.Unavailability; g.LongestGap > 30 || g.Gap[1] > 28 || *g.TTR[0] != 0 || g.Recoveries[0].Kind != results.RecoveredNoOutage {
		t.Errorf("%+v", g)
	}
	answers(t, s, "no gap above the usual 20.0 ms")
}

// Three of five members are dead for 10 s: service comes back 1.43 s after they are started again,
// so there was no recovery from the fault.
func TestNoRecoveryWhileTheFaultLasts(t *testing.T) {
	s := scenario{length: 30 * time.Second, from: 10 * time.Second, to: 20 * time.Second, every: 10 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		return 4 * ms, o.Due < 10*time.Second || o.Due >= 21426*ms
	}}.run()
	recounted(t, s)
	u := s.Unavailability
	if u.TTR[0] != nil || !u.Censored[0] || u.Recoveries[0].Kind != results.RecoveredAfterHeal {
		t.Fatalf("%+v", u)
	}
	near(t, "after the heal", *u.Recoveries[0].AfterHeal, 1430)
	answers(t, s, "not back while the fault f (struck n2) lasted, but 1.43 s after the heal")
}

// An operation that was due just before the fault and waits through it is one of "during".
func TestBeforeIsNotTheWorstPhase(t *testing.T) {
	s := scenario{length: 30 * time.Second, from: 10 * time.Second, to: 20 * time.Second, every: 10 * ms, answered: func(o *history.Op) (time.Duration, bool) {
		if o.Due >= 9900*ms && o.Due < 14*time.Second {
			return 14*time.Second + 4*ms - o.Due, true
		}
		return 50 * ms, true
	}}.run()
	recounted(t, s)
	if s.Latency.Before.Max > 51 {
		t.Errorf("before: %+v", s.Latency.Before)
	}
	near(t, "the slowest of during", s.Latency.During.Max, 4104)
}

// A machine that was busy all the time is noted, and so is a generator whose lag is what is measured.
func TestBusyMachineIsNoted(t *testing.T) {
	h, info := resultstest.Scene{Ops: 1000, Duration: 30 * time.Second, Seed: 1, Outage: 1300 * ms}.Run()
	notes := func() string { return strings.Join(summary.Of(h, info, nil).Notes, "\n") }
	if n := notes(); n != "" {
		t.Fatalf("a quiet machine: %s", n)
	}
	for i := range h.Events {
		if h.Events[i].Kind == history.Noise {
			h.Events[i].Data["busy_pct"] = 98
		}
	}
	for i := range h.Ops {
		h.Ops[i].Call += min(12*ms, h.Ops[i].Return-h.Ops[i].Call)
	}
	for _, want := range []string{"its processors were busy 98 % of the time", "the generator lagged by 12"} {
		if !strings.Contains(notes(), want) {
			t.Errorf("no note says %q: %s", want, notes())
		}
	}
}
