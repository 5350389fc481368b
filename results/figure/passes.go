package figure

import (
	"cmp"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results/canvas"
)

// passNodes returns the workers, in the order in which people count.
func passNodes(passes []history.Pass) (nodes []string) {
	for _, p := range passes {
		for _, n := range p.Nodes {
			if !slices.Contains(nodes, n.Node) {
				nodes = append(nodes, n.Node)
			}
		}
	}
	slices.SortFunc(nodes, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return nodes
}

// passes draws a lane for each worker: generating in its upper half, verifying in its lower half,
// and how each ended.
func (v *view) passes() *canvas.Figure {
	nodes := passNodes(v.H.Passes)
	if len(nodes) == 0 {
		return nil
	}
	parts := v.passParts()
	return &canvas.Figure{
		Name: "passes", Title: "Passes over time",
		Caption: "Each worker's part in each pass: generating its tree above the line, verifying it below. " +
			"A part lasts from the command to the worker's result, or, where there was none, to the end of the pass. Shaded: a fault is active.",
		Faults: v.faults, Leaders: v.led,
		Panels: []canvas.Panel{{Plot: v.lanePlot(nodes, passChart{nodes, parts}), Height: 30 + 24*vg.Length(len(nodes)), Legend: passLegend(parts)}},
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

// fates differ in shape as well as in colour: what went wrong is taller, and crossed, filled or
// hollow.
var fates = [...]struct {
	name  string
	color color.RGBA
	mark  canvas.Mark
}{

	right:      {"success", canvas.Green, canvas.MarkBlock},
	wrong:      {"failed", canvas.Vermilion, canvas.MarkCrossed},
	lost:       {"lost its lease", canvas.Dark, canvas.MarkBlock},
	unfinished: {"not completed", canvas.Orange, canvas.MarkHollow},
}

// A passPart is one worker's part in one pass, in seconds.
type passPart struct {
	node     string
	verify   bool
	fate     fate
	from, to float64
}

func (v *view) passParts() (parts []passPart) {
	for i := range v.H.Passes {
		p := &v.H.Passes[i]
		for _, n := range p.Nodes {
			part := passPart{n.Node, p.Command == "verify", fateOf(n.State), v.Since(p.Call), v.Since(p.Return)}
			if n.Completed > 0 {
				part.to = v.Since(n.Completed)
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

func passLegend(parts []passPart) (legend []canvas.Entry) {
	for f, x := range fates {
		if f == int(right) || slices.ContainsFunc(parts, func(p passPart) bool { return p.fate == fate(f) }) {
			legend = append(legend, canvas.Entry{Text: x.name, Mark: x.mark, Color: x.color})
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
	fates[f].mark.Box(c, fates[f].color, x0, y0, x1, y1)
}
