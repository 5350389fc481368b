package matrix

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// A sheet is what the template shows.
type sheet struct {
	X              *Index
	Title, Meaning string
	Usual          string // what titles leave out
	Tiles          []tile
	Troubles, More []line // those that are not valid; what is too much for one look
	Rows           string // what the rows of panels are
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

// A wall is a panel of verdicts: a square a run.
type wall struct {
	Title []string
	Rows  []wallRow
}

type wallRow struct {
	Label   string
	Squares []square
}

type square struct{ Class, Link, Title, Sign string }

// Multiples are the panels of one metric.
type multiples struct {
	Title, Caption string
	Panels         []drawn
}

type drawn struct {
	Title []string
	SVG   template.HTML
}

type groupRow struct{ Name, Verdicts, TTR, Unavailable, P50, P99 string }

// What a page shows at once; beyond that it folds.
const (
	troublesShown = 20
	groupsShown   = 60
)

// page is index.html: one file that refers to nothing but the runs below it.
func page(x *Index) ([]byte, error) {
	groups := x.groups()
	s := sheet{X: x, Usual: x.usual(), Title: "reckon matrix " + x.File, Meaning: pageMeanings[x.Verdict], Tiles: pageTiles(x), Open: len(groups) <= groupsShown}
	if len(x.Cells) > 0 {
		ps := panels(x, groups)
		s.Rows = rowDimension(x.Dimensions)
		s.Walls = walls(ps, x.Dimensions)
		s.Figures = figures(ps, x.Dimensions)
	}
	for _, c := range x.troubles() {
		if l := newLine(c, x.Dimensions); len(s.Troubles) < troublesShown {
			s.Troubles = append(s.Troubles, l)
		} else {
			s.More = append(s.More, l)
		}
	}
	for _, g := range groups {
		s.Groups = append(s.Groups, groupRow{g.name, g.verdicts(), g.show(recovery), g.show(outage), g.show(latency("all", 50)), g.show(latency("all", 99))})
	}
	for _, c := range x.Cells {
		s.Runs = append(s.Runs, newLine(c, x.Dimensions))
	}
	s.Facts = pageFacts(x)
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, s)
	return b.Bytes(), err
}

var pageMeanings = map[results.Status]string{
	results.StatusValid:   "Every cell is what it should be: promises and thresholds held, and what was planted to fail was found.",
	results.StatusInvalid: "In some cell a promise or a threshold was broken, or planted damage went unseen. Those cells are listed below with their reasons.",
	results.StatusHarness: "Some run was not what its plan says, so it is no result. Nothing that is a result was invalid.",
	results.StatusUnknown: "This is no pass: something was not decided, or not run.",
}

func pageTiles(x *Index) []tile {
	tiles := []tile{{"cells", fmt.Sprint(len(x.Cells)), ""}}
	for _, s := range statuses {
		if n := x.Counts[s]; n > 0 || s == results.StatusValid {
			tiles = append(tiles, tile{s.String(), fmt.Sprint(n), s.String()})
		}
	}
	if x.Unfinished > 0 {
		tiles = append(tiles, tile{"not finished", fmt.Sprint(x.Unfinished), "open"})
	}
	return append(tiles, tile{"took", time.Duration(x.Took * 1e9).Round(time.Second).String(), ""})
}

// signs tell verdicts apart without their colours.
var signs = map[string]string{"valid": "", "invalid": "✕", "harness": "!", "unknown": "?", "open": "·"}

func walls(ps []*panel, dims []Dimension) (all []wall) {
	for _, p := range ps {
		w := wall{Title: p.Title}
		for _, r := range p.rows {
			row := wallRow{Label: r.label}
			for _, c := range r.group.cells {
				row.Squares = append(row.Squares, newSquare(c, dims))
			}
			w.Rows = append(w.Rows, row)
		}
		all = append(all, w)
	}
	return all
}

func newSquare(c *Cell, dims []Dimension) square {
	l := newLine(c, dims)
	q := square{Class: l.Class, Link: l.Link, Title: l.Title + ": " + l.Word, Sign: signs[l.Class]}
	if l.Why != "" && l.Class != "valid" {
		q.Title += ": " + bounded([]string{l.Why}, 1)[0]
	}
	return q
}

// shown are the metrics with panels.
var shown = []struct {
	title, caption string
	of             measure
	recovers       bool
}{
	{"Time to recover", "The slowest recovery of each run: the longest gap between acknowledged operations from a strike to the next.", recovery, true},
	{"Longest time without an acknowledgement", "In each run, wherever it lay.", outage, false},
	{"Latency, 99th percentile", "Of all acknowledged operations of each run, from when they were due.", latency("all", 99), false},
}

func figures(ps []*panel, dims []Dimension) (all []multiples) {
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

func newLine(c *Cell, dims []Dimension) line {
	l := line{Title: c.title(dims), Seed: c.Seed, Order: c.Order}
	if c.State != Finished {
		l.Class, l.Word = "open", "not run yet"
		if c.State == Interrupted {
			l.Word = "interrupted"
			l.Link = cellsDir + "/" + c.Name + "/"
		}
		return l
	}
	o := c.Outcome
	l.Class, l.Word, l.Why, l.Link = o.Verdict.String(), o.Verdict.String(), o.Reason, c.link()
	if c.MustFail {
		l.Word += " (to fail)"
	}
	if n := len(o.Attempts); n > 0 {
		l.Why = strings.TrimSpace(l.Why + fmt.Sprintf(" Tried %d times.", n+1))
	}
	l.Took = fmt.Sprintf("%.1f", o.Took)
	m := o.Metrics
	if m == nil {
		return l
	}
	l.Changes = fmt.Sprint(m.LeaderChanges)
	if m.Unavailability != nil {
		l.Unavailable = showMillis(*m.Unavailability)
	}
	switch {
	case m.Censored:
		l.TTR = "never"
	case m.TTR != nil:
		l.TTR = showMillis(*m.TTR)
	}
	if t := m.Latency["all"]; t != nil {
		l.P50, l.P99 = showMillis(t.P50), showMillis(t.P99)
	}
	if m.OKRatio != nil {
		l.Ratio = fmt.Sprintf("%.4f", *m.OKRatio)
	}
	return l
}

func pageFacts(x *Index) [][2]string {
	f := [][2]string{
		{"file", x.File}, {"sha256", x.Sum}, {"seed", fmt.Sprint(x.Seed)}, {"started", x.Started.Format(time.RFC3339)},
		{"at a time", count(x.Jobs, "cell")}, {"reckon", x.Reckon},
	}
	if x.Shard.Of > 1 {
		f = append(f, [2]string{"shard", fmt.Sprintf("%s, %d of %d cells", x.Shard, len(x.Cells), x.All)})
	}
	for _, d := range x.Dimensions {
		f = append(f, [2]string{d.Name, strings.Join(d.Values, ", ")})
	}
	return f
}
