package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/plan"

	"github.com/reckon-bench/reckon/cmd/reckon/words"
	"github.com/reckon-bench/reckon/results"
)

// A flag is parsed once and given to every word that understands it, so it must mean the same to
// all.
func TestFlagsOfOneNameMeanTheSame(t *testing.T) {
	first := map[string]*pflag.Flag{}
	see := func(who string, fs *pflag.FlagSet) {
		fs.VisitAll(func(f *pflag.Flag) {
			g, ok := first[f.Name]
			if !ok {
				first[f.Name] = f
				return
			}
			if f.DefValue != g.DefValue || f.Usage != g.Usage || f.Value.Type() != g.Value.Type() {
				t.Errorf("%s: --%s is %s %q (%s), elsewhere %s %q (%s)", who, f.Name, f.Value.Type(), f.DefValue, f.Usage, g.Value.Type(), g.DefValue, g.Usage)
			}
		})
	}
	see("every run", plan.OptionFlags())
	for _, w := range words.All() {
		see(w.Kind+" "+w.Name, w.Flags)
	}
}

func TestWordsAreDocumented(t *testing.T) {
	if len(words.All()) == 0 {
		t.Fatal("no words")
	}
	for _, w := range words.All() {
		if w.Doc == "" || strings.HasSuffix(w.Doc, ".") {
			t.Errorf("%s %s: doc %q: want one sentence without a full stop", w.Kind, w.Name, w.Doc)
		}
	}
}

// The command line that a report shows makes the same plan again.
func TestCommandLineMakesTheSamePlan(t *testing.T) {
	words := plan.Words{System: "etcd", Topology: "wan", Workload: "uniform", Fault: "leader"}
	p, err := plan.New(words, plan.Flags{"link-loss": {"0.5"}, "etcd-flag": {"snapshot-count=100", "max-wals=3"}, "duration": {"90s"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "reckon etcd wan uniform leader --duration=1m30s --etcd-flag=snapshot-count=100 --etcd-flag=max-wals=3 --link-loss=0.5 --seed=1"
	if got := results.CommandLine(p); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
