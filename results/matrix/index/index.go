// Package index holds what a matrix has come to: its cells with their outcomes, and the verdict
// over all of them. It is what index.json records and what package report renders.
//
// An outcome never changes what a run recorded about itself. Thresholds and expectations give a
// verdict of their own, which stands beside the run's.
package index

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
)

// A State is how far a cell has come.
type State string

// The states of a cell.
const (
	Waiting     State = "waiting"     // not run yet
	Interrupted State = "interrupted" // begun and interrupted; its record is kept, and resuming runs it again
	Finished    State = "finished"
)

// A Cell is a cell of a matrix file with what came of it.
type Cell struct {
	*matrix.Cell

	State   State    `json:"state"`
	Outcome *Outcome `json:"outcome,omitempty"` // of a finished cell; else nil
	// Attempts are the earlier, inconclusive runs of a cell that is not finished. Once it is, its
	// outcome has them.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Cells returns the planned cells as cells that have not been run.
func Cells(planned []*matrix.Cell) []*Cell {
	all := make([]*Cell, len(planned))
	for i, c := range planned {
		all[i] = &Cell{Cell: c, State: Waiting}
	}
	return all
}

// Verdict returns the cell's verdict; unknown where it is not finished.
func (c *Cell) Verdict() results.Status {
	if c.Outcome == nil || c.State != Finished {
		return results.StatusUnknown
	}
	return c.Outcome.Verdict
}

// Conclusive reports whether the cell's run has measurements that count. Those of a run whose own
// verdict is harness or unknown do not.
func (c *Cell) Conclusive() bool {
	return c.State == Finished && c.Outcome != nil && c.Outcome.Metrics != nil &&
		(c.Outcome.Run == results.StatusValid || c.Outcome.Run == results.StatusInvalid)
}

// An Index is the state of a matrix: index.json. Its JSON is a contract, as a run's summary is:
// keys are added, never renamed.
type Index struct {
	Version int          `json:"version"` // of this contract
	File    string       `json:"file"`    // the path as it was given; the text is in matrix.yaml
	Sum     string       `json:"sha256"`  // of the file's text
	Seed    uint64       `json:"seed"`
	Shard   matrix.Shard `json:"shard"`
	All     int          `json:"cells_of_file"` // in all shards
	Reckon  string       `json:"reckon"`        // the version that began the matrix
	// Directory is the working directory in which the matrix was begun, which relative paths in its
	// file refer to; "" where shards were begun in different ones.
	Directory string `json:"directory,omitempty"`

	Started time.Time `json:"started"`
	Took    float64   `json:"took_s"` // of all sessions together
	Jobs    int       `json:"jobs"`

	Verdict     results.Status         `json:"verdict"`
	Reason      string                 `json:"reason"`
	Interrupted bool                   `json:"interrupted"`
	Counts      map[results.Status]int `json:"counts"`
	Unfinished  int                    `json:"unfinished"`
	Notes       []string               `json:"notes"`

	Dimensions []matrix.Dimension `json:"dimensions"` // what tells the cells apart
	Cells      []*Cell            `json:"cells"`      // in the order of the file
}

// Version is the version of the contract that this package reads and writes.
const Version = 1

// An Outcome is what came of a cell.
type Outcome struct {
	// Verdict is the cell's: the worse of the run's own and the thresholds', reversed where the
	// cell must fail.
	Verdict results.Status `json:"verdict"`
	Run     results.Status `json:"run_verdict"` // the run's own
	Reason  string         `json:"reason"`
	Checks  []Check        `json:"checks"` // the run's, and ThresholdCheck
	// Excerpt is evidence for a verdict that is not valid: operations, or the last lines that the
	// run printed.
	Excerpt  []string  `json:"excerpt,omitempty"`
	Metrics  *Metrics  `json:"metrics"` // null where the run left no summary
	Report   bool      `json:"report"`  // the run has a report.html
	Attempts []Attempt `json:"attempts,omitempty"`
	Started  time.Time `json:"started"`
	Took     float64   `json:"took_s"`
}

// A Check is the verdict of one check, without its evidence, which is in the run's summary.
type Check struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

// An Attempt is an earlier, inconclusive run of the cell.
type Attempt struct {
	Verdict results.Status `json:"verdict"`
	Reason  string         `json:"reason"`
	Dir     string         `json:"dir"` // where it is kept, below the matrix's directory
	Took    float64        `json:"took_s"`
}

// Statuses returns all verdicts, the worst first.
func Statuses() []results.Status {
	return []results.Status{results.StatusInvalid, results.StatusHarness, results.StatusUnknown, results.StatusValid}
}

// Settle sets counts, verdict and reason from the cells: the verdict is their worst. A cell that
// was not run is unknown. A shard without cells is valid.
func (x *Index) Settle() {
	x.Counts, x.Unfinished, x.Verdict = map[results.Status]int{}, 0, results.StatusValid
	for _, c := range x.Cells {
		if c.State != Finished {
			x.Unfinished++
		} else {
			x.Counts[c.Verdict()]++
		}
		x.Verdict = x.Verdict.Worst(c.Verdict())
	}
	switch n := len(x.Cells); n {
	case 0:
		x.Reason = "No cells in this shard."
	case 1:
		x.Reason = fmt.Sprintf("1 cell: %s.", tally(x.Counts, x.Unfinished))
	default:
		x.Reason = fmt.Sprintf("%d cells: %s.", n, tally(x.Counts, x.Unfinished))
	}
}

// tally returns the counts in words: "1 invalid, 21 valid, 2 not finished".
func tally(counts map[results.Status]int, unfinished int) string {
	var parts []string
	for _, s := range Statuses() {
		if n := counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if unfinished > 0 {
		parts = append(parts, fmt.Sprintf("%d not finished", unfinished))
	}
	return strings.Join(parts, ", ")
}

// Note adds a note, unless the index has it.
func (x *Index) Note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(x.Notes, n) {
		x.Notes = append(x.Notes, n)
	}
}

// InOrder returns the cells in the shuffled order, in which they are run.
func (x *Index) InOrder() []*Cell {
	return slices.SortedFunc(slices.Values(x.Cells), func(a, b *Cell) int { return a.Order - b.Order })
}

// Troubles returns the finished cells that are not valid, the worst first.
func (x *Index) Troubles() (all []*Cell) {
	for _, c := range x.Cells {
		if c.State == Finished && c.Verdict() != results.StatusValid {
			all = append(all, c)
		}
	}
	worst := Statuses()
	slices.SortStableFunc(all, func(a, b *Cell) int {
		return slices.Index(worst, a.Verdict()) - slices.Index(worst, b.Verdict())
	})
	return all
}

// Usual returns the flags that titles leave out because nearly all cells have them: "duration=9s
// number-nodes=3".
func (x *Index) Usual() string {
	var parts []string
	for _, d := range x.Dimensions {
		if d.Usual != "" {
			parts = append(parts, d.Name+"="+d.Usual)
		}
	}
	return strings.Join(parts, " ")
}
