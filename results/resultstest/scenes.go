package resultstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results/summary"
)

// ManyFaults is the scene with other strikes than its own, one a second: cuts both ways and one
// way, a lossy link, a pause, a flapping link.
func (s Scene) ManyFaults() (*history.History, summary.Info) {
	h, info := s.None()
	info.Nodes, info.Clients = []string{"n1", "n2", "n3", "n4", "n5"}, []string{"c1", "c2"}
	path := func(a, b string) link.Path { return link.Path{From: a, To: b} }
	strikes := []struct {
		detail  string
		overlay link.Matrix
		held    string
		state   history.State
	}{
		{"cut n2 and n3 from each other", link.Cut([]string{"n2"}, []string{"n3"}), "", ""},
		{"n2 is heard by nobody", link.Matrix{path("n2", "n1"): {Cut: true}, path("n2", "n3"): {Cut: true}, path("n2", "n4"): {Cut: true}, path("n2", "n5"): {Cut: true}}, "", ""},
		{"isolated n2", link.Cut([]string{"n2"}, []string{"n1", "n3", "n4", "n5", "c1", "c2"}), "", ""},
		{"30 % loss between n2 and n3", link.Matrix{path("n2", "n3"): {Loss: 0.3}, path("n3", "n2"): {Loss: 0.3}}, "", ""},
		{"killed n2", nil, "n2", "dead"},
		{"paused n2", nil, "n2", "paused"},
		{"cut n2 and n3 from each other", link.Cut([]string{"n2"}, []string{"n3"}), "", ""},
	}
	for i, k := range strikes {
		at := LoadAt + time.Duration(i+1)*time.Second
		n := map[string]float64{"strike": float64(i), "planned_from": float64(i + 1), "planned_to": float64(i+1) + 0.5}
		event := func(at time.Duration, kind history.EventKind, subject, detail string) {
			h.Events = append(h.Events, history.Event{At: at, Kind: kind, Subject: subject, Detail: detail, Data: n})
		}
		heal := at + 500*time.Millisecond
		if k.overlay != nil {
			h.Events = append(h.Events,
				history.NewDegraded(i, k.overlay.Layers(), k.overlay.String()).When(at),
				history.NewRestored(i, k.overlay.Layers(), k.overlay.String()).When(heal))
		} else {
			h.Events = append(h.Events, history.NewHeld(i, k.held, k.state).When(at), history.NewReleased(i, k.held, k.state).When(heal))
		}
		event(at+1e6, history.Struck, "f", k.detail)
		event(heal+1e6, history.Healed, "f", "")
		h.Events = append(h.Events,
			history.NewVerified(i, history.EndStruck, "links", "seen").When(at+2e6),
			history.NewVerified(i, history.EndHealed, "links", "seen").When(heal+2e6))
		info.Planned = append(info.Planned, summary.Planned{Fault: "f", Name: "strike", From: time.Duration(i+1) * time.Second, To: time.Duration(i+1)*time.Second + 500*time.Millisecond})
	}
	sorted(h.Events)
	return h, info
}

// Worked are passes of two workers in a run of 30 s that is struck from 10 to 20 s: one fails for
// damage, one loses a worker, one is open.
func Worked() (all []history.Pass) {
	add := func(command string, call, took time.Duration, outcome history.Outcome, stood time.Duration, states ...string) {
		p := history.Pass{ID: fmt.Sprint(len(all)), Command: command, Number: int32(len(all)/2 + 1), Stage: "load",
			Call: LoadAt + call, Return: LoadAt + call + took + 50*time.Millisecond, Outcome: outcome, Stood: stood, Retries: 1}
		for i, state := range states {
			n := history.PassNode{Node: fmt.Sprintf("c%d", i+1), State: state, Files: 40, Bytes: 1000}
			if state == "success" || state == "failed" {
				n.Completed = p.Call + took - time.Duration(i)*time.Millisecond
			}
			p.Nodes = append(p.Nodes, n)
		}
		all = append(all, p)
	}
	ms := time.Millisecond
	add("generate", 1000*ms, 300*ms, history.OK, 90*ms, "success", "success")
	add("verify", 2000*ms, 200*ms, history.OK, 80*ms, "success", "success")
	add("generate", 3000*ms, 400*ms, history.OK, 70*ms, "success", "success")
	// waits through the strike
	add("verify", 9500*ms, 1500*ms, history.OK, 1400*ms, "success", "success")
	add("generate", 12000*ms, 5000*ms, history.Failed, 4900*ms, "lost", "success")
	add("verify", 21000*ms, 250*ms, history.Failed, 60*ms, "failed", "success")
	add("verify", 22000*ms, 250*ms, history.Failed, 60*ms, "failed", "success")
	add("generate", 25000*ms, 4000*ms, history.Unknown, 3000*ms, "not completed", "success")
	for i := 5; i <= 6; i++ {
		n := &all[i].Nodes[0]
		n.Corrupted, n.Damage = 1, []history.Damage{{Path: "dir0/file3", What: "corrupt: block 2: sha1"}}
	}
	return all
}

// Variations of the scene: other things that can befall a run.

// Run returns the history of the scene, and what its plan says.
func (s Scene) Run() (*history.History, summary.Info) { return s.history(), s.info() }

// without returns the events but those of the kinds given.
func without(es []history.Event, kinds ...history.EventKind) []history.Event {
	return slices.DeleteFunc(es, func(e history.Event) bool { return slices.Contains(kinds, e.Kind) })
}

func sorted(es []history.Event) []history.Event {
	slices.SortStableFunc(es, func(a, b history.Event) int { return int(a.At - b.At) })
	return es
}

// None: nothing goes wrong.
func (s Scene) None() (*history.History, summary.Info) {
	s.Outage = -time.Hour
	h, info := s.Run()
	h.Events = without(h.Events, history.Struck, history.Healed, history.Verified, history.Held, history.Released, history.Down)
	h.Events = slices.DeleteFunc(h.Events, func(e history.Event) bool { return e.Kind == history.Leads && e.At > LoadAt })
	info.Planned, info.Words[3] = nil, "none"
	return h, info
}

// Vanished: ten operations are missing, and the run says something of its own.
func (s Scene) Vanished() (*history.History, summary.Info) {
	h, info := s.Run()
	for i := range h.Events {
		if h.Events[i].Kind == history.Driver {
			h.Events[i].Data["offered"] += 10
		}
	}
	h.Events = append(h.Events, history.Event{At: h.Events[len(h.Events)-1].At, Kind: history.Harness, Subject: "n1",
		Detail: "n1 ended by itself (exit status 2); it last printed:\n    panic: Detail of <b>a failure</b>"})
	info.Notes = []string{"ops.jsonl ends in half a line, which was left out: the recorder was cut off"}
	return h, info
}

// Down: two of three nodes are dead until the load ends.
func (s Scene) Down() (*history.History, summary.Info) {
	h, info := s.Run()
	info.Words[3], info.Planned = "kill-n", []summary.Planned{{Fault: "kill-n", Name: "kill 2 of 3 nodes", From: s.Duration / 3, To: s.Duration}}
	struck, end := LoadAt+s.Duration/3, LoadAt+s.Duration
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Return > struck {
			o.Outcome, o.Error, o.Return = history.Failed, "etcdserver: no leader", o.Call+5*time.Millisecond
			if o.Kind == history.Write && i%3 == 0 {
				o.Outcome, o.Error, o.Return = history.Unknown, "timed out", o.Call+5*time.Second
			}
		}
	}
	h.Events = without(h.Events, history.Struck, history.Healed, history.Verified, history.Held, history.Released, history.Down)
	h.Events = slices.DeleteFunc(h.Events, func(e history.Event) bool {
		return (e.Kind == history.Leads || e.Kind == history.Up) && e.At > LoadAt
	})
	strike := map[string]float64{"strike": 0, "planned_from": 10, "planned_to": 30}
	for _, n := range []string{"n2", "n3"} {
		h.Events = append(h.Events,
			history.NewHeld(0, n, history.Dead).When(struck),
			history.Event{At: struck, Kind: history.Down, Subject: n},
			history.NewVerified(0, history.EndStruck, n, "process 12 of "+n+" is gone").When(struck))
	}
	h.Events = sorted(append(h.Events,
		history.Event{At: struck, Kind: history.Leads},
		history.Event{At: struck + 1, Kind: history.Struck, Subject: "kill-n", Detail: "killed n2, n3", Data: strike},
		history.NewReleased(0, "n2", history.Dead).When(end+5e6),
		history.Event{At: end + 6e6, Kind: history.Healed, Subject: "kill-n", Data: strike},
		history.NewVerified(0, history.EndHealed, "n2", "n2 answers again after 890ms").When(end+9e8)))
	return h, info
}

// Regions: three data centres of a wide-area network, one path of which has no delay at all and one
// a bit much.
func (s Scene) Regions() (*history.History, summary.Info) {
	h, info := s.Run()
	plan := link.Matrix{}
	between := [3][3]int{{0, 49, 84}, {49, 0, 118}, {84, 118, 0}}
	for a, x := range []string{"n1", "n2", "n3", "c1", "c2", "c3"} {
		for b, y := range []string{"n1", "n2", "n3", "c1", "c2", "c3"} {
			if x != y {
				plan[link.Path{From: x, To: y}] = link.Shape{Delay: time.Duration(between[a%3][b%3]) * time.Millisecond}
			}
		}
	}
	plan[link.Path{From: "n1", To: "n3"}] = link.Shape{Delay: 84 * time.Millisecond, Loss: 0.05}
	info.Links, info.Words[1] = plan, "wan"
	h.Events = without(h.Events, history.Probe, history.Probed, history.Path)
	h.Events = append(h.Events, probed(rand.New(rand.NewPCG(s.Seed, 2)), plan)...)
	h.Events = sorted(h.Events)
	for _, e := range h.Events {
		switch {
		case e.Kind == history.Probe && e.Subject == "c2>n3":
			e.Data["p50_ms"] = 0.04
		case e.Kind == history.Probe && e.Subject == "n2>c1":
			e.Data["p50_ms"] += 4
		}
	}
	return h, info
}

// Crowd: so many hosts that only some of the paths were measured.
func (s Scene) Crowd() (*history.History, summary.Info) {
	h, info := s.Run()
	var hosts []string
	for i := range 15 {
		hosts = append(hosts, fmt.Sprintf("n%d", i+1), fmt.Sprintf("c%d", i+1))
	}
	info.Links = star(hosts...)
	h.Events = without(h.Events, history.Probe, history.Probed, history.Path)
	h.Events = sorted(append(h.Events, probed(rand.New(rand.NewPCG(s.Seed, 2)), info.Links)...))
	for _, e := range h.Events {
		if e.Kind == history.Probed {
			e.Data["probed"] = 300
		}
	}
	return h, info
}

// Flaps: the links of a follower are cut five times, and n1 is paused besides.
func (s Scene) Flaps() (*history.History, summary.Info) {
	h, info := s.None()
	info.Words[3], info.Planned = "intermittent-full,pause", nil
	isolated := link.Cut([]string{"n2"}, []string{"n1", "n3"})
	far := link.Shape{Delay: 180 * time.Millisecond}
	slow := link.Matrix{{From: "c1", To: "n3"}: far, {From: "n3", To: "c1"}: far}
	for i := range 5 {
		from := s.Duration/3 + time.Duration(2*i)*time.Second
		info.Planned = append(info.Planned, summary.Planned{Fault: "intermittent-full", Name: "cut a follower off", From: from, To: from + time.Second})
		h.Events = append(h.Events, struckAndHealed(i, "intermittent-full", "n2 cut from n1, n3", from, from+time.Second)...)
		h.Events = append(h.Events,
			history.NewDegraded(i, isolated.Layers(), isolated.String()).When(LoadAt+from),
			history.NewRestored(i, isolated.Layers(), isolated.String()).When(LoadAt+from+time.Second))
	}
	info.Planned = append(info.Planned, summary.Planned{Fault: "pause", Name: "stop the leader", From: 14 * time.Second, To: 23 * time.Second})
	h.Events = append(h.Events, struckAndHealed(5, "pause", "stopped n1", 14*time.Second, 23*time.Second)...)
	h.Events = sorted(append(h.Events,
		history.NewHeld(5, "n1", history.Paused).When(LoadAt+14*time.Second),
		history.NewReleased(5, "n1", history.Paused).When(LoadAt+23*time.Second),
		history.NewDegraded(5, slow.Layers(), slow.String()).When(LoadAt+5*time.Second),
		history.NewRestored(5, slow.Layers(), slow.String()).When(LoadAt+9*time.Second)))
	return h, info
}

func struckAndHealed(i int, fault, detail string, from, to time.Duration) []history.Event {
	data := map[string]float64{"strike": float64(i), "planned_from": from.Seconds(), "planned_to": to.Seconds()}
	return []history.Event{
		{At: LoadAt + from, Kind: history.Struck, Subject: fault, Detail: detail, Data: data},
		{At: LoadAt + from, Kind: history.Verified, Detail: "struck: seen", Data: data},
		{At: LoadAt + to, Kind: history.Healed, Subject: fault, Data: data},
		{At: LoadAt + to, Kind: history.Verified, Detail: "healed: seen", Data: data},
	}
}

// StaleRead is a read that answers what an acknowledged write had replaced.
func StaleRead() check.Result {
	at := func(ms int) time.Duration { return LoadAt + time.Duration(ms)*time.Millisecond }
	w := func(p int, v string, call, ret int, rev int64) history.Op {
		return history.Op{Client: "c1", Process: p, Kind: history.Write, Key: "7", Value: v, Due: at(call), Call: at(call), Return: at(ret), Outcome: history.OK, Revision: rev, Member: "n1"}
	}
	r := func(p int, v string, call, ret int) history.Op {
		o := w(p, v, call, ret, 0)
		o.Kind, o.Version = history.Read, 1
		return o
	}
	old := w(3, "0000000003", -800, -780, 12)
	old.Stage = history.Preload
	lost := w(9, "0000000911", 9990, 15000, 0)
	lost.Outcome, lost.Error = history.Unknown, "etcdserver: request timed out"
	return check.Result{
		Name: "linearizable", Verdict: check.Invalid,
		Detail: "key 7: c1/5 read 0000000003 after c1/4 had read 0000000906, which replaced it",
		Evidence: []history.Op{
			r(5, "0000000003", 10040, 10061), old, w(3, "0000000906", 9960, 9981, 907), r(4, "0000000906", 10010, 10033), lost,
		},
	}
}

// Checks are verdicts of a run that went well.
var Checks = []check.Result{
	{Name: "linearizable", Verdict: check.Valid, Detail: "5,904 operations over 100 keys, 15 of unknown outcome"},
	{Name: "durable", Verdict: check.Valid, Detail: "2,982 acknowledged writes are in the store's history, and final reads through n1, n2 and n3 agree with it"},
	{Name: "replicas", Verdict: check.Valid, Detail: "n1, n2 and n3 have hash 9c1185a5 at revision 3,104"},
}
