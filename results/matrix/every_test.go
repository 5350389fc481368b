package matrix

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// newFault is a fault word that no matrix file names: one that somebody has just added.
const newFault = "new-fault"

func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: newFault, Doc: "does nothing, for tests", New: func(*pflag.FlagSet) reckon.Fault { return inert{} },
	})
}

type inert struct{}

func (inert) Strikes(reckon.Setting, *rand.Rand) []reckon.Strike { return nil }

// faultsOf are the fault words of the cells, each once, in order.
func faultsOf(cells []*Cell) (words []string) {
	for _, c := range cells {
		if !slices.Contains(words, c.Words.Fault) {
			words = append(words, c.Words.Fault)
		}
	}
	return words
}

// `all` is every registered word with which a run can be planned, and what it leaves out is noted
// with the reason.
func TestAllFaults(t *testing.T) {
	f, cells := parsed(t, "{system: etcd, topology: simple, workload: uniform, fault: all, flags: {number-nodes: 3, duration: 9s}}")
	var want, left []string
	for _, w := range reckon.Faults.Words() {
		words := plan.Words{System: "etcd", Topology: "simple", Workload: "uniform", Fault: w.Name}
		if _, err := plan.New(words, plan.Flags{"number-nodes": {"3"}, "duration": {"9s"}}); err != nil {
			left = append(left, fmt.Sprintf("m.yaml:1: fault: all leaves out %s: %v", w.Name, err))
		} else {
			want = append(want, w.Name)
		}
	}
	if got := faultsOf(cells); len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("all is %q, and a plan is made of %q", got, want)
	}
	if got := f.Notes(); len(left) < 3 || !slices.Equal(got, left) {
		t.Errorf("notes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(left, "\n"))
	}
}

// A word that some cell of the product can have is in all of its cells: one that cannot be planned
// is refused, and not left out in silence.
func TestAllIsPlannedEverywhere(t *testing.T) {
	const nodes = "{system: etcd, topology: simple, workload: uniform, fault: [leader, all], flags: {number-nodes: [5, 7]}"
	for text, want := range map[string]string{
		nodes + "}": "fault no-quorum-leader: 7 nodes",
		"{system: [etcd, etdc], topology: simple, workload: uniform, fault: all}": `unknown system "etdc"`,
	} {
		f, err := Parse("m.yaml", []byte(text))
		must(t, err)
		all, err := f.Cells()
		must(t, err)
		if err := f.Plan(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v", text, err)
		}
	}
	_, cells := parsed(t, nodes+", exclude: [{fault: [no-quorum-leader, constrained], number-nodes: 7}]}")
	if got := faultsOf(cells); got[0] != "leader" || len(cells) != 2*len(got)-2 {
		t.Errorf("%d cells of %q", len(cells), got)
	}
}

// `others` are the words that no product of the file names.
func TestOtherFaults(t *testing.T) {
	const text = `
system: etcd
topology: simple
workload: uniform
fault: [none, others]
include:
  - {fault: [leader, pause], flags: {duration: 9s}}
`
	f, cells := parsed(t, text)
	top := cells[:len(cells)-2]
	got := faultsOf(top)
	for _, w := range reckon.Faults.Words() {
		named := w.Name == "leader" || w.Name == "pause"
		noted := slices.ContainsFunc(f.Notes(), func(n string) bool { return strings.Contains(n, "others leaves out "+w.Name+": ") })
		if has := slices.Contains(got, w.Name); has != (!named && !noted) {
			t.Errorf("%s is among the others: %t; named %t, left out %t", w.Name, has, named, noted)
		}
	}
	if got[0] != "none" {
		t.Errorf("the words that are named do not come first: %q", got)
	}
}

// Whoever excludes, limits or expects something of a word that `all` brings need not name it
// elsewhere.
func TestAllMeetsPartialCells(t *testing.T) {
	_, cells := parsed(t, `
system: etcd
topology: simple
workload: uniform
fault: all
exclude: [{fault: [corrupt-data, leader]}] # the first would be left out anyway
thresholds: [{where: {fault: pause}, max_ttr_ms: 5}]
expect: {invalid: [{fault: new-fault}]}
`)
	for _, c := range cells {
		w := c.Words.Fault
		if w == "corrupt-data" || w == "leader" || (len(c.Limits()) == 1) != (w == "pause") || c.MustFail != (w == newFault) {
			t.Errorf("%s: limits %v, must fail %t", c.Name, c.Limits(), c.MustFail)
		}
	}
}

// With trials, a word that the product does not suit runs with the flags and workload that it states
// itself, on every system of the product; planted damage must be found. Exclusions hold for it too.
func TestTrials(t *testing.T) {
	const text = `
system: [etcd, etcd-no-pre-vote]
topology: simple
workload: uniform
fault: [none, others]
flags: {number-nodes: 3, failure-timeout: 500ms, duration: 9s}
trials: true
exclude: [{fault: timeline, system: etcd}]
include:
  - {fault: [leader, pause]}
`
	f, cells := parsed(t, text)
	if len(f.Notes()) > 0 {
		t.Errorf("left out: %q", f.Notes())
	}
	_, plain := parsed(t, strings.NewReplacer("trials: true\n", "", "exclude: [{fault: timeline, system: etcd}]\n", "").Replace(text))
	had := faultsOf(plain)
	tried := map[string]int{}
	for _, c := range cells {
		if slices.Contains(had, c.Words.Fault) {
			continue
		}
		tried[c.Words.Fault]++
		w, err := reckon.Faults.Lookup(c.Words.Fault)
		must(t, err)
		trial := w.New(pflag.NewFlagSet("", pflag.ContinueOnError)).(reckon.Trialer).Trial()
		want := plan.Flags{"number-nodes": {"3"}, "failure-timeout": {"500ms"}, "duration": {"9s"}}
		for name, values := range trial.Flags {
			want[name] = values
		}
		if load := cmp.Or(trial.Workload, "uniform"); c.Words.Workload != load || !maps.EqualFunc(c.Flags, want, slices.Equal) || c.MustFail != trial.Invalid {
			t.Errorf("%s under %s with %v, must fail %t; want %s, %v, %t", c.Words.Fault, c.Words.Workload, c.Flags, c.MustFail, load, want, trial.Invalid)
		}
	}
	want := map[string]int{"churn": 2, "constrained": 2, "corrupt-data": 2, "kill-worker": 2, "no-quorum-leader": 2, "quorum-loss": 2, "ring": 2, "timeline": 1}
	if !maps.Equal(tried, want) {
		t.Errorf("tried are %v, want %v", tried, want)
	}
	if _, err := Parse("m.yaml", []byte(strings.Replace(text, "true", "maybe", 1))); err == nil || err.Error() != "m.yaml:7: trials maybe: want true or false" {
		t.Errorf("trials: maybe gave %v", err)
	}
}

func TestAllIsRefused(t *testing.T) {
	const head = "system: etcd\ntopology: simple\nworkload: uniform\n"
	for _, tc := range []struct{ text, want string }{
		{head + "fault: [all, others]", `m.yaml:4: fault: "all" and "others": want one of all and others, once`},
		{head + "fault: [all, all]", `m.yaml:4: fault: "all" and "all": want one of all and others, once`},
		{strings.Replace(head, "etcd", "etdc", 1) + "fault: all", `m.yaml:4: fault: all: no fault is left: bridge: unknown system "etdc"`},
		{head + "fault: all\nflags: {duration: 1h, rate: [" + strings.Repeat("1, ", 3) + "2]}", `m.yaml:5: rate: "1" is given twice`},
		{head + "fault: all\nrepeats: 10000\nflags: {rate: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}", "m.yaml:1: more than 100000 cells"},
	} {
		f, err := Parse("m.yaml", []byte(tc.text))
		if err == nil {
			_, err = f.Cells()
		}
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s\ngave %v\nwant %s", tc.text, err, tc.want)
		}
	}
	for _, name := range []string{allWords, otherWords} {
		if _, err := reckon.Faults.Lookup(name); err == nil {
			t.Errorf("the fault %s cannot be named in a matrix file", name)
		}
	}
}

// A fault word that is new has its cells in the nightly at once, and changes no cell of another.
func TestNightlyTakesNewFaults(t *testing.T) {
	text, err := os.ReadFile("../../scripts/nightly.yaml")
	must(t, err)
	f, with := parsed(t, string(text))
	if len(f.Notes()) > 0 {
		t.Errorf("left out: %q", f.Notes())
	}
	_, without := parsed(t, strings.ReplaceAll(string(text), ", others]", "]"))
	named := f.namedFaults()
	arguments := func(cells []*Cell) (all []string) {
		for _, c := range cells {
			if _, err := reckon.Faults.Lookup(c.Words.Fault); err != nil || named[c.Words.Fault] { // in a list with others, or named
				all = append(all, strings.Join(c.Arguments(), " "))
			}
		}
		return all
	}
	if a, b := arguments(with), arguments(without); len(b) < 85 || !slices.Equal(a, b) {
		t.Errorf("%d cells of named faults, and %d where no others are asked for", len(a), len(b))
	}
	var got []string
	for _, c := range with {
		if c.Words.Fault == newFault {
			got = append(got, c.Words.String())
		}
	}
	want := []string{"etcd simple uniform", "etcd@v3.5.35 wan uniform,kibishii", "etcd@v3.6.16 simple uniform"}
	for i := range want {
		want[i] += " " + newFault
	}
	if !slices.Equal(got, want) {
		t.Errorf("the new fault has the cells %q, want %q", got, want)
	}
}
