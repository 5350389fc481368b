package check

import (
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A store that does not come back once nothing is wrong any more has broken a promise; where
// something may still have been wrong, it cannot be blamed; and where nobody got to ask, nothing is
// known.
func TestRecovers(t *testing.T) {
	unsettled := history.Event{At: 20 * time.Second, Kind: history.Unsettled, Detail: "no node leads", Data: map[string]float64{"bound_s": 10}}
	missed := history.Event{At: 5 * time.Second, Kind: history.Missed, Subject: "leader", Detail: "heal: stuck"}
	ended := history.Event{At: 4 * time.Second, Kind: history.Ended, Subject: "n2", Detail: "exit status 2, after: panic: tocommit(11) is out of range"}
	for _, c := range []struct {
		name   string
		events []history.Event
		want   Verdict
		detail string
	}{
		{"settled", []history.Event{{At: 12 * time.Second, Kind: history.Settled, Subject: "n1"}}, Valid, "after the load every member served, and one leader stayed"},
		{"final reads follow settling alone", []history.Event{{At: 13 * time.Second, Kind: history.Phase, Subject: "final"}}, Valid, "after the load every member served, and one leader stayed"},
		{"settled, though a strike missed", []history.Event{missed, {At: 12 * time.Second, Kind: history.Settled}}, Valid, "after the load every member served, and one leader stayed"},
		{"never settled", []history.Event{unsettled}, Invalid, "10s after the load, with every process running and every fault healed: no node leads"},
		{"never settled, and a strike missed", []history.Event{missed, unsettled}, Unknown, "no node leads, but a fault was not injected or healed as planned: heal: stuck"},
		{"never settled, and the links are not known to be as planned", []history.Event{{Kind: history.Harness, Detail: "ask the links for their counters: no answer"}, unsettled},
			Unknown, "no node leads, but the harness failed: ask the links for their counters: no answer"},
		{"a process ended by itself", []history.Event{ended}, Invalid, "n2 ended by itself: exit status 2, after: panic: tocommit(11) is out of range"},
		{"a process ended by itself once it had settled", []history.Event{{At: 12 * time.Second, Kind: history.Settled}, ended}, Invalid, "n2 ended by itself: exit status 2, after: panic: tocommit(11) is out of range"},
		{"a process ended by itself, and a strike missed it", []history.Event{ended, missed}, Invalid, "n2 ended by itself: exit status 2, after: panic: tocommit(11) is out of range"},
		{"never asked", []history.Event{{At: time.Second, Kind: history.Phase, Subject: "load"}}, Unknown, "the run ended before recovery could be checked"},
		{"nothing", nil, Unknown, "the run ended before recovery could be checked"},
	} {
		if r := Recovers(&history.History{Events: c.events}); r.Name != "recovers" || r.Verdict != c.want || r.Detail != c.detail {
			t.Errorf("%s: got %s: %s", c.name, r.Verdict, r.Detail)
		}
	}
}

// A member that settled and then answers no final read, or not that of one key, leaves open what it
// holds.
func TestRecoversAsksEveryMember(t *testing.T) {
	read := func(member, key string, o history.Outcome) history.Op {
		return history.Op{Stage: history.Final, Client: member, Key: key, Outcome: o}
	}
	for _, c := range []struct {
		name   string
		ops    []history.Op
		want   Verdict
		detail string
	}{
		{"all answer, one at the second try", []history.Op{read("n1", "1", history.OK), read("n2", "1", history.Failed), read("n2", "1", history.OK)},
			Valid, "after the load every member served, and one leader stayed"},
		{"n2 is silent", []history.Op{read("n1", "1", history.OK), read("n2", "1", history.Failed), read("n2", "1", history.Failed), read("n2", "2", history.Failed)},
			Unknown, "after the load every member served, but some final reads were never answered: n2"},
		{"n2 is silent about a key", []history.Op{read("n1", "1", history.OK), read("n1", "2", history.OK), read("n2", "1", history.OK), read("n2", "2", history.Failed)},
			Unknown, "after the load every member served, but some final reads were never answered: key 2 by n2"},
	} {
		h := &history.History{Ops: c.ops, Events: []history.Event{{Kind: history.Settled, Subject: "n1"}, {Kind: history.Phase, Subject: "final"}}}
		if r := Recovers(h); r.Verdict != c.want || r.Detail != c.detail {
			t.Errorf("%s: got %s: %s", c.name, r.Verdict, r.Detail)
		}
	}
}
