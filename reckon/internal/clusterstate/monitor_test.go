package clusterstate

import (
	"errors"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
)

func TestWhoLeads(t *testing.T) {
	m := NewMonitor()
	for _, n := range []string{"n1", "n2", "n3"} {
		m.Add(n)
		m.Ran(n)
	}
	now := time.Duration(0)
	see := func(name string, leads bool, term uint64) {
		now += time.Second
		m.Saw(now, name, reckon.Status{Ready: true, Leader: leads, Term: term}, nil)
	}
	want := func(what, node string, term uint64) {
		t.Helper()
		if m.Leading() != (Leading{node, term}) {
			t.Errorf("%s: %v leads", what, m.Leading())
		}
	}
	see("n1", true, 2)
	want("one claims", "n1", 2)
	see("n2", true, 3)
	want("an old leader that has not heard yet claims too", "n2", 3)
	see("n3", true, 3)
	want("a term has one leader: the second claim is a member in mid-election", "n2", 3)
	see("n2", false, 4)
	see("n3", true, 4)
	want("the next term", "n3", 4)
	m.Saw(now, "n3", reckon.Status{}, errors.New("deadline exceeded"))
	want("an answer that is late is no election", "n3", 4)
	if m.Node("n3").Up {
		t.Error("a node that does not answer is up")
	}
	see("n1", false, 4)
	see("n3", false, 4)
	want("none", "", 0)
	see("n3", true, 4)
	want("who stepped down is elected again, and answers with the term before", "", 0)
	see("n3", true, 6)
	want("and then with its own", "n3", 6)
}
