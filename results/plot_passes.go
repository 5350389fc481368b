package results

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// passes draws a lane for each worker: generating in its upper half, verifying in its lower half, and how each ended.
func (v *view) passes() *figure {
	nodes := passNodes(v.h.Passes)
	if len(nodes) == 0 {
		return nil
	}
	parts := v.passParts()
	return &figure{
		name: "passes", title: "Passes over time",
		caption: "Each worker's part in each pass: generating its tree above the line, verifying it below. " +
			"A part lasts from the command to the worker's result, or, where there was none, to the end of the pass. Shaded: a fault is in effect.",
		faults: v.faults, leaders: v.led,
		panels: []panel{{plot: v.lanePlot(nodes, passChart{nodes, parts}), height: 30 + 24*vg.Length(len(nodes)), legend: passLegend(parts)}},
	}
}

// A fate is how a worker's part in a pass ended.
type fate int

const (
	right fate = iota
	wrong
	lost
	unfinished
)

// fates differ in shape as well as in colour: what went wrong is taller, and crossed, filled or hollow.
var fates = [...]struct {
	name  string
	color color.RGBA
	mark  mark
}{
	right:      {"success", green, block},
	wrong:      {"failed", vermilion, crossed},
	lost:       {"lost its lease", dark, block},
	unfinished: {"not completed", orange, hollow},
}

// A passPart is one worker's part in one pass, in seconds.
type passPart struct {
	node     string
	verify   bool
	fate     fate
	from, to float64
}

func (v *view) passParts() (parts []passPart) {
	for i := range v.h.Passes {
		p := &v.h.Passes[i]
		for _, n := range p.Nodes {
			part := passPart{n.Node, p.Command == "verify", fateOf(n.State), v.since(p.Call), v.since(p.Return)}
			if n.Completed > 0 {
				part.to = v.since(n.Completed)
			}
			if part.to > 0 && part.from < v.end {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

func fateOf(state string) fate {
	switch state {
	case "success":
		return right
	case "failed":
		return wrong
	case "lost":
		return lost
	}
	return unfinished
}

func passLegend(parts []passPart) (legend []entry) {
	for f, x := range fates {
		if f == int(right) || slices.ContainsFunc(parts, func(p passPart) bool { return p.fate == fate(f) }) {
			legend = append(legend, entry{x.name, x.mark, x.color})
		}
	}
	return legend
}

// passChart draws the parts; those that went wrong lie on top, and are never too thin to be seen.
type passChart struct {
	nodes []string
	parts []passPart
}

func (k passChart) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	lane := y(1) - y(0)
	at := drawLanes(c, k.nodes, y, 0.5)
	for f := range fates {
		for _, part := range k.parts {
			at, ok := at[part.node]
			if part.fate != fate(f) || !ok {
				continue
			}
			height := 0.26 * lane
			if part.fate != right {
				height = 0.40 * lane
			}
			if part.verify {
				height = -height
			}
			x0, x1 := x(max(part.from, p.X.Min)), x(min(part.to, p.X.Max))
			part.fate.draw(c, x0, at, x1, at+height)
		}
	}
}

// leastPart is the least width of what went wrong, and leastRight that of a success.
const (
	leastPart  = vg.Length(2)
	leastRight = vg.Length(0.5)
)

func (f fate) draw(c draw.Canvas, x0, y0, x1, y1 vg.Length) {
	least := leastPart
	if f == right {
		least = leastRight
		x1 -= min(0.4, (x1-x0)/4) // so that passes that follow each other are told apart
	}
	x1 = max(x1, x0+least)
	fates[f].mark.box(c, fates[f].color, x0, y0, x1, y1)
}

// box draws a box in the way of the mark: filled, crossed or hollow.
func (m mark) box(c draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	outline := draw.LineStyle{Color: col, Width: 0.8}
	switch m {
	case hollow:
		fillRect(c, white, x0, y0, x1, y1)
		c.StrokeLines(outline, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}, {X: x0, Y: y0}})
	case crossed:
		fillRect(c, col, x0, y0, x1, y1)
		over := draw.LineStyle{Color: white, Width: 0.7}
		c.StrokeLine2(over, x0, y0, x1, y1)
		c.StrokeLine2(over, x0, y1, x1, y0)
	default:
		fillRect(c, col, x0, y0, x1, y1)
	}
}
