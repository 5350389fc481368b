package figure

import (
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results/summary"
)

// A reachability is which hosts could reach which while faults were active, by the record of what
// was done.
type reachability struct {
	from, to     time.Duration // its first time, since the epoch
	times        int
	leader       string // who led just before, "" for none
	dead, paused []string
	links        map[link.Path]history.Layer // what lay over a path
	details      []string                    // of the strikes in effect
}

// together is within which time changes belong to one strike.
const together = 20 * time.Millisecond

// reachabilities goes through what was held, cut and healed, and returns each state of affairs that
// lasted, once.
func reachabilities(r *summary.Reading) (all []reachability) {
	t := tracker{holds: map[hold]int{}, struck: map[int]string{}}
	var changes []history.Event
	for _, e := range r.H.Events {
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
		to := r.LoadEnd
		if next := slices.IndexFunc(changes[i:], func(e history.Event) bool { return e.Kind != history.Leads }); next >= 0 {
			to = min(to, changes[i+next].At)
		}
		all = t.add(all, reachability{from: from, to: to, times: 1, leader: leader})
	}
	return all
}

// A hold is a node and what it is held in.
type hold struct {
	node  string
	state history.State
}

// A tracker knows what is in effect.
type tracker struct {
	leader   string
	holds    map[hold]int
	overlays [][]history.Layer // in the order in which they were laid
	struck   map[int]string    // by strike
}

// note takes the event in, and says whether it is an act and not only what came of one.
func (t *tracker) note(e history.Event) bool {
	held := hold{e.Subject, e.State}
	switch e.Kind {
	case history.Leads:
		t.leader = e.Subject
		return false
	case history.Held:
		t.holds[held]++
	case history.Released:
		t.holds[held]--
	case history.Degraded:
		t.overlays = append(t.overlays, e.Overlay)
	case history.Restored:
		if i := slices.IndexFunc(t.overlays, func(o []history.Layer) bool { return slices.Equal(o, e.Overlay) }); i >= 0 {
			t.overlays = slices.Delete(t.overlays, i, i+1)
		}
	case history.Struck:
		in := e.Injection()
		t.struck[in.Strike] = in.Target
	case history.Healed:
		strike, _ := e.Strike()
		delete(t.struck, strike)
	}
	return true
}

// add lists the present state of affairs: anew, once more where it has been before, not at all
// where nothing is in effect.
func (t *tracker) add(all []reachability, now reachability) []reachability {
	now.links = map[link.Path]history.Layer{}
	for held, n := range t.holds {
		switch {
		case n == 0:
		case held.state == history.Dead:
			now.dead = append(now.dead, held.node)
		default:
			now.paused = append(now.paused, held.node)
		}
	}
	slices.SortFunc(now.dead, link.CompareHosts)
	slices.SortFunc(now.paused, link.CompareHosts)
	for _, layers := range t.overlays {
		for _, l := range layers {
			if p := (link.Path{From: l.From, To: l.To}); !now.links[p].Cut {
				now.links[p] = l
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(t.struck)) {
		now.details = append(now.details, t.struck[i])
	}
	if len(now.dead)+len(now.paused)+len(now.links) == 0 {
		return all
	}
	i := slices.IndexFunc(all, func(h reachability) bool { return h.same(now) })
	if i < 0 {
		return append(all, now)
	}
	all[i].times++
	return all
}

func (h reachability) same(o reachability) bool {
	return slices.Equal(h.dead, o.dead) && slices.Equal(h.paused, o.paused) && maps.Equal(h.links, o.links) && slices.Equal(h.details, o.details)
}
