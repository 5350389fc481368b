package judge

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/premise"
	"github.com/reckon-bench/reckon/results/summary"
)

var update = flag.Bool("update", false, "write the table of lies anew")

// liesTable is where the table of lies is kept.
const liesTable = "../../docs/premises.md"

// A subject is a recorded run about which lies are told.
type subject struct {
	name   string
	p      *plan.Plan
	file   results.PlanFile
	honest *history.History
}

func subjectsOf(t *testing.T) (all []subject) {
	t.Helper()
	for _, pattern := range []string{"testdata/recorded/*", "testdata/runs/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no recorded run is in %s: %v", pattern, err)
		}
		for _, path := range paths {
			dir, err := results.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			p, file, err := dir.Plan()
			if err != nil {
				t.Fatal(err)
			}
			h, _, err := dir.History()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, subject{filepath.Base(path), p, file, h})
		}
	}
	return all
}

// history returns a copy of what was recorded.
func (s subject) history(t *testing.T) *history.History {
	h := history.History{Ops: slices.Clone(s.honest.Ops), Events: slices.Clone(s.honest.Events), Changes: slices.Clone(s.honest.Changes)}
	for i := range h.Events {
		h.Events[i].Data, h.Events[i].Overlay = maps.Clone(h.Events[i].Data), slices.Clone(h.Events[i].Overlay)
	}
	b, err := json.Marshal(s.honest.Passes)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &h.Passes); err != nil {
		t.Fatal(err)
	}
	return &h
}

// verdict judges the history as Conclude does, with the checks in this process.
func (s subject) verdict(t *testing.T, h *history.History) (results.Status, string) {
	in := summary.InfoOfPlan(s.p, s.file, nil)
	in.Premises = premise.Violated(s.p, h)
	for _, d := range in.Premises {
		violated[d.Premise]++
	}
	if len(in.Premises) > 0 { // the verdict cannot be valid, whatever the checks find
		sum := summary.Of(h, in, nil)
		return sum.Verdict, sum.Reason
	}
	var checks []check.Result
	for _, c := range s.p.Checks() {
		checks = append(checks, guarded(t.Context(), c, h))
	}
	sum := summary.Of(h, in, checks)
	return sum.Verdict, sum.Reason
}

// A lie changes the history; it returns false where no record can hold it.
type lie struct {
	class, field, how string
	tell              func(h *history.History) bool
}

// adapt makes the counts that the record has of itself agree with it: whoever lies well does so.
func adapt(h *history.History) {
	loads, changes, newest := map[string]int{}, 0, int64(0)
	for i := range h.Ops {
		if h.Ops[i].Stage == history.Load {
			loads[h.Ops[i].Client]++
		}
	}
	for _, c := range h.Changes {
		changes, newest = changes+1, max(newest, c.Revision)
	}
	for i := range h.Events {
		switch e := &h.Events[i]; {
		case e.Kind == history.Phase && e.Subject == "done":
			e.Data["ops"], e.Data["changes"], e.Data["passes"] = float64(len(h.Ops)), float64(len(h.Changes)), float64(len(h.Passes))
		case e.Kind == history.Driver:
			e.Data["offered"] = float64(loads[e.Subject])
		case e.Kind == history.Collected:
			e.Data["changes"], e.Data["revision"] = float64(changes), float64(newest)
		}
	}
	slices.SortStableFunc(h.Events, func(a, b history.Event) int { return int(a.At - b.At) }) // as the reader does
	slices.SortStableFunc(h.Passes, func(a, b history.Pass) int { return int(a.Call - b.Call) })
}

// row is a row of the table: lies of one kind about one field.
type row struct {
	told, caught int
	harmless     string
}

// TestLies tells lies about recorded runs: about every field of every record, and by dropping,
// repeating, moving and swapping records of every class. None may stay valid but those that are
// listed as harmless, with a reason. Run with -update, it writes the table of lies.
func TestLies(t *testing.T) {
	table := map[string]*row{}
	for _, s := range subjectsOf(t) {
		h := s.history(t)
		if v, why := s.verdict(t, h); v != results.StatusValid {
			t.Fatalf("%s is %s: %s", s.name, v, why)
		}
		for _, l := range slices.Concat(fieldLies(t, h), kindLies(h)) {
			s.try(t, l, table)
		}
	}
	for key := range harmless {
		if used[key] == 0 {
			t.Errorf("%q is listed as harmless, and no lie of the kind stays valid", key)
		}
	}
	for _, n := range premise.Names {
		if violated[n] == 0 {
			t.Errorf("no lie violates the premise %s", n)
		}
	}
	compareTable(t, table)
}

// used counts the lies that fall under each entry of harmless, and violated those that violate each
// premise.
var used, violated = map[string]int{}, map[premise.Name]int{}

func (s subject) try(t *testing.T, l lie, table map[string]*row) {
	h := s.history(t)
	legible := l.tell(h)
	adapt(h)
	if reflect.DeepEqual(h, s.honest) {
		return // it is the truth
	}
	key := l.class + " " + l.field
	if at, _ := excuse(l); strings.HasSuffix(at, "*") && strings.HasPrefix(l.field, "Data.") {
		key = l.class + " Data" // of some dozens of names
	}
	r := table[key]
	if r == nil {
		r = &row{}
		table[key] = r
	}
	r.told++
	if !legible {
		r.caught++
		return
	}
	v, why := s.verdict(t, h)
	if v != results.StatusValid {
		r.caught++
		return
	}
	at, reason := excuse(l)
	if reason == "" {
		t.Errorf("%s stays valid: %s %s %s (%s)", s.name, l.class, l.field, l.how, why)
		return
	}
	used[at]++
	r.harmless = reason
}

func compareTable(t *testing.T, table map[string]*row) {
	var b strings.Builder
	b.WriteString("# Lies about a record, by kind\n\nMade by `go test ./results/judge -run TestLies -update`: copies of recorded runs with one lie each. A lie is *caught* where\nthe copy is not valid; the counts that a record has of itself are adapted to the lie. The premises are in [results.md](results.md#premises).\n\n| record | what | caught of told | those that stay valid are harmless because |\n| --- | --- | --- | --- |\n")
	for _, key := range slices.Sorted(maps.Keys(table)) {
		r := table[key]
		class, field, _ := strings.Cut(key, " ")
		fmt.Fprintf(&b, "| %s | %s | %d of %d | %s |\n", class, field, r.caught, r.told, r.harmless)
	}
	if *update {
		if err := os.WriteFile(liesTable, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(liesTable)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is out of date: run this test with -update", liesTable)
	}
}

// fieldLies are lies about single fields, by reflection: of one record of each class.
func fieldLies(t *testing.T, h *history.History) (all []lie) {
	visited := map[string]bool{}
	for _, c := range classes(h) {
		for _, m := range mutations(t, reflect.ValueOf(h).Elem().FieldByName(c.list).Index(c.middle()), "", visited) {
			all = append(all, lie{c.name, m.field, m.how, func(h *history.History) bool {
				record := reflect.ValueOf(h).Elem().FieldByName(c.list).Index(c.middle())
				m.apply(record)
				b, err := json.Marshal(record.Interface())
				again := reflect.New(record.Type())
				if err != nil || json.Unmarshal(b, again.Interface()) != nil {
					return false
				}
				record.Set(again.Elem())
				return true
			}})
		}
	}
	for _, record := range []any{history.Op{}, history.Event{}, history.Change{}, history.Pass{}, history.PassNode{}, history.PassCounts{}, history.Layer{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(record)) {
			if name := reflect.TypeOf(record).Name() + "." + f.Name; !visited[name] && len(h.Passes) > 0 {
				t.Errorf("no lie is told about %s: how may it be changed?", name)
			}
		}
	}
	return all
}
