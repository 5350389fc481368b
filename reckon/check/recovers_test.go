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

// Members are only believed to have settled where operations through each of them show it.
func TestRecoversByWhatClientsWereAnswered(t *testing.T) {
	probe := func(member string, k history.Kind, o history.Outcome, at time.Duration) history.Op {
		return history.Op{Stage: history.Probing, Client: "c1", Kind: k, Key: history.ServingKey, Via: member, Outcome: o, Call: at, Return: at + 1}
	}
	const before, after = 9 * time.Second, 11 * time.Second
	read, write, ok, failed := history.Read, history.Write, history.OK, history.Failed
	for _, c := range []struct {
		name    string
		members int
		ops     []history.Op
		want    Verdict
		detail  string
	}{
		{"both answer", 2, []history.Op{probe("n1", read, ok, after), probe("n2", read, failed, after), probe("n2", read, ok, after), probe("n2", write, ok, after)},
			Valid, "after the load every member served, and one leader stayed"},
		{"a member that believes in a leader answers nobody", 2, []history.Op{probe("n1", read, ok, after), probe("n2", read, failed, after)},
			Unknown, "the members are recorded to have settled, but only of 1 of 2 a client was answered"},
		{"a member answered before the load ended, and not since", 2, []history.Op{probe("n1", read, ok, after), probe("n2", read, ok, before)},
			Unknown, "the members are recorded to have settled, but only of 1 of 2 a client was answered"},
		{"a member was not asked", 2, []history.Op{probe("n1", read, ok, after)},
			Unknown, "the members are recorded to have settled, but only of 1 of 2 a client was answered"},
		{"a member answers reads, and acknowledges no write", 2, []history.Op{probe("n1", read, ok, after), probe("n2", read, ok, after), probe("n2", write, failed, after)},
			Unknown, "the members are recorded to have settled, but no write through n2 was acknowledged"},
		{"one at the second try", 1, []history.Op{probe("n1", read, ok, after), probe("n1", write, history.Unknown, after), probe("n1", write, ok, after)},
			Valid, "after the load every member served, and one leader stayed"},
		{"operations of the load show nothing", 1, []history.Op{{Stage: history.Load, Via: "n1", Outcome: ok, Call: after, Return: after}},
			Unknown, "the members are recorded to have settled, but only of 0 of 1 a client was answered"},
		{"a record of before members were asked", 0, nil, Valid, "after the load every member served, and one leader stayed"},
	} {
		settled := history.NewServing("n1", c.members)
		if c.members == 0 {
			settled.Data = nil
		}
		h := &history.History{Ops: c.ops, Events: []history.Event{history.NewPhase("settle").When(10 * time.Second), settled}}
		if r := Recovers(h); r.Verdict != c.want || r.Detail != c.detail {
			t.Errorf("%s: got %s: %s", c.name, r.Verdict, r.Detail)
		}
	}
	leaderless := &history.History{Ops: []history.Op{probe("n1", read, ok, after)}, Events: []history.Event{history.NewServing("", 1)}}
	if r := Recovers(leaderless); r.Verdict != Valid || r.Detail != "after the load every member served" {
		t.Errorf("a store without a leader: %s: %s", r.Verdict, r.Detail)
	}
}

// Operations that ask whether members serve, and their changes, are no part of what the other checks
// judge: a lie about them changes no verdict.
func TestProbesAreNoLoad(t *testing.T) {
	write := history.Op{Client: "c1", Kind: history.Write, Key: "k", Value: "a", Call: 1, Return: 2, Outcome: history.OK, Revision: 2}
	read := history.Op{Client: "c1", Key: "k", Value: "a", Call: 3, Return: 4, Outcome: history.OK, Revision: 2, Version: 1}
	h := &history.History{Ops: []history.Op{write, read}, Changes: []history.Change{{Revision: 2, Version: 1, Key: "k", Value: "a"}},
		Events: []history.Event{history.NewPhase("done")}}
	want := []Result{Durable(h), Linearizable(t.Context(), h, Bounds{})}
	probe := history.Op{Stage: history.Probing, Client: "c1", Process: 0, Kind: history.Write, Key: history.ServingKey, Value: "a", Call: 1, Return: 2, Outcome: history.OK, Revision: 3}
	stale := probe
	stale.Kind, stale.Value, stale.Call, stale.Return = history.Read, "never written", 5, 6
	h.Ops = append(h.Ops, probe, stale)
	h.Changes = append(h.Changes, history.Change{Revision: 9, Version: 7, Key: history.ServingKey, Value: "b"})
	for i, got := range []Result{Durable(h), Linearizable(t.Context(), h, Bounds{})} {
		if want[i].Verdict != Valid || got.Verdict != Valid || got.Detail != want[i].Detail {
			t.Errorf("with probes %s\nwithout     %s", got, want[i])
		}
	}
}
