package topologies_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	_ "github.com/reckon-bench/reckon/topologies"
)

// Example:
//
//	layout wan --number-nodes=2
func TestLayouts(t *testing.T) {
	datadriven.RunTest(t, "testdata/layouts.txt", func(t *testing.T, d *datadriven.TestData) string {
		if d.Cmd != "layout" {
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		w, err := reckon.Topologies.Lookup(d.CmdArgs[0].Key)
		if err != nil {
			return err.Error()
		}
		fs := pflag.NewFlagSet(w.Name, pflag.ContinueOnError)
		topology := w.New(fs)
		if err := fs.Parse(strings.Fields(d.Input)); err != nil {
			return err.Error()
		}
		l, err := topology.Layout()
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		fmt.Fprintf(&b, "nodes %v clients %v\n", l.Nodes, l.Clients)
		for _, c := range l.Clients {
			fmt.Fprintf(&b, "%s beside %s\n", c, l.Nearest[c])
		}
		b.WriteString(l.Links.Table())
		return b.String()
	})
}

// What a flag says of itself makes the same layout again, without any file: a recorded plan is made
// of it.
func TestFlagsPrintWhatTheyTake(t *testing.T) {
	for _, line := range []string{
		"",
		"--link-rate=2.5mbit --link-burst=1,25 --link-duplicate=0.5 --link-corrupt=1 --link-reorder=2",
		"--link-rate=1500 --link-burst=0.3,20,90,0.1 --link-jitter=3 --link-distribution=pareto",
		"--link-distribution=testdata/delays.txt",
		"--link-distribution=testdata/delays.txt --link-latency=0.3s --link-loss=7",
		"--wan-matrix=public-cloud",
		"--wan-regions=tokyo,madrid,osaka",
		"--wan-matrix=testdata/two.csv --wan-regions=west,east,west",
		"--wan-matrix=one-way,a,b;a,,0.1;b,33.3333333,7 --number-nodes=2 --link-jitter=0.05",
	} {
		w, err := reckon.Topologies.Lookup("wan")
		if err != nil {
			t.Fatal(err)
		}
		first, again := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
		one, other := w.New(first), w.New(again)
		if err := first.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		first.VisitAll(func(f *pflag.Flag) {
			v := f.Value.String()
			if s, ok := f.Value.(pflag.SliceValue); ok {
				v = strings.Join(s.GetSlice(), ",")
			}
			if strings.Contains(v, "testdata") {
				t.Errorf("%s: --%s says %s, which is a file", line, f.Name, v)
			}
			if v != "" {
				if err := again.Set(f.Name, v); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		})
		want, err := one.Layout()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got, err := other.Layout()
		if err != nil {
			t.Fatalf("%s, again: %v", line, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}
