package results

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Variations of the scene: other things that can befall a run.

func (s scene) run() (*history.History, Info) { return s.history(), s.info() }

// without is the events but those of the kinds given.
func without(es []history.Event, kinds ...history.EventKind) []history.Event {
	return slices.DeleteFunc(es, func(e history.Event) bool { return slices.Contains(kinds, e.Kind) })
}

func sorted(es []history.Event) []history.Event {
	slices.SortStableFunc(es, func(a, b history.Event) int { return int(a.At - b.At) })
	return es
}

// none: nothing goes wrong.
func (s scene) none() (*history.History, Info) {
	s.outage = -time.Hour
	h, info := s.run()
	h.Events = without(h.Events, history.Struck, history.Healed, history.Verified, history.Held, history.Released, history.Down)
	h.Events = slices.DeleteFunc(h.Events, func(e history.Event) bool { return e.Kind == history.Leads && e.At > sceneLoad })
	info.Planned, info.Words[3] = nil, "none"
	return h, info
}

// vanished: ten operations are missing, and the run says something of its own.
func (s scene) vanished() (*history.History, Info) {
	h, info := s.run()
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

// down: two of three nodes are dead until the load ends.
func (s scene) down() (*history.History, Info) {
	h, info := s.run()
	info.Words[3], info.Planned = "kill-n", []Planned{{"kill-n", "kill 2 of 3 nodes", s.duration / 3, s.duration}}
	struck, end := sceneLoad+s.duration/3, sceneLoad+s.duration
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
		return (e.Kind == history.Leads || e.Kind == history.Up) && e.At > sceneLoad
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

// regions: three data centres of a wide-area network, one path of which has no delay at all and one a bit much.
func (s scene) regions() (*history.History, Info) {
	h, info := s.run()
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
	h.Events = append(h.Events, probed(rand.New(rand.NewPCG(s.seed, 2)), plan)...)
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

// crowd: so many hosts that only some of the paths were measured.
func (s scene) crowd() (*history.History, Info) {
	h, info := s.run()
	var hosts []string
	for i := range 15 {
		hosts = append(hosts, fmt.Sprintf("n%d", i+1), fmt.Sprintf("c%d", i+1))
	}
	info.Links = star(hosts...)
	h.Events = without(h.Events, history.Probe, history.Probed, history.Path)
	h.Events = sorted(append(h.Events, probed(rand.New(rand.NewPCG(s.seed, 2)), info.Links)...))
	for _, e := range h.Events {
		if e.Kind == history.Probed {
			e.Data["probed"] = 300
		}
	}
	return h, info
}

// flaps: the links of a follower are cut five times, and n1 is paused besides.
func (s scene) flaps() (*history.History, Info) {
	h, info := s.none()
	info.Words[3], info.Planned = "intermittent-full,pause", nil
	isolated := link.Cut([]string{"n2"}, []string{"n1", "n3"})
	far := link.Shape{Delay: 180 * time.Millisecond}
	slow := link.Matrix{{From: "c1", To: "n3"}: far, {From: "n3", To: "c1"}: far}
	for i := range 5 {
		from := s.duration/3 + time.Duration(2*i)*time.Second
		info.Planned = append(info.Planned, Planned{"intermittent-full", "cut a follower off", from, from + time.Second})
		h.Events = append(h.Events, struckAndHealed(i, "intermittent-full", "n2 cut from n1, n3", from, from+time.Second)...)
		h.Events = append(h.Events,
			history.NewDegraded(i, isolated.Layers(), isolated.String()).When(sceneLoad+from),
			history.NewRestored(i, isolated.Layers(), isolated.String()).When(sceneLoad+from+time.Second))
	}
	info.Planned = append(info.Planned, Planned{"pause", "stop the leader", 14 * time.Second, 23 * time.Second})
	h.Events = append(h.Events, struckAndHealed(5, "pause", "stopped n1", 14*time.Second, 23*time.Second)...)
	h.Events = sorted(append(h.Events,
		history.NewHeld(5, "n1", history.Paused).When(sceneLoad+14*time.Second),
		history.NewReleased(5, "n1", history.Paused).When(sceneLoad+23*time.Second),
		history.NewDegraded(5, slow.Layers(), slow.String()).When(sceneLoad+5*time.Second),
		history.NewRestored(5, slow.Layers(), slow.String()).When(sceneLoad+9*time.Second)))
	return h, info
}

func struckAndHealed(i int, fault, detail string, from, to time.Duration) []history.Event {
	data := map[string]float64{"strike": float64(i), "planned_from": from.Seconds(), "planned_to": to.Seconds()}
	return []history.Event{
		{At: sceneLoad + from, Kind: history.Struck, Subject: fault, Detail: detail, Data: data},
		{At: sceneLoad + from, Kind: history.Verified, Detail: "struck: seen", Data: data},
		{At: sceneLoad + to, Kind: history.Healed, Subject: fault, Data: data},
		{At: sceneLoad + to, Kind: history.Verified, Detail: "healed: seen", Data: data},
	}
}

// staleRead is a read that answers what an acknowledged write had replaced.
func staleRead() check.Result {
	at := func(ms int) time.Duration { return sceneLoad + time.Duration(ms)*time.Millisecond }
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
