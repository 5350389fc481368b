package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/summary"
)

// All draws everything that the history has something to show for, in the order of the report.
func All(h *history.History, s results.Summary, info summary.Info) []*canvas.Figure {
	r := summary.NewReading(h, info)
	if !r.Loaded {
		return nil
	}
	v := newView(r, s)
	all := []*canvas.Figure{v.latency(), v.throughput(), v.lanes(), v.passes(), v.reachability(), v.cdf(), v.hostNoise()}
	for i, c := range s.Checks {
		all = append(all, v.evidence(i, c))
	}
	return slices.DeleteFunc(all, func(f *canvas.Figure) bool { return f == nil })
}

// A view is a reading on the time axis that most figures share: seconds since the load started.
type view struct {
	*summary.Reading
	s       results.Summary
	end     float64       // of the axis
	windows []canvas.Span // in which a fault was in effect
	faults  []canvas.Label
	led     []canvas.Label
	changes []float64

	quantiles, rates windows
}

func newView(r *summary.Reading, s results.Summary) *view {
	v := &view{Reading: r, s: s, end: s.LoadEnd}
	if planned := r.Info.Duration.Seconds(); math.Abs(v.end-planned) < planned/50 {
		v.end = planned // the axis ends at 30, not at 30.0004
	}
	if v.end <= 0 {
		v.end = 1
	}
	v.quantiles = v.windowsOf(120, 100) // a p99 of fewer than a hundred is a maximum
	v.rates = v.windowsOf(60, 20)
	v.labelFaults()
	v.labelLeaders()
	return v
}

// labelFaults shades what was struck, and names each fault over all of its strikes: a link that
// flaps is one label, not twenty.
func (v *view) labelFaults() {
	over := map[string]*canvas.Label{}
	count := map[string]int{}
	var order []string
	for _, k := range v.s.Strikes {
		if k.Struck == nil {
			continue
		}
		to := v.end
		if k.Healed != nil {
			to = *k.Healed
		}
		v.windows = append(v.windows, canvas.Span{From: *k.Acted, To: to})
		l := over[k.Fault]
		if l == nil {
			l = &canvas.Label{From: *k.Acted, Text: k.Fault}
			if k.Detail != "" {
				l.Text += ": " + canvas.OneLine(k.Detail, 48)
			}
			over[k.Fault] = l
			order = append(order, k.Fault)
		}
		l.To = max(l.To, to)
		if count[k.Fault]++; count[k.Fault] > 1 {
			l.Text = fmt.Sprintf("%s, %d times", k.Fault, count[k.Fault])
		}
	}
	for _, name := range order {
		v.faults = append(v.faults, *over[name])
	}
}

func (v *view) labelLeaders() {
	for _, l := range v.s.Leaders.List {
		if l.Node == "" || l.At <= 0 || l.At > v.end {
			continue
		}
		v.changes = append(v.changes, l.At)
		v.led = append(v.led, canvas.Label{From: l.At, To: l.At, Text: l.Node + " leads"})
	}
}

// timePlot returns a plot over the time of the load with its faults and leader changes behind the
// data.
func (v *view) timePlot(data ...plot.Plotter) *plot.Plot {
	p := canvas.NewPlot()
	p.Add(canvas.Bands{Spans: v.windows})
	p.Add(data...)
	p.Add(canvas.Verticals{At: v.changes})
	p.X.Min, p.X.Max = 0, v.end
	p.X.Tick.Marker = canvas.LinearTicks{N: 6}
	p.X.Label.Text = "time since the load started (s)"
	return p
}
