package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"testing"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// What was not measured is empty, and not the number 0: a fault was injected, and no operation was
// offered.
func TestNothingOfferedIsNotAvailable(t *testing.T) {
	s := results.Summary{Verdict: results.StatusValid, Strikes: []results.Strike{{Fault: "leader", Struck: new(float64)}}}
	s.Unavailability.TTR, s.Unavailability.Censored = []*float64{nil}, []bool{false}
	c := index.Cells([]*matrix.Cell{{Name: "c"}})[0]
	c.State, c.Outcome = index.Finished, index.Judge(c, s)
	if m := c.Outcome.Metrics; m.Unavailability != nil || m.TTR != nil || m.Censored {
		t.Errorf("metrics %+v", m)
	}
	x := &index.Index{Cells: []*index.Cell{c}}
	b, err := CSV(x)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.Index(rows[0], "unavailability_ms"); rows[1][i] != "" {
		t.Errorf("unavailability %q", rows[1][i])
	}
	if l := newLine(c, nil); l.Unavailable != "" {
		t.Errorf("the page says %q", l.Unavailable)
	}
	if s := x.Groups()[0].Show(index.Outage); s != "" {
		t.Errorf("the configuration says %q", s)
	}
}
