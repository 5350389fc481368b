package report

import (
	"bytes"
	"cmp"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/figure"
	"github.com/reckon-bench/reckon/results/summary"

	_ "embed"
	"fmt"
	"html/template"
	"math"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
)

//go:embed report.html.tmpl
var reportSource string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"count": func(n any) string { return showNumber(float64(reflect.ValueOf(n).Int())) },
	"ms":    showMillis, "s": showSeconds, "us": showMicros, "num": showNumber,
	"size": func(n any) string {
		if v := reflect.ValueOf(n); v.CanInt() {
			return showSize(float64(v.Int()))
		}
		return showSize(n.(float64))
	},
	"percent": func(x float64) string { return showFixed(x, 1) },
	"metrics": func(members []string, rows []metricRow) metricTable { return metricTable{members, rows} },
}).Parse(reportSource))

// report returns the page: one file that refers to nothing outside the run's
// directory, and loses only the links to plots where it is carried away from it.
func report(d *results.Dir, load0 time.Duration, s results.Summary, info summary.Info, drawn []*drawing) ([]byte, error) {
	p := sheet{S: s, Info: info, Title: "reckon " + strings.Join(s.Words, " "), Meaning: meanings[results.Status(s.Verdict.String())]}
	p.figures(drawn)
	p.Tiles = tiles(s)
	if k := s.Kibishii; k != nil {
		p.PassRows, p.PassTimes = passRows(k), passTimeRows(k, s.FaultFrom != nil)
	}
	p.Strikes = strikeRows(s)
	p.Checks = checkRows(s, load0, drawn)
	p.Latency = latencyRows(s)
	p.Leaders = s.Leaders.List[:min(len(s.Leaders.List), leadersUpTo)]
	p.Host = hostRows(s)
	p.Members, p.Metrics, p.MoreMetrics = metricRows(s)
	if s.Links.Backend != "" {
		p.Mischief = mischief(s.Links)
		p.Links, p.LinkMatrix, p.LinkWorst = linkSummary(s.Links), linkMatrix(s.Links), worstPaths(s.Links)
	}
	p.Run = runFacts(s, info)
	p.Facts = groups(info.Facts)
	p.Files = files(d)
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// meanings say what a verdict allows to conclude.
var meanings = map[results.Status]string{
	results.StatusValid:   "Every check below passed. One run is one sample; repeat it before drawing conclusions about timing.",
	results.StatusInvalid: "The system violated a guarantee. The checks below say which, and show the operations that prove it.",
	results.StatusHarness: "The harness itself misbehaved, or the machine was too busy, so this run says nothing about the system. " +
		"What follows may help to find out why.",
	results.StatusUnknown: "Not a pass: no violation was found, but not everything that should be checked was.",
}

// A sheet is what the template shows.
type sheet struct {
	Title, Meaning string
	Mischief       string // what the links did to packets beside delaying and losing them
	S              results.Summary
	Info           summary.Info
	Tiles          []tile
	Timeline       []picture
	CDF, Noise     *picture
	Hearing        *picture // who heard whom
	Passes         *picture
	PassRows       []passRow
	PassTimes      []passTimeRow
	Strikes        []strikeRow
	Checks         []checkRow
	Latency        []latencyRow
	Leaders        []results.Leadership
	Host           []hostRow
	Members        []string
	Metrics        []metricRow
	MoreMetrics    []metricRow
	Links          string
	LinkMatrix     *linkTable
	LinkWorst      []pathRow
	Run            []summary.Fact
	Facts          []factGroup
	Files          []string
}

// leadersUpTo is how many changes the page lists; summary.json has all.
const leadersUpTo = 24

// A picture is a figure on the page.
type picture struct {
	Title, Caption, File string
	SVG                  template.HTML
}

func newPicture(d *drawing) *picture {
	// The drawing is ours, and every text in it was escaped when it was drawn.
	return &picture{d.Title, d.Caption, path.Join(results.PlotsDir, d.Name), template.HTML(d.inlined)}
}

// figures puts each figure where it belongs; evidence goes to its check.
func (p *sheet) figures(drawn []*drawing) {
	for _, d := range drawn {
		switch {
		case d.Check > 0:
		case d.Name == "cdf":
			p.CDF = newPicture(d)
		case d.Name == "hearing":
			p.Hearing = newPicture(d)
		case d.Name == "passes":
			p.Passes = newPicture(d)
		case d.Name == "noise":
			p.Noise = newPicture(d)
		default:
			p.Timeline = append(p.Timeline, *newPicture(d))
		}
	}
}

// A tile is one of the numbers that most readers come for.
type tile struct{ Name, Value, More string }

func tiles(s results.Summary) []tile {
	ops := s.Ops
	var t []tile
	if ops.Offered > 0 || s.Kibishii == nil {
		t = append(t, tile{"operations offered", showNumber(float64(ops.Offered)),
			fmt.Sprintf("%s ok, %s failed, %s unknown", showNumber(float64(ops.OK)), showNumber(float64(ops.Failed)), showNumber(float64(ops.Unknown)))})
	}
	if s.Kibishii != nil {
		t = append(t, passTile(s.Kibishii))
	}
	for _, l := range []struct {
		name string
		q    *results.Quantiles
	}{{"median latency before", s.Latency.Before}, {"median latency during", s.Latency.During}, {"median latency after", s.Latency.After}} {
		if l.q == nil {
			continue
		}
		if s.FaultFrom == nil {
			l.name = "median latency"
		}
		t = append(t, tile{l.name, showMillis(l.q.P50) + " ms", "p99 " + showMillis(l.q.P99) + " ms"})
	}
	if s.Ops.Offered > 0 {
		t = append(t, tile{"longest outage", showMillis(s.Unavailability.LongestGap) + " ms",
			fmt.Sprintf("from %s s to %s s", showSeconds(s.Unavailability.Gap[0]), showSeconds(s.Unavailability.Gap[1]))})
	}
	if r, ok := recovery(s); ok && ops.Offered > 0 {
		t = append(t, r)
	}
	return t
}

// recovery returns the slowest recovery of all strikes; one that never came is slower than all.
func recovery(s results.Summary) (t tile, ok bool) {
	of, slowest := s.Unavailability.Slowest()
	if of < 0 {
		return t, false
	}
	if math.IsInf(slowest, 1) {
		return tile{"time to recover", "never", "did not recover under load (censored)"}, true
	}
	struck := 0
	for _, k := range s.Strikes {
		if k.Struck != nil {
			struck++
		}
	}
	t = tile{"time to recover", showMillis(slowest) + " ms", "after the fault"}
	if struck > 1 {
		t.More = fmt.Sprintf("slowest of %d faults", struck)
	}
	return t, true
}

type strikeRow struct {
	results.Strike
	StruckAt, HealedAt, TTR string
}

func strikeRows(s results.Summary) []strikeRow {
	var rows []strikeRow
	for i, k := range s.Strikes {
		r := strikeRow{Strike: k, StruckAt: orNever(k.Struck), HealedAt: orNever(k.Healed), TTR: "-"}
		r.Detail = cmp.Or(k.Detail, k.Name)
		switch u := s.Unavailability; {
		case i < len(u.Censored) && u.Censored[i]:
			r.TTR = "did not recover under load (censored)"
		case i < len(u.TTR) && u.TTR[i] != nil:
			r.TTR = showMillis(*u.TTR[i]) + " ms"
		}
		rows = append(rows, r)
	}
	return rows
}

func orNever(t *float64) string {
	if t == nil {
		return "never"
	}
	return showSeconds(*t)
}

type checkRow struct {
	check.Result
	Figure   *picture
	Evidence []evidenceRow
}

type evidenceRow struct{ Process, What, Call, Return, Outcome, Member string }

func checkRows(s results.Summary, load0 time.Duration, drawn []*drawing) []checkRow {
	var rows []checkRow
	for i, c := range s.Checks {
		r := checkRow{Result: c}
		if k := slices.IndexFunc(drawn, func(d *drawing) bool { return d.Check == i+1 }); k >= 0 {
			r.Figure = newPicture(drawn[k])
			r.Evidence = evidenceRows(c.Evidence, load0)
		}
		rows = append(rows, r)
	}
	return rows
}

func evidenceRows(ops []history.Op, load0 time.Duration) []evidenceRow {
	var rows []evidenceRow
	ops = slices.Clone(ops[:min(len(ops), figure.EvidenceUpTo)])
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range ops {
		r := evidenceRow{figure.ProcessName(o), figure.What(o), fmt.Sprintf("%.6f", summary.Seconds(o.Call-load0)), fmt.Sprintf("%.6f", summary.Seconds(o.Return-load0)), o.Outcome.String(), o.Member}
		if o.Error != "" {
			r.Outcome += ": " + o.Error
		}
		rows = append(rows, r)
	}
	return rows
}

// files returns the run's files that are there to look at.
func files(d *results.Dir) []string {
	var there []string
	for _, name := range []string{results.SummaryFile, results.PlanName, results.OpsFile, results.EventsFile, results.ChangesFile, results.PassesFile, results.LogsDir, results.PlotsDir} {
		if _, err := os.Stat(d.Path(name)); err == nil {
			there = append(there, name)
		}
	}
	return there
}
