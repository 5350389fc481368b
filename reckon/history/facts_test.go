package history

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The constructors write the keys that records have always had, and the accessors read back what
// went in.
func TestFacts(t *testing.T) {
	epoch := time.UnixMicro(1796008889375942)
	injection := Injection{Strike: 2, Fault: "leader", Target: "killed n2", PlannedFrom: 3 * time.Second, PlannedTo: 6 * time.Second, Took: 781 * time.Microsecond, Tries: 1}
	measured := Measurement{Path: "n1>n2", Shape: "20ms", Sent: 10, Lost: 1, Fewest: new(0), Most: new(2), Delay: &Delay{20.017, 20.153}, Bounds: &Range{19.8, 120}}
	layers := []Layer{{From: "n1", To: "n2", Cut: true}, {From: "n2", To: "n1", Shape: "loss 30%"}}
	traffic := Traffic{Packets: 9, Lost: 1, Cut: 2, Overflow: 3, Duplicated: 4, Corrupted: 5, Reordered: 6}
	for _, c := range []struct {
		event Event
		json  string
		read  func(Event) any
		want  any
	}{
		{NewBuild(epoch), `{"at":0,"kind":"phase","subject":"build","data":{"unix_s":1796008889.375942}}`, func(e Event) any { at, _ := e.Epoch(); return at.UnixMicro() }, epoch.UnixMicro()},
		{NewDone(Counts{7, 8, 9}), `{"at":0,"kind":"phase","subject":"done","data":{"changes":8,"ops":7,"passes":9}}`, func(e Event) any { n, _ := e.Done(); return n }, Counts{7, 8, 9}},
		{NewStruck(injection).When(5), `{"at":5,"kind":"struck","subject":"leader","detail":"killed n2","data":{"planned_from":3,"planned_to":6,"strike":2,"took_s":0.000781,"tries":1}}`, func(e Event) any { return e.Injection() }, injection},
		{NewHealed(2, "leader"), `{"at":0,"kind":"healed","subject":"leader","data":{"strike":2}}`, func(e Event) any { n, _ := e.Strike(); return n }, 2},
		{NewVerified(0, EndStruck, "n2", "process 28 of n2 is gone"), `{"at":0,"kind":"verified","subject":"n2","detail":"struck: process 28 of n2 is gone","data":{"strike":0},"end":"struck"}`, func(e Event) any { return e.End }, EndStruck},
		{NewUnseen(0, EndHealed, "links", errors.New("2 probes were lost")), `{"at":0,"kind":"missed","subject":"links","detail":"healed, but 2 probes were lost","data":{"strike":0},"end":"healed"}`, func(e Event) any { return e.End }, EndHealed},
		{NewHeld(0, "n2", Dead), `{"at":0,"kind":"held","subject":"n2","detail":"dead","data":{"strike":0},"state":"dead"}`, func(e Event) any { return e.State }, Dead},
		{NewReleased(0, "n2", Paused), `{"at":0,"kind":"released","subject":"n2","detail":"paused","data":{"strike":0},"state":"paused"}`, func(e Event) any { return e.State }, Paused},
		{NewDegraded(0, layers, "cut: n1>n2\nloss 30%: n2>n1"), `{"at":0,"kind":"degraded","detail":"cut: n1\u003en2\nloss 30%: n2\u003en1","data":{"strike":0},"overlay":[{"from":"n1","to":"n2","cut":true},{"from":"n2","to":"n1","shape":"loss 30%"}]}`, func(e Event) any { return e.Overlay }, layers},
		{NewUnsettled(10*time.Second, "no node leads"), `{"at":0,"kind":"unsettled","detail":"no node leads","data":{"bound_s":10}}`, func(e Event) any { return e.Bound() }, 10 * time.Second},
		{NewLeads("n2", 3), `{"at":0,"kind":"leads","subject":"n2","data":{"term":3}}`, func(e Event) any { return e.Term() }, uint64(3)},
		{NewLeaderless(), `{"at":0,"kind":"leads"}`, func(e Event) any { return e.Term() }, uint64(0)},
		{NewHash("n2", 556, 1749554340), `{"at":0,"kind":"hash","subject":"n2","data":{"hash":1749554340,"revision":556}}`, func(e Event) any { r, h, _ := e.Hash(); return []any{r, h} }, []any{int64(556), uint32(1749554340)}},
		{NewCollected("n1", 600, 556), `{"at":0,"kind":"collected","subject":"n1","data":{"changes":600,"revision":556}}`, func(e Event) any { return e.Changes() }, 600},
		{NewWorked("c1", Lost, "17"), `{"at":0,"kind":"worked","subject":"c1","detail":"lost 17","step":"lost","pass":"17"}`, func(e Event) any { return e.Pass }, "17"},
		{NewPath("n1>n2", traffic), `{"at":0,"kind":"path","subject":"n1\u003en2","data":{"corrupted":5,"cut":2,"duplicated":4,"lost":1,"overflow":3,"packets":9,"reordered":6}}`, func(e Event) any { return e.Traffic() }, traffic},
		{NewLinks("userspace", "packet sockets", Traffic{Packets: 9}, &Late{1, 2, 3}), `{"at":0,"kind":"links","subject":"userspace","detail":"packet sockets","data":{"cut":0,"late_max_us":3,"late_p50_us":1,"late_p99_us":2,"lost":0,"overflow":0,"packets":9}}`, func(e Event) any { return e.Lateness() }, &Late{1, 2, 3}},
		{NewLinks("netem", "", Traffic{}, nil), `{"at":0,"kind":"links","subject":"netem","data":{"cut":0,"lost":0,"overflow":0,"packets":0}}`, func(e Event) any { return e.Lateness() }, (*Late)(nil)},
		{NewDriver("c1", 900, Late{1, 2, 3}), `{"at":0,"kind":"driver","subject":"c1","data":{"lag_max_us":3,"lag_p50_us":1,"lag_p99_us":2,"offered":900}}`, func(e Event) any { return e.Offered() }, 900},
		{NewProbe(measured), `{"at":0,"kind":"probe","subject":"n1\u003en2","detail":"20ms","data":{"ceiling_ms":120,"fewest":0,"floor_ms":19.8,"lost":1,"most":2,"p50_ms":20.017,"p99_ms":20.153,"sent":10}}`, func(e Event) any { return e.Measurement() }, measured},
		{NewProbed(Survey{12, 11, 120, 48 * time.Millisecond}), `{"at":0,"kind":"probed","data":{"packets":120,"paths":12,"probed":11,"took_s":0.048}}`, func(e Event) any { return e.Survey() }, Survey{12, 11, 120, 48 * time.Millisecond}},
		{NewCaptured("n1", "9 packets, 1 KB", Capture{9, 1000, 1, 2}), `{"at":0,"kind":"captured","subject":"n1","detail":"9 packets, 1 KB","data":{"bytes":1000,"dropped":1,"packets":9,"unwritten":2}}`, func(e Event) any { return e.Capture() }, Capture{9, 1000, 1, 2}},
	} {
		b, err := json.Marshal(c.event)
		must(t, err)
		if string(b) != c.json {
			t.Errorf("written as %s\nwant       %s", b, c.json)
		}
		var read Event
		must(t, json.Unmarshal(b, &read))
		if d := cmp.Diff(c.event, read); d != "" {
			t.Errorf("%s is read as another event (-written +read):\n%s", b, d)
		}
		if d := cmp.Diff(c.want, c.read(read)); d != "" {
			t.Errorf("%s (-want +got):\n%s", b, d)
		}
	}
}

// Records of before facts were typed have them in the text, and are read as the same facts.
func TestFactsOfOldRecords(t *testing.T) {
	for line, want := range map[string]Event{
		`{"kind":"verified","detail":"struck: 30 probes were cut"}`:        {Kind: Verified, Detail: "struck: 30 probes were cut", End: EndStruck},
		`{"kind":"verified","detail":"healed: probes pass"}`:               {Kind: Verified, Detail: "healed: probes pass", End: EndHealed},
		`{"kind":"verified","detail":"probes pass"}`:                       {Kind: Verified, Detail: "probes pass"},
		`{"kind":"verified","detail":"struck: as said","end":"healed"}`:    {Kind: Verified, Detail: "struck: as said", End: EndHealed},
		`{"kind":"struck","detail":"healed: by nobody"}`:                   {Kind: Struck, Detail: "healed: by nobody"},
		`{"kind":"held","subject":"n2","detail":"paused"}`:                 {Kind: Held, Subject: "n2", Detail: "paused", State: Paused},
		`{"kind":"released","subject":"n2","detail":"dead"}`:               {Kind: Released, Subject: "n2", Detail: "dead", State: Dead},
		`{"kind":"worked","subject":"c1","detail":"lost 17"}`:              {Kind: Worked, Subject: "c1", Detail: "lost 17", Step: Lost, Pass: "17"},
		`{"kind":"worked","subject":"c1","detail":"gave up on 17"}`:        {Kind: Worked, Subject: "c1", Detail: "gave up on 17", Step: GaveUp, Pass: "17"},
		`{"kind":"degraded","detail":"cut: n1>n2\nloss 30%: n2>n1 n3>n1"}`: {Kind: Degraded, Detail: "cut: n1>n2\nloss 30%: n2>n1 n3>n1", Overlay: []Layer{{From: "n1", To: "n2", Cut: true}, {From: "n2", To: "n1", Shape: "loss 30%"}, {From: "n3", To: "n1", Shape: "loss 30%"}}},
	} {
		var got Event
		must(t, json.Unmarshal([]byte(line), &got))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", line, d)
		}
	}
	for _, line := range []string{`{"kind":"struck"}`, `{"kind":"struck","data":{"strike":-1}}`, `{"kind":"struck","data":{"strike":1e18}}`} {
		var e Event
		must(t, json.Unmarshal([]byte(line), &e))
		if n, ok := e.Strike(); ok {
			t.Errorf("%s is of strike %d", line, n)
		}
	}
}
