package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results"
)

// The page shows planned against measured: every path where there are few hosts, else the worst.

// linkHosts is how many hosts a table still shows path by path.
const linkHosts = 12

// linkWorst is how many paths are listed where there are more.
const linkWorst = 15

// A linkTable has a row for each host that packets come from and a column for each that they go to.
type linkTable struct {
	Hosts []string
	Rows  []linkRow
}

type linkRow struct {
	From  string
	Cells []linkCell
}

// A linkCell is a path. Class shades it by how far it is off.
type linkCell struct{ Planned, Measured, Loss, Class, Title string }

// linkSummary returns one sentence about all measured paths.
func linkSummary(l results.Links) string {
	if l.Probed == nil {
		return "The links were not measured."
	}
	n, wrong := 0, 0
	var low, high float64
	for _, p := range l.Paths {
		if p.Wrong() != "" {
			wrong++
		}
		if p.Measured == nil || p.Planned == nil {
			continue
		}
		if n++; n == 1 {
			low, high = p.Off(), p.Off()
		}
		low, high = min(low, p.Off()), max(high, p.Off())
	}
	s := fmt.Sprintf("Before the load, %d of %d paths were measured with %s probes in %s s.", l.Probed.Probed, l.Probed.Paths, showNumber(float64(l.Probed.Packets)), showNumber(l.Probed.Took))
	if n > 0 {
		s += fmt.Sprintf(" Measured median delay minus the configured value: %s to %s ms.", signed(low), signed(high))
	}
	switch wrong {
	case 0:
		return s + " All are within bounds."
	case 1:
		return s + " One path is out of bounds."
	}
	return s + fmt.Sprintf(" %d paths are out of bounds.", wrong)
}

// mischief returns one sentence about what else the links did to packets, "" where that is nothing.
func mischief(l results.Links) string {
	var parts []string
	for _, kind := range []struct {
		verb string
		of   func(results.LinkPath) float64
	}{
		{"duplicated", func(p results.LinkPath) float64 { return p.Duplicated }},
		{"corrupted", func(p results.LinkPath) float64 { return p.Corrupted }},
		{"reordered", func(p results.LinkPath) float64 { return p.Reordered }},
	} {
		sum := 0.
		for _, p := range l.Paths {
			sum += kind.of(p)
		}
		if sum > 0 {
			parts = append(parts, showNumber(sum)+" "+kind.verb)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "As configured, " + strings.Join(parts, ", ") + "."
}

// signed prints milliseconds with their sign.
func signed(ms float64) string {
	if math.Abs(ms) < 0.0005 {
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%+.3f", ms), "-", "−", 1)
}

// linkMatrix returns every path by its hosts; nil where there are too many hosts, or nothing was
// measured.
func linkMatrix(l results.Links) *linkTable {
	seen, at := map[string]bool{}, map[string]results.LinkPath{}
	for _, p := range l.Paths {
		if p.ProbesSent > 0 {
			from, to := p.Ends()
			seen[from], seen[to], at[p.Path] = true, true, p
		}
	}
	if len(seen) == 0 || len(seen) > linkHosts {
		return nil
	}
	t := &linkTable{Hosts: slices.SortedFunc(maps.Keys(seen), link.CompareHosts)}
	for _, from := range t.Hosts {
		row := linkRow{From: from}
		for _, to := range t.Hosts {
			p, ok := at[from+">"+to]
			if !ok {
				row.Cells = append(row.Cells, linkCell{Class: "none"})
				continue
			}
			row.Cells = append(row.Cells, linkCellOf(p))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func linkCellOf(p results.LinkPath) linkCell {
	c := linkCell{Planned: "-", Measured: "none arrived", Class: linkClass(p), Title: p.Path + ": " + p.Shape}
	if p.Planned != nil {
		c.Planned = showDelay(*p.Planned)
	}
	if p.Measured != nil {
		c.Measured = showDelay(p.Measured.P50)
	}
	if p.ProbesLost > 0 && p.Measured != nil {
		c.Loss = fmt.Sprintf("%.3g%% lost", 100**p.MeasuredLoss)
	}
	if why := p.Wrong(); why != "" {
		c.Title += "; it " + why
	}
	return c
}

// linkClass returns how far the path is off: by less than a quarter of a millisecond or 1 % of the
// plan, by less than ten times that, or by more. A path out of bounds is wrong.
func linkClass(p results.LinkPath) string {
	if p.Wrong() != "" {
		return "wrong"
	}
	if p.Planned == nil {
		return ""
	}
	unit := max(0.25, *p.Planned/100)
	if p.Jittered {
		return ""
	}
	switch off := math.Abs(p.Off()); {
	case off <= unit:
		return "near"
	case off <= 10*unit:
		return "off"
	}
	return "far"
}

// showDelay prints milliseconds to the hundredth, or coarser where they are many.
func showDelay(ms float64) string {
	if ms >= 100 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// A pathRow is a path in a list.
type pathRow struct {
	Path, Shape                  string
	Measured, Class, P99, Off    string
	Loss                         string // planned, and of the probes
	Packets, Lost, Cut, Overflow float64
}

// worstPaths returns those most worth a look: wrong ones first, then by how far they are off.
func worstPaths(l results.Links) []pathRow {
	paths := slices.DeleteFunc(slices.Clone(l.Paths), func(p results.LinkPath) bool { return p.ProbesSent == 0 && p.Overflow == 0 })
	slices.SortStableFunc(paths, func(a, b results.LinkPath) int {
		return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(math.Abs(b.Off()), math.Abs(a.Off())))
	})
	var rows []pathRow
	for _, p := range paths[:min(len(paths), linkWorst)] {
		c := linkCellOf(p)
		row := pathRow{
			Path: p.Path, Shape: p.Shape, Measured: c.Measured, Class: c.Class, Off: "-", P99: "-", Loss: "-",
			Packets: p.Packets, Lost: p.Lost, Cut: p.Cut, Overflow: p.Overflow,
		}
		if p.Measured != nil {
			row.P99 = showDelay(p.Measured.P99)
			if p.Planned != nil {
				row.Off = signed(p.Off())
			}
		}
		if p.MeasuredLoss != nil {
			row.Loss = fmt.Sprintf("%.3g%%", 100**p.MeasuredLoss)
			if p.PlannedLoss != nil {
				row.Loss = fmt.Sprintf("%.3g%% / %s", 100**p.PlannedLoss, row.Loss)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func rankOf(p results.LinkPath) int {
	switch {
	case p.Wrong() != "":
		return 0
	case p.Overflow > 0:
		return 1
	}
	return 2
}
