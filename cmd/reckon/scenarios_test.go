package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/results/matrix"
)

const scripts = "../../scripts/"

// Every fault word is measured wherever it can be. One that has a row for what is published has it
// for all of that; any other has a row by default.
func TestScenariosAreComplete(t *testing.T) {
	measured := map[string]bool{}
	for _, c := range plannedCells(t, scripts+"scenarios.yaml") {
		measured[fmt.Sprint(c.Words.System, " ", c.Words.Fault, " ", c.Flags["number-nodes"][0])] = true
	}
	published := map[string]string{} // the numbers of nodes of each word
	for _, row := range literature(t) {
		published[row[0]] = row[1]
	}
	words := 0
	for _, w := range reckon.Faults.Words() {
		var can []string
		for _, n := range []string{"3", "5"} {
			if plans(w.Name, n) {
				can = append(can, n)
			}
			for _, system := range []string{"etcd", "etcd-no-pre-vote"} {
				if key := fmt.Sprint(system, " ", w.Name, " ", n); measured[key] != plans(w.Name, n) {
					t.Errorf("%s: it can be: %t, is measured: %t", key, plans(w.Name, n), measured[key])
				}
			}
		}
		if nodes, ok := published[w.Name]; ok {
			words++
			if nodes != strings.Join(can, " ") {
				t.Errorf("%s has rows for %s nodes, and can be with %q", w.Name, nodes, can)
			}
		}
	}
	if words != len(published) || words < 20 {
		t.Errorf("%d of the %d words in the table are faults", words, len(published))
	}
}

// plans says whether the fault can be on so many nodes.
func plans(fault, nodes string) bool {
	text := fmt.Sprintf("system: etcd\ntopology: simple\nworkload: uniform\nfault: %s\nflags: {number-nodes: %s, link-latency: 2ms}\n", fault, nodes)
	f, err := matrix.Parse("one", []byte(text))
	if err != nil {
		return false
	}
	cells, err := f.Cells()
	return err == nil && f.Plan(cells) == nil
}

func literature(t *testing.T) (rows [][]string) {
	text, err := os.ReadFile(scripts + "scenarios-literature.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(strings.TrimSpace(line), "\t")
		if len(row) != 3 {
			t.Fatalf("%q has %d fields, want 3", line, len(row))
		}
		rows = append(rows, row)
	}
	return rows
}

// What a table is made of: columns by name, medians with their ranges, what never came back, and
// runs that are no result.
func TestScenariosTable(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says := write("says.tsv", "# a comment\nnone\t3\tnothing\nleader\t3 5\tone election\nconstrained\t5\tdown until the heal\n")
	head := "fault,number-nodes,system,verdict,reason,ttr_ms,ttr_censored,ok_ratio,leader_changes,in_fault_gap_ms,in_fault_lasted,at_heal_gap_ms,at_heal_leader_changes,at_heal_lasted,unavailability_ms\n"
	a := write("a.csv", head+
		`leader,3,etcd,valid,"a ""word"", and another",1000.4,false,0.95,1,1000.4,false,20,0,false,1`+"\n"+
		`leader,3,etcd,valid,fine,900,false,0.96,1,900,false,30,0,false,1`+"\n"+
		`leader,3,etcd,valid,fine,1200,false,0.91,2,1100,false,1200,1,false,1`+"\n"+
		`leader,3,etcd,harness,"lagged, much",1,false,0.1,9,1,false,1,1,false,1`+"\n"+
		`leader,5,etcd-no-pre-vote,invalid,lost,800,false,0.9,1,800,false,,,false,1`+"\n")
	b := write("b.csv", head+
		`none,3,etcd,valid,fine,,false,1,0,,,,,,12.6`+"\n"+
		`new,5,etcd,valid,fine,5,false,1,0,5,false,5,0,false,1`+"\n"+
		`new,3,etcd,valid,fine,3,false,1,0,3,false,3,0,false,1`+"\n"+
		`new,5,etcd,valid,fine,7,false,1,0,7,false,7,0,false,1`+"\n"+
		`constrained,5,etcd,valid,fine,,true,0.5,0,4000,true,4000,0,true,1`+"\n"+
		`constrained,5,etcd,valid,fine,5000,false,0.6,1,4000,true,1000,1,false,1`+"\n"+
		`constrained,5,etcd,valid,fine,2000,false,0.7,1,2000,false,40,0,false,1`+"\n")
	out, err := exec.Command("awk", "-f", scripts+"scenarios.awk", says, a, b).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, got, _ := strings.Cut(string(out), "| --- |\n")
	want := strings.Join([]string{
		"| `none` | 3 | on | 1 | 0 | 13 |  |  | 100.0% | nothing |",
		"| `leader` | 3 | on | 4, 1 without a result | 1 (1 to 2); at the heal 0 (0 to 1) | 1000 (900 to 1100) | 30 (20 to 1200) | 1000 (900 to 1200) | 95.0% (91.0% to 96.0%) | one election |",
		"| `leader` | 5 | off | 1, 1 INVALID | 1 | 800 |  | 800 | 90.0% |  |",
		"| `constrained` | 5 | on | 3 | 1 (0 to 1); at the heal 0 (0 to 1) | 4000 (2000 to 4000), until the heal in 2 | 1000 (40 to 4000), until the end in 1 | 5000 (2000 to never) | 60.0% (50.0% to 70.0%) | down until the heal |",
		"| `new` | 3 | on | 1 | 0 | 3 | 3 | 3 | 100.0% | nothing is published |",
		"| `new` | 5 | on | 2 | 0 | 5 (5 to 7) | 5 (5 to 7) | 5 (5 to 7) | 100.0% |  |",
		"",
	}, "\n")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	missing := write("c.csv", "fault,system\nleader,etcd\n")
	if out, err := exec.Command("awk", "-f", scripts+"scenarios.awk", says, missing).CombinedOutput(); err == nil || !slices.Contains(strings.Fields(string(out)), "number-nodes") {
		t.Errorf("without a column: %v: %s", err, out)
	}
}
