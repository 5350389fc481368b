package resultstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results/summary"
)

// A Scene is a run that never was: three nodes, the leader killed in the
// middle third, an outage of 1.3 s, and a machine that others use as well.
type Scene struct {
	Ops      int
	Duration time.Duration
	Seed     uint64
	Outage   time.Duration
}

func (s Scene) info() summary.Info {
	return summary.Info{
		Words: []string{"etcd", "simple", "uniform", "leader"}, Seed: s.Seed,
		Duration: s.Duration, ElectionTimeout: time.Second,
		LagBound: 100 * time.Millisecond, LateBound: 100 * time.Millisecond,
		Nodes: []string{"n1", "n2", "n3"}, Clients: []string{"c1"}, Backend: "userspace", Links: star("c1", "n1", "n2", "n3"),
		Planned: []summary.Planned{{Fault: "leader", Name: "kill the leader", From: s.Duration / 3, To: 2 * s.Duration / 3}},
		Command: fmt.Sprintf("reckon etcd simple uniform leader --duration %v --rate %.0f --seed %d", s.Duration, float64(s.Ops)/s.Duration.Seconds(), s.Seed),
		Facts: []summary.Fact{
			{Group: "Flags", Name: "--duration", Value: s.Duration.String()}, {Group: "Flags", Name: "--link-latency", Value: "20ms"},
			{Group: "Versions", Name: "reckon", Value: "v0.1.0 (clean)"}, {Group: "Versions", Name: "etcd", Value: "3.7.3 (embedded)"}, {Group: "Versions", Name: "Go", Value: "go1.26.8"},
			{Group: "Machine", Name: "kernel", Value: "Linux 6.12.0"}, {Group: "Machine", Name: "processors", Value: "2"}, {Group: "Machine", Name: "file system", Value: "ext4"},
		},
	}
}

// LoadAt is when the load starts, since the epoch.
const LoadAt = 2 * time.Second

// history makes the run; the same scene makes the same one.
func (s Scene) history() *history.History {
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	struck := LoadAt + s.Duration/3 + 12*time.Millisecond
	healed := LoadAt + 2*s.Duration/3 + 9*time.Millisecond
	h := &history.History{Events: s.events(rng, struck, healed)}
	every := s.Duration / time.Duration(s.Ops)
	process := 0
	for i := range s.Ops {
		due := LoadAt + time.Duration(i)*every
		o := history.Op{
			Client: "c1", Process: process, Kind: history.Kind(rng.IntN(2)), Key: fmt.Sprint(rng.IntN(100)), Value: fmt.Sprintf("%010d", i),
			Due: due, Call: due + time.Duration(40e3*(1+rng.ExpFloat64())), Outcome: history.OK, Revision: int64(i + 1), Version: 1, Member: fmt.Sprintf("n%d", 1+rng.IntN(3)),
		}
		o.Return = o.Call + time.Duration(21e6*math.Exp(0.08*rng.NormFloat64()))
		if rng.IntN(400) == 0 { // a slow disk
			o.Return += time.Duration(60e6 * rng.ExpFloat64())
		}
		s.strike(&o, rng, struck)
		if o.Outcome == history.Unknown {
			process++
		}
		h.Ops = append(h.Ops, o)
	}
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return int(a.Return - b.Return) })
	return h
}

// strike gives an operation that falls into the outage its due.
func (s Scene) strike(o *history.Op, rng *rand.Rand, struck time.Duration) {
	back := struck + s.Outage
	switch {
	case o.Due < struck-10*time.Millisecond || o.Due > back:
	case o.Due < struck && o.Kind == history.Write:
		o.Outcome, o.Error, o.Return = history.Unknown, "connection closed", struck+time.Duration(rng.IntN(5e6))
	case rng.IntN(10) < 6: // waits for the new leader
		o.Return = back + time.Duration(25e6*(1+rng.ExpFloat64()))
	case rng.IntN(4) == 0 && o.Kind == history.Write:
		o.Outcome, o.Error, o.Return = history.Unknown, "etcdserver: request timed out", o.Call+5*time.Second
	default:
		o.Outcome, o.Error, o.Return = history.Failed, "etcdserver: no leader", o.Call+time.Duration(3e6*(1+rng.ExpFloat64()))
	}
}

func (s Scene) events(rng *rand.Rand, struck, healed time.Duration) []history.Event {
	end := LoadAt + s.Duration
	strike := map[string]float64{"strike": 0, "planned_from": (s.Duration / 3).Seconds(), "planned_to": (2 * s.Duration / 3).Seconds()}
	term := func(t float64) map[string]float64 { return map[string]float64{"term": t} }
	es := []history.Event{
		{At: 0, Kind: history.Phase, Subject: "build"}, {At: 40e6, Kind: history.Phase, Subject: "start"},
		{At: 700e6, Kind: history.Up, Subject: "n1"}, {At: 710e6, Kind: history.Up, Subject: "n2"}, {At: 720e6, Kind: history.Up, Subject: "n3"},
		{At: 1500e6, Kind: history.Leads, Subject: "n2", Data: term(2)},
		{At: 1600e6, Kind: history.Phase, Subject: "preload"}, {At: LoadAt, Kind: history.Phase, Subject: "load"},
		history.NewHeld(0, "n2", history.Dead).When(struck - 1e6),
		history.NewVerified(0, history.EndStruck, "n2", "process 231 of n2 is gone").When(struck - 1e6),
		{At: struck, Kind: history.Down, Subject: "n2", Detail: "killed"}, {At: struck, Kind: history.Leads, Subject: ""},
		{At: struck, Kind: history.Struck, Subject: "leader", Detail: "killed n2", Data: strike},
		{At: struck + s.Outage - 50e6, Kind: history.Leads, Subject: "n3", Data: term(3)},
		history.NewReleased(0, "n2", history.Dead).When(healed),
		{At: healed, Kind: history.Healed, Subject: "leader", Data: strike},
		{At: healed + 420e6, Kind: history.Up, Subject: "n2"},
		history.NewVerified(0, history.EndHealed, "n2", "n2 answers again after 430ms").When(healed + 430e6),
		{At: healed + 420e6, Kind: history.Settled, Subject: "n3"},
		{At: end, Kind: history.Phase, Subject: "drain"}, {At: end + 30e6, Kind: history.Phase, Subject: "settle"},
		{At: end + 2100e6, Kind: history.Phase, Subject: "final"}, {At: end + 2300e6, Kind: history.Phase, Subject: "collect"},
		{At: end + 2350e6, Kind: history.Links, Subject: "userspace", Data: map[string]float64{
			"late_p50_us": 38, "late_p99_us": 410, "late_max_us": 2200, "packets": float64(12 * s.Ops), "lost": 0, "cut": 0, "overflow": 0}},
		{At: end + 2360e6, Kind: history.Driver, Subject: "c1", Data: map[string]float64{"offered": float64(s.Ops)}},
		{At: end + 2400e6, Kind: history.Phase, Subject: "done"},
	}
	es = append(es, probed(rng, star("c1", "n1", "n2", "n3"))...)
	for t := LoadAt; t < end; t += 250 * time.Millisecond {
		es = append(es, history.Event{At: t, Kind: history.Noise, Data: map[string]float64{
			"steal_pct": math.Abs(1.5 * rng.NormFloat64()), "busy_pct": 35 + 5*rng.NormFloat64(),
			"psi_cpu_pct": math.Abs(4 + 3*rng.NormFloat64()), "psi_io_pct": math.Abs(1 + rng.NormFloat64()), "psi_memory_pct": 0}})
	}
	for t := LoadAt; t < end; t += time.Second {
		for n := 1; n <= 3; n++ {
			es = append(es, history.Event{At: t, Kind: history.Metrics, Subject: fmt.Sprintf("n%d", n), Data: map[string]float64{
				"wal_fsync_p99_ms": 2 + rng.Float64(), "leader_changes_seen_total": float64(1 + n%2)}})
		}
	}
	slices.SortStableFunc(es, func(a, b history.Event) int { return int(a.At - b.At) })
	return es
}

// star is 20 ms between all hosts.
func star(hosts ...string) link.Matrix {
	m := link.Matrix{}
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				m[link.Path{From: a, To: b}] = link.Shape{Delay: 20 * time.Millisecond}
			}
		}
	}
	return m
}

// probed returns what honest links measure, and what they carried.
func probed(rng *rand.Rand, plan link.Matrix) (es []history.Event) {
	for _, p := range plan.Paths() {
		ms := summary.Millis(plan[p].Delay)
		p50 := ms + 0.02*rng.ExpFloat64()
		sent, lost, most := 10., 0., 0.
		if l := plan[p].Loss; l > 0 {
			sent, lost, most = 200, math.Round(200*l), 200*l+40
		}
		es = append(es, history.Event{At: 30e6, Kind: history.Probe, Subject: p.String(), Detail: plan[p].String(), Data: map[string]float64{
			"p50_ms": p50, "p99_ms": p50 + 0.4*rng.ExpFloat64(), "floor_ms": max(ms-0.2, 0), "ceiling_ms": ms + 100,
			"sent": sent, "lost": lost, "fewest": 0, "most": most,
		}}, history.Event{At: 40e9, Kind: history.Path, Subject: p.String(), Data: map[string]float64{
			"packets": float64(rng.IntN(5000)), "lost": 0, "cut": 0, "overflow": 0,
		}})
	}
	n := float64(len(plan))
	return append(es, history.Event{At: 31e6, Kind: history.Probed, Data: map[string]float64{"paths": n, "probed": n, "packets": 10 * n, "took_s": 0.061}})
}
