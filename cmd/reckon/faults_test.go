package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// everyFault is the variable that has TestFaults strike with every word; without it, with one of
// each mechanism.
const everyFault = "RECKON_EVERY_FAULT"

// A blow is a run with a fault, and what it must do to a real etcd.
type blow struct {
	words   string   // system and fault, with flags
	flags   []string // more of them, each with its value after it
	load    string   // the workload; "": uniform
	nodes   int      // 0: as the flags among the words say
	strikes int      // how many there are, at least
	invalid bool     // the verdict must be invalid
	each    bool     // it is one of those that every test run has: one of each mechanism
	want    []effect
}

// An effect is what must be seen of a fault; why says what was seen instead, "" where it was.
type effect struct {
	name string
	seen func(s results.Summary) (why string)
}

// Effects. None is about how fast anything is: a machine that is slow is no defect of etcd.
var (
	// unseats: another leader, or another term, after the strike.
	unseats = effect{"unseats the leader", func(s results.Summary) string {
		if s.Leaders.Changes == 0 {
			return "the leader stayed"
		}
		return ""
	}}
	// keeps: whoever led when it struck still did when it was healed.
	keeps = effect{"leaves the leader alone", func(s results.Summary) string {
		struck, healed := window(s)
		for _, l := range s.Leaders.List {
			if l.At > struck && l.At < healed {
				return fmt.Sprintf("%q led from %.2f s on, in term %d", l.Node, l.At, l.Term)
			}
		}
		return ""
	}}
	// unseatsAtTheHeal: the outage comes when the cut is over (Jensen, etcd-io/raft#86).
	unseatsAtTheHeal = effect{"unseats the leader at the heal", func(s results.Summary) string {
		_, healed := window(s)
		if len(s.Leaders.List) == 0 || s.Leaders.List[len(s.Leaders.List)-1].At < healed {
			return fmt.Sprintf("healed at %.2f s, and led: %v", healed, s.Leaders.List)
		}
		return ""
	}}
	// downUntilHealed: nothing was acknowledged in the second half of the strike, nor before it was
	// healed.
	downUntilHealed = effect{"is down until the heal", func(s results.Summary) string {
		struck, healed := window(s)
		if g := s.Unavailability.Gap; g[0] > (struck+healed)/2 || g[1] < healed {
			return fmt.Sprintf("struck from %.2f to %.2f s, and nothing acknowledged only from %.2f to %.2f s", struck, healed, g[0], g[1])
		}
		return ""
	}}
	// answers: something was acknowledged while it was struck, long after the strike: not all of
	// its second half was a gap.
	answers = effect{"answers again before the heal", func(s results.Summary) string {
		if downUntilHealed.seen(s) == "" {
			return fmt.Sprintf("nothing acknowledged from %.2f to %.2f s", s.Unavailability.Gap[0], s.Unavailability.Gap[1])
		}
		return ""
	}}
	// neverBack: service did not come back before the load ended, so the time to recover is not
	// known.
	neverBack = effect{"is down until the load ends, censored", func(s results.Summary) string {
		u := s.Unavailability
		if i := len(u.TTR) - 1; i < 0 || u.TTR[i] != nil || !u.Censored[i] {
			return fmt.Sprintf("time to recover %v, censored %v", u.TTR, u.Censored)
		}
		return ""
	}}
)

// window is from the first strike to the last heal, in seconds since the start of the load.
func window(s results.Summary) (struck, healed float64) {
	if s.FaultFrom == nil || s.FaultTo == nil {
		return 0, 0
	}
	return *s.FaultFrom, *s.FaultTo
}

var blows = []blow{
	{words: "etcd none", nodes: 3},
	{words: "etcd leader", nodes: 3, strikes: 1, want: []effect{unseats, answers}},
	{words: "etcd leader-only", nodes: 3, strikes: 1, want: []effect{unseats, answers}},
	{words: "etcd pause", nodes: 3, strikes: 1, each: true, want: []effect{unseats, answers}},
	{words: "etcd kill-n", nodes: 3, strikes: 1, want: []effect{answers}},
	{words: "etcd kill-n --kill-n 2", nodes: 3, strikes: 1, each: true, want: []effect{neverBack}},
	{words: "etcd restart-all", nodes: 3, strikes: 1, want: []effect{unseats, downUntilHealed}},
	{words: "etcd rolling --fault-at 1s --fault-for 6s", nodes: 3, strikes: 3, want: []effect{unseats}},
	{words: "etcd partial-partition", nodes: 3, strikes: 1, each: true, want: []effect{keeps, answers}},
	{words: "etcd partial-partition --cut reset", nodes: 5, strikes: 1, want: []effect{answers}},
	{words: "etcd-no-pre-vote partial-partition", nodes: 3, strikes: 1, want: []effect{keeps, unseatsAtTheHeal, answers}},
	{words: "etcd intermittent-partial --mtbf 500ms", nodes: 3, strikes: 3, want: []effect{answers}},
	{words: "etcd intermittent-full --mtbf 500ms --cut reset", nodes: 3, strikes: 3, want: []effect{answers}},
	{words: "etcd isolate", nodes: 3, strikes: 1, want: []effect{unseats, answers}},
	{words: "etcd isolate --cut link-down", nodes: 3, strikes: 1, each: true, want: []effect{unseats, answers}},
	{words: "etcd isolate-follower --cut reset", nodes: 3, strikes: 1, each: true, want: []effect{answers}},
	{words: "etcd one-way", nodes: 3, strikes: 1, want: []effect{unseats, answers}},
	{words: "etcd one-way-in", nodes: 3, strikes: 1, want: []effect{unseats, answers}},
	{words: "etcd majority", nodes: 3, strikes: 1, want: []effect{answers}},
	{words: "etcd ring", nodes: 5, strikes: 1, want: []effect{answers}},
	{words: "etcd bridge", nodes: 3, strikes: 1, want: []effect{answers}},
	{words: "etcd quorum-loss", nodes: 5, strikes: 1, want: []effect{unseats}},
	{words: "etcd constrained", nodes: 5, strikes: 2, want: []effect{unseats, downUntilHealed}},
	{words: "etcd chained", nodes: 3, strikes: 1, want: []effect{keeps, answers}},
	{words: "etcd no-quorum-leader", nodes: 5, strikes: 1, want: []effect{unseats}},
	{words: "etcd flaky-link", nodes: 3, strikes: 1, each: true, want: []effect{answers}},
	{words: "etcd slow-link", nodes: 3, strikes: 1, want: []effect{answers}},
	{words: "etcd lossy", nodes: 3, strikes: 1, want: []effect{answers}},
	{words: "etcd churn --churn-slot 2s --fault-at 1s --fault-for 6s", nodes: 3, strikes: 3},
	{words: "etcd leader,lossy", nodes: 3, strikes: 2, want: []effect{unseats, answers}},
	{words: `etcd --faults [{"fault":"leader","target":"follower","at":2,"for":3},{"fault":"pause","at":3,"for":3}]`, nodes: 5, strikes: 2, want: []effect{unseats}},
}

// TestFaults strikes a real etcd and wants the run to be valid, each strike to be seen in effect
// and healed, and its effect. It has one fault of each mechanism, and all of them with
// RECKON_EVERY_FAULT=1 (make test-faults).
func TestFaults(t *testing.T) {
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	for _, b := range append(slices.Clone(blows), otherBlows(t)...) {
		t.Run(strings.ReplaceAll(b.words, " ", "_"), func(t *testing.T) {
			if os.Getenv(everyFault) == "" && !b.each {
				t.Skip("make test-faults strikes with it")
			}
			strike(t, b)
		})
	}
}

// strike runs the blow and judges what came of it.
func strike(t *testing.T, b blow) {
	s := struckRun(t, b)
	t.Logf("leader changes %d, nothing acknowledged from %.2f to %.2f s at the longest, settled after %s", s.Leaders.Changes, s.Unavailability.Gap[0], s.Unavailability.Gap[1], moment(s.Settle))
	if want := map[bool]results.Status{false: results.StatusValid, true: results.StatusInvalid}[b.invalid]; s.Verdict != want {
		t.Fatalf("%s, want %s: %s %v %v", s.Verdict, want, s.Reason, s.Harness, s.Checks)
	}
	if len(s.Strikes) < b.strikes || b.strikes == 0 && len(s.Strikes) > 0 {
		t.Errorf("%d strikes, want %d", len(s.Strikes), b.strikes)
	}
	for _, k := range s.Strikes {
		t.Logf("%s, %s to %s: %v", k.Detail, moment(k.Struck), moment(k.Healed), k.Seen)
		if k.Struck == nil || k.Healed == nil || !k.Verified {
			t.Errorf("%s: not seen to strike and to heal: %s", k.Name, k.Missed)
		}
	}
	for _, e := range b.want {
		if why := e.seen(s); why != "" {
			t.Errorf("%s: want that it %s; %s", b.words, e.name, why)
		}
	}
}

// moment is a time since the start of the load.
func moment(s *float64) string {
	if s == nil {
		return "never"
	}
	return fmt.Sprintf("%.2f s", *s)
}

// struckRun is the summary of the blow's run, which is repeated, twice at most, where its only
// defect is that this machine was too busy to keep time. Its election timeout is so short that two
// elections, should the votes of the first be split, end within the strike, and so long that a load
// generator which lags by 50 ms is no defect.
func struckRun(t *testing.T, b blow) (s results.Summary) {
	command := b.command()
	for i, w := range command { // as long in election timeouts on any machine
		if d, err := time.ParseDuration(w); err == nil {
			command[i] = (time.Duration(slowness(t)) * d).String()
		}
	}
	return recorded(t, append(command, "--result-location"))
}

// command returns the words and flags of the blow's run.
func (b blow) command() []string {
	words := append(strings.Fields(b.words), b.flags...)
	command := []string{words[0], "simple", cmp.Or(b.load, "uniform")}
	for _, f := range []string{"number-nodes 3", "duration 9s", "failure-timeout 500ms", "op-timeout 1s", "link-latency 2ms"} {
		name, value, _ := strings.Cut(f, " ")
		if name == "number-nodes" && b.nodes != 0 {
			value = fmt.Sprint(b.nodes)
		}
		if !slices.Contains(words, "--"+name) { // a trial may have its own
			words = append(words, "--"+name, value)
		}
	}
	return append(command, words[1:]...)
}

// recorded is the summary of what the command runs; its last word takes the directory.
func recorded(t *testing.T, command []string) (s results.Summary) {
	for try := range 3 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint("run", try))
		out, err := exec.Command(commandLink(t), append(command, dir)...).CombinedOutput()
		text, rerr := os.ReadFile(filepath.Join(dir, "summary.json"))
		if rerr != nil {
			t.Fatalf("%v: %v, %v\n%s", command, err, rerr, out)
		}
		s = results.Summary{}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		if !tooBusy(dir) {
			return s
		}
		t.Logf("this machine was too busy; again: %v", s.Harness)
	}
	return s
}

// otherBlows are one for every word that neither the blows above nor TestFaultsOnWorkers have: the
// word alone on three nodes, or its own trial where it states one.
func otherBlows(t *testing.T) (all []blow) {
	for _, w := range reckon.Faults.Words() {
		tried := slices.ContainsFunc(blows, func(b blow) bool {
			return slices.Contains(strings.FieldsFunc(b.words, func(r rune) bool { return r == ' ' || r == ',' }), w.Name)
		})
		tried = tried || slices.Contains(crewFaults, w.Name)
		if !tried && w.Name != fileWord() { // which has a word of its own, --faults
			all = append(all, blowOf(w))
		}
	}
	return all
}

// blowOf is what a word does that nobody says anything about: it strikes once at least, is seen to
// and heals, and the run is valid.
func blowOf(w reckon.Word[reckon.Fault]) blow {
	b := blow{words: "etcd " + w.Name, strikes: 1}
	if f, ok := w.New(pflag.NewFlagSet(w.Name, pflag.ContinueOnError)).(reckon.Trialer); ok {
		trial := f.Trial()
		b.load, b.invalid = trial.Workload, trial.Invalid
		for _, name := range slices.Sorted(maps.Keys(trial.Flags)) {
			for _, v := range trial.Flags[name] {
				b.flags = append(b.flags, "--"+name, v)
			}
		}
	}
	return b
}

// Every word can be struck with though no test names it: alone on three nodes, or by the trial that
// it states.
func TestEveryFaultCanBeTried(t *testing.T) {
	for _, w := range reckon.Faults.Words() {
		command := blowOf(w).command()
		given := plan.Flags{}
		for i := 4; i < len(command); i += 2 {
			name := strings.TrimPrefix(command[i], "--")
			given[name] = append(given[name], command[i+1])
		}
		p, err := plan.New(plan.Words{System: command[0], Topology: command[1], Workload: command[2], Fault: command[3]}, given)
		if err != nil {
			t.Errorf("%s: %v; a fault that three nodes under uniform do not suit needs a Trial", w.Name, err)
		} else if len(p.Strikes) == 0 && w.Name != "none" {
			t.Errorf("%s strikes nothing in %v", w.Name, command)
		}
	}
}
