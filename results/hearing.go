package results

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A hearing is who heard whom while something was struck, by the run's own record of what was done.
type hearing struct {
	from, to     time.Duration // its first time, since the epoch
	times        int
	leader       string // who led just before, "" for nobody
	dead, paused []string
	links        map[link.Path]string // what lay over a path: "cut", "loss 30%"
	details      []string             // of the strikes in effect
}

// together is within which time changes belong to one strike.
const together = 20 * time.Millisecond

// hearings goes through what was held, cut and healed, and returns each state of affairs that lasted, once.
func (r *reading) hearings() (all []hearing) {
	t := tracker{holds: map[[2]string]int{}, overlays: map[string]int{}, struck: map[int]string{}}
	var changes []history.Event
	for _, e := range r.h.Events {
		switch e.Kind {
		case history.Held, history.Released, history.Degraded, history.Restored, history.Struck, history.Healed, history.Leads:
			changes = append(changes, e)
		}
	}
	for i := 0; i < len(changes); {
		leader := t.leader
		from := changes[i].At
		acted := false
		for last := from; i < len(changes) && changes[i].At-last < together; i++ {
			last = changes[i].At
			acted = t.note(changes[i]) || acted
		}
		if !acted {
			continue
		}
		to := r.loadEnd
		if next := slices.IndexFunc(changes[i:], func(e history.Event) bool { return e.Kind != history.Leads }); next >= 0 {
			to = min(to, changes[i+next].At)
		}
		all = t.add(all, hearing{from: from, to: to, times: 1, leader: leader})
	}
	return all
}

// A tracker knows what is in effect.
type tracker struct {
	leader   string
	holds    map[[2]string]int // by node and state
	overlays map[string]int    // by the overlay's text
	struck   map[int]string    // by strike
}

// note takes the event in, and says whether it is an act and not only what came of one.
func (t *tracker) note(e history.Event) bool {
	held := [2]string{e.Subject, e.Detail}
	switch e.Kind {
	case history.Leads:
		t.leader = e.Subject
		return false
	case history.Held:
		t.holds[held]++
	case history.Released:
		t.holds[held]--
	case history.Degraded:
		t.overlays[e.Detail]++
	case history.Restored:
		t.overlays[e.Detail]--
	case history.Struck:
		t.struck[int(e.Data["strike"])] = e.Detail
	case history.Healed:
		delete(t.struck, int(e.Data["strike"]))
	}
	return true
}

// add lists the present state of affairs: anew, once more where it has been before, not at all where nothing is in effect.
func (t *tracker) add(all []hearing, now hearing) []hearing {
	now.links = map[link.Path]string{}
	for held, n := range t.holds {
		switch {
		case n == 0:
		case held[1] == "dead":
			now.dead = append(now.dead, held[0])
		default:
			now.paused = append(now.paused, held[0])
		}
	}
	slices.SortFunc(now.dead, link.CompareHosts)
	slices.SortFunc(now.paused, link.CompareHosts)
	for _, text := range slices.Sorted(maps.Keys(t.overlays)) {
		if t.overlays[text] > 0 {
			overlay(now.links, text)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(t.struck)) {
		now.details = append(now.details, t.struck[i])
	}
	if len(now.dead)+len(now.paused)+len(now.links) == 0 {
		return all
	}
	i := slices.IndexFunc(all, func(h hearing) bool { return h.same(now) })
	if i < 0 {
		return append(all, now)
	}
	all[i].times++
	return all
}

func (h hearing) same(o hearing) bool {
	return slices.Equal(h.dead, o.dead) && slices.Equal(h.paused, o.paused) && maps.Equal(h.links, o.links) && slices.Equal(h.details, o.details)
}

// overlay reads what link.Matrix prints: a line for each shape, "cut: n1>n2 n2>n1".
func overlay(links map[link.Path]string, text string) {
	for line := range strings.Lines(text) {
		shape, paths, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		for name := range strings.FieldsSeq(paths) {
			from, to, ok := strings.Cut(name, ">")
			if p := (link.Path{From: from, To: to}); ok && links[p] != "cut" {
				links[p] = shape
			}
		}
	}
}
