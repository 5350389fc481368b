package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/reckon-bench/reckon/results/matrix/index"
)

func readIndex(ts *testscript.TestScript, path string) (x index.Index) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &x))
	return x
}

// cell INDEX NAME KEY=VALUE... wants those values of the cell in the index: verdict=valid,
// run=invalid, check:threshold=invalid.
func cell(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: cell INDEX NAME KEY=VALUE...")
	}
	x := readIndex(ts, args[0])
	i := slices.IndexFunc(x.Cells, func(c *index.Cell) bool { return c.Name == args[1] })
	if i < 0 || x.Cells[i].Outcome == nil {
		ts.Fatalf("%s has no finished cell %s", args[0], args[1])
	}
	o := x.Cells[i].Outcome
	have := map[string]string{"verdict": o.Verdict.String(), "run": o.Run.String(), "attempts": fmt.Sprint(1 + len(o.Attempts))}
	for _, c := range o.Checks {
		have["check:"+c.Name] = c.Verdict
	}
	for _, want := range args[2:] {
		if key, value, _ := strings.Cut(want, "="); have[key] != value {
			ts.Fatalf("%s has %s=%s, want %s; %s", args[1], key, have[key], value, o.Reason)
		}
	}
}

// sameplan LIST INDEX wants the index to have the very cells, seeds and places that a dry run
// listed.
func sameplan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameplan LIST INDEX")
	}
	var listed []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var order, seed, name string
		if n, _ := fmt.Sscan(line, &order, &name, &seed); n == 3 && strings.Contains(name, "-r") {
			listed = append(listed, strings.Join([]string{order, name, seed}, " "))
		}
	}
	var there []string
	for _, c := range readIndex(ts, args[1]).Cells {
		if c.State == index.Finished {
			there = append(there, fmt.Sprintf("%d %s %d", c.Order, c.Name, c.Seed))
		}
	}
	slices.Sort(listed)
	slices.Sort(there)
	if len(listed) == 0 || !slices.Equal(listed, there) {
		ts.Fatalf("listed %q, and there is %q", listed, there)
	}
}
