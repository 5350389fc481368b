package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// A sheet is the data of the page's template.
type sheet struct {
	X              *index.Index
	Title, Meaning string
	Usual          string // the flags that titles leave out
	Tiles          []tile
	Troubles, More []line // the cells that are not valid: the first, and the rest
	Rows           string // the dimension whose values are the rows of panels
	Walls          []wall
	Figures        []multiples
	Groups         []groupRow
	Runs           []line
	Open           bool // few enough to show at once
	Facts          [][2]string
}

type tile struct{ Name, Value, Class string }

// A line is a cell in a list.
type line struct {
	Title, Link, Class, Word, Why                    string
	Seed                                             uint64
	Order                                            int
	TTR, Unavailable, P50, P99, Changes, Ratio, Took string
}

// A wall is a panel of verdicts: a square for each run.
type wall struct {
	Title []string
	Rows  []wallRow
}

type wallRow struct {
	Label   string
	Squares []square
}

type square struct{ Class, Link, Title, Sign string }

// multiples are the panels of one metric.
type multiples struct {
	Title, Caption string
	Panels         []drawn
}

type drawn struct {
	Title []string
	SVG   template.HTML
}

type groupRow struct{ Name, Verdicts, TTR, Unavailable, P50, P99 string }

// How much the page shows unfolded.
const (
	troublesShown = 20
	groupsShown   = 60
)

// Page returns index.html: a single file that links only to the runs and files beside it.
func Page(x *index.Index) ([]byte, error) {
	groups := x.Groups()
	s := sheet{X: x, Usual: x.Usual(), Title: "reckon matrix " + x.File, Meaning: pageMeanings[x.Verdict], Tiles: pageTiles(x), Open: len(groups) <= groupsShown}
	if len(x.Cells) > 0 {
		ps := panels(x, groups)
		s.Rows = rowDimension(x.Dimensions)
		s.Walls = walls(ps, x.Dimensions)
		s.Figures = figures(ps, x.Dimensions)
	}
	for _, c := range x.Troubles() {
		if l := newLine(c, x.Dimensions); len(s.Troubles) < troublesShown {
			s.Troubles = append(s.Troubles, l)
		} else {
			s.More = append(s.More, l)
		}
	}
	for _, g := range groups {
		s.Groups = append(s.Groups, groupRow{g.Name, g.Verdicts(), g.Show(index.Recovery), g.Show(index.Outage), g.Show(index.Median), g.Show(index.P99)})
	}
	for _, c := range x.Cells {
		s.Runs = append(s.Runs, newLine(c, x.Dimensions))
	}
	s.Facts = pageFacts(x)
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, s)
	return b.Bytes(), err
}

// pageMeanings say what each verdict means for a matrix.
var pageMeanings = map[results.Status]string{
	results.StatusValid:   "All checks passed, all thresholds were kept, and all planted damage was detected.",
	results.StatusInvalid: "In at least one cell a check failed, a threshold was exceeded, or planted damage was not detected. Those cells are listed below with their reasons.",
	results.StatusHarness: "Inconclusive: in at least one run the harness itself misbehaved, so that run says nothing about the system. No conclusive run was invalid.",
	results.StatusUnknown: "Not a pass: at least one cell was undecided or was not run.",
}

// pageTiles returns the tiles with the counts of verdicts.
func pageTiles(x *index.Index) []tile {
	tiles := []tile{{"cells", fmt.Sprint(len(x.Cells)), ""}}
	for _, s := range index.Statuses() {
		if n := x.Counts[s]; n > 0 || s == results.StatusValid {
			tiles = append(tiles, tile{s.String(), fmt.Sprint(n), s.String()})
		}
	}
	if x.Unfinished > 0 {
		tiles = append(tiles, tile{"not finished", fmt.Sprint(x.Unfinished), "open"})
	}
	return append(tiles, tile{"took", took(x.Took).String(), ""})
}

// signs distinguish verdicts without colours.
var signs = map[string]string{"valid": "", "invalid": "✕", "harness": "!", "unknown": "?", "open": "·"}

// walls returns the panels of verdicts.
func walls(ps []*panel, dims []matrix.Dimension) (all []wall) {
	for _, p := range ps {
		w := wall{Title: p.Title}
		for _, r := range p.rows {
			row := wallRow{Label: r.label}
			for _, c := range r.group.Cells {
				row.Squares = append(row.Squares, newSquare(c, dims))
			}
			w.Rows = append(w.Rows, row)
		}
		all = append(all, w)
	}
	return all
}

func newSquare(c *index.Cell, dims []matrix.Dimension) square {
	l := newLine(c, dims)
	q := square{Class: l.Class, Link: l.Link, Title: l.Title + ": " + l.Word, Sign: signs[l.Class]}
	if l.Why != "" && l.Class != "valid" {
		q.Title += ": " + index.Shorten(l.Why)
	}
	return q
}

// shown are the metrics that have panels.
var shown = []struct {
	title, caption string
	of             index.Measure
	recovers       bool
}{
	{"Time to recover", "The slowest recovery of each run: the longest time between acknowledged operations from one fault until the next.", index.Recovery, true},
	{"Longest outage", "The longest time between acknowledged operations anywhere in each run.", index.Outage, false},
	{"Latency, 99th percentile", "Of the acknowledged operations of each run, measured from when they were due.", index.P99, false},
}

// figures returns the panels of each metric that some run has.
func figures(ps []*panel, dims []matrix.Dimension) (all []multiples) {
	for _, m := range shown {
		s, ok := newScale(ps, m.of, m.recovers)
		if !ok {
			continue
		}
		f := multiples{Title: m.title, Caption: m.caption}
		for _, p := range ps {
			if p := p.with(m.of); len(p.rows) > 0 {
				f.Panels = append(f.Panels, drawn{p.Title, p.draw(s, m.of, dims)})
			}
		}
		all = append(all, f)
	}
	return all
}

// newLine returns the cell as a line of a list.
func newLine(c *index.Cell, dims []matrix.Dimension) line {
	l := line{Title: c.Title(dims), Seed: c.Seed, Order: c.Order}
	if c.State != index.Finished {
		l.Class, l.Word = "open", "not run yet"
		if c.State == index.Interrupted {
			l.Word = "interrupted"
			l.Link = index.CellsDir + "/" + c.Name + "/"
		}
		return l
	}
	o := c.Outcome
	l.Class, l.Word, l.Why, l.Link = o.Verdict.String(), o.Verdict.String(), o.Reason, link(c)
	if c.MustFail {
		l.Word += " (must fail)"
	}
	if n := len(o.Attempts); n > 0 {
		l.Why = strings.TrimSpace(l.Why + fmt.Sprintf(" It took %d attempts.", n+1))
	}
	l.Took = fmt.Sprintf("%.1f", o.Took)
	m := o.Metrics
	if m == nil {
		return l
	}
	l.Changes = fmt.Sprint(m.LeaderChanges)
	if m.Unavailability != nil {
		l.Unavailable = index.Millis(*m.Unavailability)
	}
	switch {
	case m.Censored:
		l.TTR = "never"
	case m.TTR != nil:
		l.TTR = index.Millis(*m.TTR)
	}
	if t := m.Latency["all"]; t != nil {
		l.P50, l.P99 = index.Millis(t.P50), index.Millis(t.P99)
	}
	if m.OKRatio != nil {
		l.Ratio = fmt.Sprintf("%.4f", *m.OKRatio)
	}
	return l
}

// pageFacts returns how the matrix was run.
func pageFacts(x *index.Index) [][2]string {
	f := [][2]string{
		{"file", x.File}, {"sha256", x.Sum}, {"seed", fmt.Sprint(x.Seed)}, {"started", x.Started.Format(time.RFC3339)},
		{"cells at a time", fmt.Sprint(x.Jobs)}, {"reckon", x.Reckon},
	}
	if x.Shard.Of > 1 {
		f = append(f, [2]string{"shard", fmt.Sprintf("%s, %d of %d cells", x.Shard, len(x.Cells), x.All)})
	}
	for _, d := range x.Dimensions {
		f = append(f, [2]string{d.Name, strings.Join(d.Values, ", ")})
	}
	return f
}

// took returns seconds as a duration, rounded to the second.
func took(s float64) time.Duration { return time.Duration(s * 1e9).Round(time.Second) }
