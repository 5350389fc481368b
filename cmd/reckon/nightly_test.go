package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/version"
	"golang.org/x/mod/semver"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results/matrix"
)

// nightlyFile is what scripts/nightly runs, as seen from here.
const nightlyFile = "../../scripts/nightly.yaml"

func nightlyCells(t *testing.T) []*matrix.Cell {
	t.Helper()
	return plannedCells(t, nightlyFile)
}

// plannedCells are the cells of a matrix's file, all of them planned.
func plannedCells(t *testing.T, file string) []*matrix.Cell {
	t.Helper()
	f, err := matrix.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return planned(t, f)
}

func planned(t *testing.T, f *matrix.File) []*matrix.Cell {
	t.Helper()
	cells, err := f.Cells()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Plan(cells); err != nil {
		t.Fatal(err)
	}
	return cells
}

// The command that the script calls plans the file, and says how much it is.
func TestNightlyPlans(t *testing.T) {
	out, err := exec.Command(commandLink(t), "matrix", nightlyFile, "--dry-run").CombinedOutput()
	if want := fmt.Sprintf("  %d cells, about ", len(nightlyCells(t))); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v; want %q in\n%s", err, want, out)
	}
}

// Every fault word runs in the nightly: those that it does not name by `others`, with the flags of all
// or with their own trials.
func TestNightlyHasEveryFault(t *testing.T) {
	cells := nightlyCells(t)
	for _, w := range reckon.Faults.Words() {
		if !slices.ContainsFunc(cells, func(c *matrix.Cell) bool { return slices.Contains(strings.Split(c.Words.Fault, ","), w.Name) }) {
			t.Errorf("scripts/nightly.yaml has no cell with the fault %s: it cannot be planned with the flags there, and needs a Trial of its own", w.Name)
		}
	}
}

// An axis is one of the four words, with the values that are to meet those of the others.
type axis struct {
	name   string
	values []string
}

// Each value of each word meets each of the others' in a cell, where a run of the two would be
// planned.
func TestNightlyIsPairwise(t *testing.T) {
	var cells []*matrix.Cell
	for _, c := range nightlyCells(t) {
		if !c.MustFail { // of planted damage the newest alone is enough
			cells = append(cells, c)
		}
	}
	var faults, topologies []string
	for _, w := range reckon.Faults.Words() {
		if !planted(w.Name, nightlyCells(t)) {
			faults = append(faults, w.Name)
		}
	}
	for _, w := range reckon.Topologies.Words() {
		topologies = append(topologies, w.Name)
	}
	axes := []axis{
		{"system", append([]string{"etcd"}, olderEtcds(cells)...)},
		{"topology", topologies},
		{"workload", []string{"uniform", "uniform,kibishii"}},
		{"fault", faults},
	}
	for i, a := range axes {
		for _, b := range axes[i+1:] {
			for _, x := range a.values {
				for _, y := range b.values {
					if !meet(cells, a.name, x, b.name, y) && fits(cells, a.name, x, b.name, y) {
						t.Errorf("no cell has %s %s with %s %s", a.name, x, b.name, y)
					}
				}
			}
		}
	}
	for _, fault := range faults {
		if !slices.ContainsFunc(cells, func(c *matrix.Cell) bool {
			return c.Words.System == "etcd" && c.Words.Topology == "simple" && c.Words.Fault == fault
		}) {
			t.Errorf("%s does not strike the newest etcd on simple", fault)
		}
	}
}

// planted says whether the fault is damage: it stands in cells that must fail, and in no other of
// the same system.
func planted(fault string, cells []*matrix.Cell) bool {
	etcd := func(c *matrix.Cell) bool { return c.Words.System == "etcd" && c.Words.Fault == fault }
	return slices.ContainsFunc(cells, func(c *matrix.Cell) bool { return etcd(c) && c.MustFail }) &&
		!slices.ContainsFunc(cells, func(c *matrix.Cell) bool { return etcd(c) && !c.MustFail })
}

func meet(cells []*matrix.Cell, a, x, b, y string) bool {
	return slices.ContainsFunc(cells, func(c *matrix.Cell) bool { return wordOf(c.Words, a) == x && wordOf(c.Words, b) == y })
}

// fits says whether some cell with the one value could have the other instead of its own: a fault
// that damages files has no place beside a workload that writes none.
func fits(cells []*matrix.Cell, a, x, b, y string) bool {
	try := func(keep, kept, change, to string) bool {
		return slices.ContainsFunc(cells, func(c *matrix.Cell) bool {
			if wordOf(c.Words, keep) != kept {
				return false
			}
			words := c.Words
			*part(&words, change) = to
			_, err := plan.New(words, c.Flags)
			return err == nil
		})
	}
	return try(a, x, b, y) || try(b, y, a, x)
}

func wordOf(w plan.Words, kind string) string { return *part(&w, kind) }

func part(w *plan.Words, kind string) *string {
	return map[string]*string{"system": &w.System, "topology": &w.Topology, "workload": &w.Workload, "fault": &w.Fault}[kind]
}

// olderEtcds are the versions that the cells name.
func olderEtcds(cells []*matrix.Cell) (all []string) {
	for _, c := range cells {
		if strings.HasPrefix(c.Words.System, "etcd@") && !slices.Contains(all, c.Words.System) {
			all = append(all, c.Words.System)
		}
	}
	return all
}

// Nearest the etcd that is built in stand the two minors before it: who builds in a newer one moves
// these as well.
func TestNightlyHasTwoOlderMinors(t *testing.T) {
	var have, want []string
	for _, w := range olderEtcds(nightlyCells(t)) {
		have = append(have, semver.MajorMinor(strings.TrimPrefix(w, "etcd@")))
	}
	slices.Sort(have)
	var major, minor int
	if _, err := fmt.Sscanf(version.Version, "%d.%d.", &major, &minor); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		want = append(want, fmt.Sprintf("v%d.%d", major, minor-2+i))
	}
	if !slices.Equal(have, want) {
		t.Errorf("beside etcd %s the nightly has %v, want %v", version.Version, have, want)
	}
}
