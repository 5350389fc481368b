package compare

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Write writes comparison.json, comparison.txt, comparison.csv (a row for each cell and measure)
// and runs.csv (a row for each run) into the directory, which must exist.
func (c *Comparison) Write(dir string) error {
	var errs []error
	head, rows := c.runRows()
	errs = append(errs, WriteTable(filepath.Join(dir, "runs.csv"), head, rows))
	head, rows = c.resultRows()
	errs = append(errs, WriteTable(filepath.Join(dir, "comparison.csv"), head, rows))
	b, err := json.MarshalIndent(c, "", "  ")
	errs = append(errs, err, os.WriteFile(filepath.Join(dir, "comparison.json"), append(b, '\n'), 0o666))
	var text bytes.Buffer
	c.Text(&text)
	errs = append(errs, os.WriteFile(filepath.Join(dir, "comparison.txt"), text.Bytes(), 0o666))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// WriteTable writes a CSV file.
func WriteTable(path string, head []string, rows [][]string) error {
	var b bytes.Buffer
	t := csv.NewWriter(&b)
	if err := errors.Join(t.Write(head), t.WriteAll(rows)); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// Decimal formats a number for a table: "" for NaN, "inf" or "-inf" for an infinite one.
func Decimal(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case math.IsInf(x, 0):
		return strings.TrimPrefix(strings.ToLower(fmt.Sprint(x)), "+")
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// runRows returns a row for each run, with all its measures.
func (c *Comparison) runRows() (head []string, rows [][]string) {
	head = append([]string{"side", "label"}, c.Axes...)
	head = append(head, "run", "seed", "verdict")
	for _, m := range measures {
		head = append(head, columnName(m))
	}
	for _, cell := range c.Cells {
		for side, label := range []string{c.A.Label, c.B.Label} {
			for _, r := range cell.Runs[side] {
				row := append([]string{string(rune('A' + side)), label}, cell.Values...)
				row = append(row, r.Dir, strconv.FormatUint(r.Seed, 10), r.Verdict.String())
				for _, m := range measures {
					v, ok := r.Values[m.name]
					if !ok {
						v = math.NaN()
					}
					row = append(row, Decimal(v))
				}
				rows = append(rows, row)
			}
		}
	}
	return head, rows
}

// columnName returns the name of the measure's column, with its unit.
func columnName(m measure) string {
	name := strings.NewReplacer(" ", "_", ".", "").Replace(m.name)
	if m.unit != "" {
		name += "_" + strings.Replace(m.unit, "/", "per_", 1)
	}
	return name
}

// resultRows returns a row for each cell and measure.
func (c *Comparison) resultRows() (head []string, rows [][]string) {
	head = append(append([]string{}, c.Axes...), "measure", "unit", "a_n", "a_never", "a_median", "b_n", "b_never", "b_median",
		"difference", "interval_from", "interval_to", "p", "p_holm", "could_show", "differs")
	for _, cell := range c.Cells {
		for _, r := range cell.Results {
			low, high := "", ""
			if len(r.Interval) == 2 {
				low, high = Decimal(float64(r.Interval[0])), Decimal(float64(r.Interval[1]))
			}
			n := strconv.Itoa
			x := func(v Number) string { return Decimal(float64(v)) }
			rows = append(rows, append(append([]string{}, cell.Values...), r.Measure, r.Unit,
				n(r.A.N), n(r.A.Never), x(r.A.Median), n(r.B.N), n(r.B.Never), x(r.B.Median),
				x(r.Difference), low, high, x(r.P), x(r.Corrected), x(r.Detectable), strconv.FormatBool(r.Differs)))
		}
	}
	return head, rows
}
