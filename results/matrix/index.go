package matrix

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// A State says how far a cell has come.
type State string

const (
	Waiting     State = "waiting"     // not run yet
	Interrupted State = "interrupted" // begun, and cut short: what it recorded is kept, and it is run again on resuming
	Finished    State = "finished"
)

// An Index is what a matrix amounts to so far: index.json. It is a contract, as
// a run's summary is: keys are added, never renamed.
type Index struct {
	Version int    `json:"version"` // of this contract
	File    string `json:"file"`    // as it was given; its text is in matrix.yaml
	Sum     string `json:"sha256"`  // of the file's text
	Seed    uint64 `json:"seed"`
	Shard   Shard  `json:"shard"`
	All     int    `json:"cells_of_file"` // in all shards
	Reckon  string `json:"reckon"`        // the version that began it
	// Directory is where it was begun: relative paths in its file are of this directory. "" where shards differ.
	Directory string `json:"directory,omitempty"`

	Started time.Time `json:"started"`
	Took    float64   `json:"took_s"` // all sittings together
	Jobs    int       `json:"jobs"`

	Verdict     results.Status         `json:"verdict"`
	Reason      string                 `json:"reason"`
	Interrupted bool                   `json:"interrupted"`
	Counts      map[results.Status]int `json:"counts"`
	Unfinished  int                    `json:"unfinished"`
	Notes       []string               `json:"notes"`

	Dimensions []Dimension `json:"dimensions"` // what tells the cells apart
	Cells      []*Cell     `json:"cells"`      // in the order of the file
}

// indexVersion is the contract's.
const indexVersion = 1

// An Outcome is what came of a cell.
type Outcome struct {
	// Verdict is the cell's: the worse of the run's own and the thresholds', turned round where the cell must fail.
	Verdict results.Status `json:"verdict"`
	Run     results.Status `json:"run_verdict"` // what the run says of itself
	Reason  string         `json:"reason"`
	Checks  []Check        `json:"checks"` // the run's, and threshold
	// Excerpt is what shows why it is not valid: operations, or the last lines of the run.
	Excerpt  []string  `json:"excerpt,omitempty"`
	Metrics  *Metrics  `json:"metrics"` // null where there is no summary
	Report   bool      `json:"report"`  // the run has a report to look at
	Attempts []Attempt `json:"attempts,omitempty"`
	Started  time.Time `json:"started"`
	Took     float64   `json:"took_s"`
}

// A Check is a check's verdict, without the evidence, which is in the run's summary.
type Check struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

// An Attempt is an earlier run of the cell that was no result.
type Attempt struct {
	Verdict results.Status `json:"verdict"`
	Reason  string         `json:"reason"`
	Dir     string         `json:"dir"` // where it is kept, below the matrix
	Took    float64        `json:"took_s"`
}

// verdict is the cell's; unknown where it is not finished.
func (c *Cell) verdict() results.Status {
	if c.Outcome == nil || c.State != Finished {
		return results.StatusUnknown
	}
	return c.Outcome.Verdict
}

// settle works out counts, verdict and reason: the worst of the cells.
// What was not run is not known. A shard without cells did all that it had to.
func (x *Index) settle() {
	x.Counts, x.Unfinished, x.Verdict = map[results.Status]int{}, 0, results.StatusValid
	for _, c := range x.Cells {
		if c.State != Finished {
			x.Unfinished++
		} else {
			x.Counts[c.verdict()]++
		}
		x.Verdict = x.Verdict.Worst(c.verdict())
	}
	x.Reason = x.tally() + "."
}

// statuses are all of them, the worst first.
var statuses = []results.Status{results.StatusInvalid, results.StatusHarness, results.StatusUnknown, results.StatusValid}

// tally counts: "24 cells: 1 invalid, 21 valid, 2 not finished".
func (x *Index) tally() string {
	var parts []string
	for _, s := range statuses {
		if n := x.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if x.Unfinished > 0 {
		parts = append(parts, fmt.Sprintf("%d not finished", x.Unfinished))
	}
	if len(parts) == 0 {
		return "no cells in this shard"
	}
	return fmt.Sprintf("%s: %s", count(len(x.Cells), "cell"), strings.Join(parts, ", "))
}

// count is "1 cell" or "2 cells".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// note adds a note once.
func (x *Index) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(x.Notes, n) {
		x.Notes = append(x.Notes, n)
	}
}

// inOrder are the cells in the order in which they are run.
func (x *Index) inOrder() []*Cell {
	return slices.SortedFunc(slices.Values(x.Cells), func(a, b *Cell) int { return a.Order - b.Order })
}
