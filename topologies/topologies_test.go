package topologies_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
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
			fmt.Fprintf(&b, "%s beside %s\n", c, l.Beside[c])
		}
		b.WriteString(l.Links.Table())
		return b.String()
	})
}
