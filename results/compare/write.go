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

	"github.com/reckon-bench/reckon/results/canvas"
)

// Write puts the comparison into the directory: comparison.json, comparison.txt, every
// figure as SVG, PDF and PNG, and every number as CSV. It fills in c.Figures.
func (c *Comparison) Write(dir string) error {
	w := writer{dir: dir}
	for _, d := range c.drawings() {
		for _, kind := range []string{"svg", "pdf", "png"} {
			b, err := d.chart.Draw(kind)
			w.fail(err)
			w.file(d.chart.Name+"."+kind, b)
		}
		w.table(d.chart.Name, d.head, d.rows)
		c.Figures = append(c.Figures, filepath.Join(dir, d.chart.Name+".svg"))
	}
	head, rows := c.runRows()
	w.table("runs", head, rows)
	head, rows = c.resultRows()
	w.table("comparison", head, rows)
	b, err := json.MarshalIndent(c, "", "  ")
	w.fail(err)
	w.file("comparison.json", append(b, '\n'))
	var text bytes.Buffer
	c.Text(&text)
	w.file("comparison.txt", text.Bytes())
	if err := errors.Join(w.errs...); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

type writer struct {
	dir  string
	errs []error
}

func (w *writer) fail(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

func (w *writer) file(name string, b []byte) {
	w.fail(os.WriteFile(filepath.Join(w.dir, name), b, 0o666))
}

func (w *writer) table(name string, head []string, rows [][]string) {
	var b bytes.Buffer
	t := csv.NewWriter(&b)
	w.fail(t.Write(head))
	w.fail(t.WriteAll(rows))
	w.file(name+".csv", b.Bytes())
}

// cellText is a number in a table: nothing where there is none, inf where there is no end.
func cellText(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case math.IsInf(x, 0):
		return strings.TrimPrefix(strings.ToLower(fmt.Sprint(x)), "+")
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// runRows is a row a run, with all its measures.
func (c *Comparison) runRows() (head []string, rows [][]string) {
	head = append([]string{"side", "label"}, c.Axes...)
	head = append(head, "run", "seed", "verdict")
	for _, m := range measures {
		head = append(head, columnName(m))
	}
	for _, cell := range c.Cells {
		for side, label := range []string{c.A.Label, c.B.Label} {
			for _, r := range cell.runs[side] {
				row := append([]string{string(rune('A' + side)), label}, cell.Values...)
				row = append(row, r.Dir, strconv.FormatUint(r.Seed, 10), r.Verdict.String())
				for _, m := range measures {
					v, ok := r.Values[m.name]
					if !ok {
						v = math.NaN()
					}
					row = append(row, cellText(v))
				}
				rows = append(rows, row)
			}
		}
	}
	return head, rows
}

func columnName(m measure) string {
	name := strings.NewReplacer(" ", "_", ".", "").Replace(m.name)
	if m.unit != "" {
		name += "_" + strings.Replace(m.unit, "/", "per_", 1)
	}
	return name
}

// resultRows is a row a cell and measure.
func (c *Comparison) resultRows() (head []string, rows [][]string) {
	head = append(append([]string{}, c.Axes...), "measure", "unit", "a_n", "a_never", "a_median", "b_n", "b_never", "b_median",
		"difference", "interval_from", "interval_to", "p", "p_holm", "could_show", "differs")
	for _, cell := range c.Cells {
		for _, r := range cell.Results {
			low, high := "", ""
			if len(r.Interval) == 2 {
				low, high = cellText(float64(r.Interval[0])), cellText(float64(r.Interval[1]))
			}
			n := strconv.Itoa
			x := func(v Number) string { return cellText(float64(v)) }
			rows = append(rows, append(append([]string{}, cell.Values...), r.Measure, r.Unit,
				n(r.A.N), n(r.A.Never), x(r.A.Median), n(r.B.N), n(r.B.Never), x(r.B.Median),
				x(r.Difference), low, high, x(r.P), x(r.Corrected), x(r.Detectable), strconv.FormatBool(r.Differs)))
		}
	}
	return head, rows
}

// A drawing is a figure with the numbers that it shows.
type drawing struct {
	chart canvas.Chart
	head  []string
	rows  [][]string
}
