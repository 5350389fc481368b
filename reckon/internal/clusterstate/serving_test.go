package clusterstate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A script is what is observed of n1, n2 and n3, a line each, in seconds: "leads n1 0.5" (all nodes
// say so), "read n3 4.2 4.3" and "write ..." (called, answered), "noread n3 5 7" (called, given up),
// "cut n3 5", "uncut n3 9", "kill n3 5", "pause n3 5", "release n3 9". "settled NOW ASKED" and "events"
// print what follows.
func transcript(s reckon.Serving, script string) string {
	m := NewMonitor(s, time.Second)
	for _, n := range []string{"n1", "n2", "n3"} {
		m.Add(n)
		m.Ran(n)
	}
	var out strings.Builder
	say := func(events []history.Event) {
		for _, e := range events {
			if e.Kind == history.Served {
				n, _ := e.Strike()
				fmt.Fprintf(&out, "%s served at %v, %v after strike %d\n", e.Subject, e.At, e.After(), n)
			}
		}
	}
	for line := range strings.Lines(script) {
		var do, node string
		var from, to float64
		if n, _ := fmt.Sscan(line, &do, &node, &from, &to); n < 3 {
			continue
		}
		at := func(s float64) time.Duration { return time.Duration(s * 1e9) }
		layers := link.Cut([]string{node}, []string{"n1", "n2", "c1"}).Layers()
		switch do {
		case "leads":
			for _, n := range []string{"n1", "n2", "n3"} {
				say(m.Saw(at(from), n, reckon.Status{Ready: true, Leader: n == node, Term: 2}, nil))
			}
		case "read", "noread", "write", "nowrite":
			kind, ok := history.Read, !strings.HasPrefix(do, "no")
			if strings.HasSuffix(do, "write") {
				kind = history.Write
			}
			say(m.Answered(Answer{node, kind, ok, at(from), at(to)}))
		case "uncut":
			say(m.Healed(history.NewRestored(0, layers, "").When(at(from))))
		case "kill":
			say(m.Killed(at(from), node))
		case "release":
			say(m.Healed(history.NewReleased(1, node, history.Dead).When(at(from))))
		case "settled":
			var asked float64
			fmt.Sscan(node, &asked)
			_, _, why := m.Ask(func(v View) error { return v.Settled(at(from), at(asked)) })
			if why == nil {
				fmt.Fprintf(&out, "settled since %v\n", m.Steady())
			} else {
				fmt.Fprintln(&out, why)
			}
		}
	}
	return out.String()
}

// serving is a read and a write through n1 and n2 at that second.
func serving(at string) string {
	return strings.ReplaceAll("read n1 @ @\nwrite n1 @ @\nread n2 @ @\nwrite n2 @ @\n", "@", at)
}

func TestWhoServes(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"all are answered", "leads n1 1\n" + serving("5") + "read n3 5 5\nwrite n3 5 5\nleads n1 6\nsettled 4 6", "settled since 5s\n"},
		{"n3 believes in a leader, and answers no client: it does not serve",
			"leads n1 1\n" + serving("5") + "noread n3 5 7\nleads n1 8\nsettled 4 8", "n3 does not serve: a get through it alone is not answered\n"},
		{"n3 answered before it was asked, and not since",
			"leads n1 1\nread n3 3 3\nwrite n3 3 3\n" + serving("5") + "leads n1 6\nsettled 4 6", "n3 does not serve: a get through it alone is not answered\n"},
		{"n3 answers reads alone", "leads n1 1\n" + serving("5") + "read n3 5 5\nnowrite n3 5 6\nleads n1 8\nsettled 4 8", "n3 does not serve: a write through it alone is not acknowledged\n"},
		{"a write is acknowledged in the end: that is when it settled",
			"leads n1 1\n" + serving("5") + "read n3 5 5\nnowrite n3 5 6\nwrite n3 7 7\nleads n1 8\nsettled 4 8", "settled since 7s\n"},
		{"the first write is asked for at settling: it is no later for that",
			"leads n1 1\nread n3 3 3\n" + serving("9") + "read n3 9 9\nwrite n3 9 9\nleads n1 9\nsettled 9 9", "settled since 9s\n"},
		{"an operation from within a cut is given up after others were answered: n3 serves all the same",
			"leads n1 1\n" + serving("5") + "noread n3 2 4\nread n3 5 5\nwrite n3 5 5\nnoread n3 3 8\nleads n1 9\nsettled 4 9", "settled since 5s\n"},
		{"one is answered that was called before another that was given up earlier", // as in TCP's back-off
			"leads n1 1\nread n3 2 2\nnoread n3 4 5\nread n3 3 6\nwrite n3 6 6\n" + serving("6") + "read n3 7 7\nleads n1 7\nsettled 6 7", "settled since 6s\n"},
		{"nobody leads", serving("5") + "read n3 5 5\nwrite n3 5 5\nleads nobody 6\nsettled 4 6", "no node leads\n"},
		{"the leader is new", serving("5") + "read n3 5 5\nwrite n3 5 5\nleads n1 6\nsettled 4 7", "n1 has led for 1s only\n"},
		{"who leads has not been asked since", "leads n1 1\n" + serving("5") + "read n3 5 5\nwrite n3 5 5\nsettled 4 8", "n1 has not been asked who leads since\n"},
		{"a killed node has to be answered anew",
			"leads n1 1\n" + serving("5") + "read n3 5 5\nwrite n3 5 5\nkill n3 6\nleads n1 8\nsettled 4 8", "n3 does not serve: a get through it alone is not answered\n"},

		{"n3 is cut off, and answers long after the heal; n1 and n2, whose links changed as well, served all along",
			"read n1 4 4\nread n2 4 4\nread n3 4 4\nnoread n3 5 7\nread n1 13.8 13.8\nread n2 13.8 13.8\nread n1 13.9 13.9\nread n2 13.9 13.9\nuncut n3 14\nread n1 14.1 14.1\nread n2 14.1 14.1\nnoread n3 14.2 16\nread n3 28 28.4\nread n3 30 30",
			"n3 served at 28.4s, 14.4s after strike 0\n"},
		{"an operation from before the heal is answered after it", "read n3 4 4\nuncut n3 14\nread n3 13 14.5", "n3 served at 14.5s, 500ms after strike 0\n"},
		{"the answer comes as the heal is recorded", "read n3 4 4\nread n3 13.95 13.98\nuncut n3 14\nread n3 14.1 14.1", "n3 served at 13.98s, 0s after strike 0\n"},
		{"it was back before the heal", "read n3 4 4\nread n3 9 9\nuncut n3 9.5\nread n3 9.6 9.6", ""},
		{"a killed one is reported however soon it is back", "read n3 4 4\nkill n3 4.1\nrelease n3 4.2\nread n3 4.3 4.5", "n3 served at 4.5s, 300ms after strike 1\n"},
		{"killed and cut off: each strike has its own heal", "read n3 4 4\nkill n3 5\nuncut n3 8\nrelease n3 9\nread n3 10 11", "n3 served at 11s, 3s after strike 0\nn3 served at 11s, 2s after strike 1\n"},
		{"a failed write does not mean that it serves", "read n3 4 4\nuncut n3 14\nnowrite n3 15 16", ""},
	} {
		if got := transcript(reckon.Serving{Read: "a get"}, c.script); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
	if got := transcript(reckon.Serving{Leaderless: true, ReadOnly: true}, "read n1 5 5\nread n2 5 5\nread n3 5 6\nsettled 4 7"); got != "settled since 6s\n" {
		t.Errorf("a store without a leader that takes no writes: %q", got)
	}
}
