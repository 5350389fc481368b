package figure

import (
	"fmt"
	"image/color"
	"maps"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results/canvas"
)

// lanes draws a lane for each node: when it led and which term, and when it was
// dead, paused, cut off or did not answer.
func (v *view) lanes() *canvas.Figure {
	nodes := v.Info.NodesIn(v.H)
	if len(nodes) == 0 {
		return nil
	}
	bars := v.laneBars()
	return &canvas.Figure{
		Name: "lanes", Title: "Nodes and leadership",
		Caption: "Who led which term, as the nodes reported, and which faults acted on them. A strip below a lane: a link of that node was cut or degraded.",
		Faults:  v.faults, Leaders: v.led,
		Panels: []canvas.Panel{{Plot: v.lanePlot(nodes, laneChart{nodes, bars}), Height: 30 + 15*vg.Length(len(nodes)), Legend: laneLegend(bars)}},
	}
}

// lanePlot returns a plot over time with a lane for each node.
func (v *view) lanePlot(nodes []string, chart plot.Plotter) *plot.Plot {
	p := v.timePlot(chart)
	p.Y.Min, p.Y.Max = -0.5, float64(len(nodes))-0.5
	p.Y.Tick.Length = 0
	p.Y.Tick.Marker = canvas.LaneTicks(nodes)
	return p
}

// condition is what a node is in for a while.
type condition int

const (
	leading condition = iota
	dead
	paused
	silent
	cut
	degraded
)

var conditions = [...]struct {
	name  string
	color color.RGBA
}{

	leading:  {"leads", canvas.Blue},
	dead:     {"dead", canvas.Dark},
	paused:   {"paused", canvas.Orange},
	silent:   {"not answering", color.RGBA{0xB0, 0xB0, 0xB0, 255}},
	cut:      {"a link cut", canvas.Vermilion},
	degraded: {"a link degraded", canvas.Purple},
}

// A bar is a condition of a node over a time.
type bar struct {
	node      string
	condition condition
	from, to  float64
	term      uint64          // of a leader
	overlay   []history.Layer // of a link: all of what was laid over the links with it
}

func laneLegend(bars []bar) []canvas.Entry {
	var legend []canvas.Entry
	for c := range conditions {
		if slices.ContainsFunc(bars, func(b bar) bool { return b.condition == condition(c) }) {
			legend = append(legend, canvas.Entry{Text: conditions[c].name, Mark: canvas.MarkBlock, Color: conditions[c].color})
		}
	}
	return append(legend, canvas.Entry{Text: "answers", Mark: canvas.MarkLine, Color: canvas.Grey})
}

// open is what has begun and not ended, in order of beginning.
type open struct {
	v    *view
	list []bar
	done []bar
}

func (o *open) begin(b bar) { o.list = append(o.list, b) }

// end ends the first that fits.
func (o *open) end(at float64, fits func(bar) bool) {
	if i := slices.IndexFunc(o.list, fits); i >= 0 {
		b := o.list[i]
		o.list = slices.Delete(o.list, i, i+1)
		b.to = at
		o.done = append(o.done, b)
	}
}

func (v *view) laneBars() []bar {
	o := &open{v: v}
	for _, e := range v.H.Events {
		o.see(e, v.Since(e.At))
	}
	for len(o.list) > 0 {
		o.end(v.end, func(bar) bool { return true })
	}
	return slices.DeleteFunc(o.done, func(b bar) bool { return b.to <= 0 || b.from >= v.end })
}

func (o *open) see(e history.Event, at float64) {
	is := func(node string, c condition) func(bar) bool {
		return func(b bar) bool { return (node == "" || b.node == node) && b.condition == c }
	}
	held := dead
	if e.State == history.Paused {
		held = paused
	}
	switch e.Kind {
	case history.Leads:
		o.end(at, is("", leading))
		if e.Subject != "" {
			o.begin(bar{node: e.Subject, condition: leading, from: at, term: e.Term()})
		}
	case history.Held:
		o.begin(bar{node: e.Subject, condition: held, from: at})
	case history.Released:
		o.end(at, is(e.Subject, held))
	case history.Down:
		o.begin(bar{node: e.Subject, condition: silent, from: at})
	case history.Up:
		o.end(at, is(e.Subject, silent))
	case history.Degraded:
		nodes := overlaid(e.Overlay)
		for _, node := range slices.SortedFunc(maps.Keys(nodes), link.CompareHosts) {
			o.begin(bar{node: node, condition: nodes[node], from: at, overlay: e.Overlay})
		}
	case history.Restored:
		for range overlaid(e.Overlay) {
			o.end(at, func(b bar) bool { return b.condition >= cut && slices.Equal(b.overlay, e.Overlay) })
		}
	}
}

func (c condition) String() string { return conditions[c].name }

// overlaid returns the nodes whose links an overlay touches, and how.
func overlaid(layers []history.Layer) map[string]condition {
	nodes := map[string]condition{}
	for _, l := range layers {
		for _, n := range []string{l.From, l.To} {
			if c, seen := nodes[n]; !seen || c == degraded {
				nodes[n] = degraded
				if l.Cut {
					nodes[n] = cut
				}
			}
		}
	}
	return nodes
}

// drawLanes draws the line of each node, width points wide, and says where each is.
func drawLanes(c draw.Canvas, nodes []string, y func(float64) vg.Length, width vg.Length) map[string]vg.Length {
	at := map[string]vg.Length{}
	for i, n := range nodes {
		at[n] = y(float64(len(nodes) - 1 - i))
		c.StrokeLine2(draw.LineStyle{Color: canvas.Grey, Width: width}, c.Min.X, at[n], c.Max.X, at[n])
	}
	return at
}

// laneChart draws the bars: leadership fills the lane, what happens to the links lies along its
// lower edge.
type laneChart struct {
	nodes []string
	bars  []bar
}

func (l laneChart) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	lane := y(1) - y(0)
	at := drawLanes(c, l.nodes, y, 0.8)
	// What is drawn later lies on top: a dead node cannot lead, whatever was last heard of it.
	for _, k := range []condition{silent, leading, paused, dead, degraded, cut} {
		for _, b := range l.bars {
			at, ok := at[b.node]
			if b.condition != k || !ok {
				continue
			}
			x0, x1 := x(max(b.from, p.X.Min)), x(min(b.to, p.X.Max))
			low, high := at-0.36*lane, at+0.36*lane
			if k == cut || k == degraded {
				low, high = at-0.48*lane, at-0.30*lane
			}
			canvas.FillRect(c, conditions[k].color, x0, low, max(x1, x0+0.5), high)
			b.label(c, max(x0, x(l.coveredUntil(b))), x1, at)
		}
	}
}

// coveredUntil returns how far the bar of a silent node is covered by the one that says why it is
// silent.
func (l laneChart) coveredUntil(b bar) float64 {
	until := b.from
	for _, over := range l.bars {
		if b.condition == silent && over.node == b.node && (over.condition == dead || over.condition == paused) && over.from <= b.to && over.to > until {
			until = over.to
		}
	}
	return until
}

// label writes what there is room for.
func (b bar) label(c draw.Canvas, x0, x1, y vg.Length) {
	texts := []string{b.condition.String()}
	sty := canvas.Text(canvas.SmallSize, canvas.White)
	switch b.condition {
	case leading:
		term := fmt.Sprint(b.term)
		texts = []string{"leads, term " + term, "term " + term, term}
	case paused, silent:
		sty.Color = canvas.Black
	case cut, degraded:
		return // the strip is too thin; the table of strikes says what was done
	}
	sty.XAlign = draw.XCenter
	for _, text := range texts {
		if sty.Width(text) < x1-x0-3 {
			c.FillText(sty, vg.Point{X: (x0 + x1) / 2, Y: y}, text)
			return
		}
	}
}
