// Package drawing draws a comparison: the distribution of times to recover of each cell, boxes of
// all cells, and a heat map of the differences where the cells lie on two axes.
package drawing

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/compare"
)

// A drawing is a figure with the numbers that it shows.
type drawing struct {
	chart canvas.Chart
	head  []string
	rows  [][]string
}

// Write draws the comparison's figures into the directory, which must exist: each as SVG, PDF and
// PNG, with its numbers as CSV. It sets c.Figures, so c.Write is called after it.
func Write(c *compare.Comparison, dir string) error {
	var errs []error
	for _, d := range drawings(c) {
		path := filepath.Join(dir, d.chart.Name)
		for _, kind := range []string{"svg", "pdf", "png"} {
			b, err := d.chart.Draw(kind)
			errs = append(errs, err, os.WriteFile(path+"."+kind, b, 0o666))
		}
		errs = append(errs, compare.WriteTable(path+".csv", d.head, d.rows))
		c.Figures = append(c.Figures, path+".svg")
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("draw comparison: %w", err)
	}
	return nil
}

// drawings returns the figures for which the comparison has values.
func drawings(c *compare.Comparison) (all []drawing) {
	for i, cell := range c.Cells {
		if d, ok := ecdf(c, cell, i); ok {
			all = append(all, d)
		}
	}
	for _, m := range []string{compare.TimeToRecover, compare.Unavailability} {
		all = append(all, boxes(c, m)...)
	}
	for _, m := range []string{compare.TimeToRecover, compare.Unavailability} {
		if d, ok := heat(c, m); ok {
			all = append(all, d)
		}
	}
	return all
}

// finite returns the finite ones of sorted values.
func finite(sorted []float64) []float64 {
	i := slices.IndexFunc(sorted, func(x float64) bool { return math.IsInf(x, 1) })
	if i < 0 {
		return sorted
	}
	return sorted[:i]
}

// fileName returns a name as part of a file's name, at most 60 bytes long. It need not be unique.
func fileName(s string) string {
	const most = 60
	s = s[:min(len(s), most)]
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, strings.ReplaceAll(s, ", ", "-"))
}

// timeAxis sets an axis of times: logarithmic where they span more than a decade.
func timeAxis(a *plot.Axis, lo, hi float64) {
	if lo > 0 && hi/lo > 10 {
		canvas.LogAxis(a, lo, hi)
		return
	}
	room := max((hi-lo)*0.08, hi*0.02, 1e-6)
	from := max(0, lo-room)
	if lo < hi/3 {
		from = 0
	}
	canvas.LinearAxis(a, from, hi+room, 5)
}

// keyOf returns the legend of a side.
func keyOf(side int, text string) canvas.Key {
	if side == 0 {
		return canvas.Key{Text: text, Color: canvas.ColorA}
	}
	return canvas.Key{Text: text, Color: canvas.ColorB, Dashed: true}
}

// style returns the line of a legend.
func style(k canvas.Key) draw.LineStyle {
	s := draw.LineStyle{Color: k.Color, Width: 1.2}
	if k.Dashed {
		s.Dashes = canvas.Dashes
	}
	return s
}

// fit returns the label, shortened to the width in points.
func fit(label string, width float64) string {
	sty := canvas.TextStyle(canvas.Dark)
	if float64(sty.Width(label)) <= width {
		return label
	}
	for r := []rune(label); len(r) > 0; r = r[:len(r)-1] {
		if cut := string(r) + "…"; float64(sty.Width(cut)) <= width {
			return cut
		}
	}
	return ""
}
