package results

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// manyFaults is the scene with other strikes than its own, one a second: cuts both ways and one way, a lossy link, a pause, a flapping link.
func (s scene) manyFaults() (*history.History, Info) {
	h, info := s.none()
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
		at := sceneLoad + time.Duration(i+1)*time.Second
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
		info.Planned = append(info.Planned, Planned{"f", "strike", time.Duration(i+1) * time.Second, time.Duration(i+1)*time.Second + 500*time.Millisecond})
	}
	sorted(h.Events)
	return h, info
}

func TestHearings(t *testing.T) {
	h, info := scene{ops: 900, duration: 9 * time.Second, seed: 1}.manyFaults()
	r := newReading(h, info)
	var got []string
	for _, x := range r.hearings() {
		got = append(got, fmt.Sprintf("%.1f-%.1f x%d led by %s dead %v paused %v, %d paths: %v", r.since(x.from), r.since(x.to), x.times, x.leader, x.dead, x.paused, len(x.links), x.details))
	}
	want := []string{
		"1.0-1.5 x2 led by n2 dead [] paused [], 2 paths: [cut n2 and n3 from each other]",
		"2.0-2.5 x1 led by n2 dead [] paused [], 4 paths: [n2 is heard by nobody]",
		"3.0-3.5 x1 led by n2 dead [] paused [], 12 paths: [isolated n2]",
		"4.0-4.5 x1 led by n2 dead [] paused [], 2 paths: [30 % loss between n2 and n3]",
		"5.0-5.5 x1 led by n2 dead [n2] paused [], 0 paths: [killed n2]",
		"6.0-6.5 x1 led by n2 dead [] paused [n2], 0 paths: [paused n2]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	links := r.hearings()[3].links
	if links[link.Path{From: "n2", To: "n3"}].Shape != "loss 30%" {
		t.Errorf("the lossy link is %v", links)
	}
	f := newView(r, Summarise(h, info, nil)).hearing()
	png, err := f.png(page)
	if err != nil || len(png) < 10_000 {
		t.Errorf("drawn: %d bytes, %v", len(png), err)
	}
}
