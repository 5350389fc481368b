package canvas

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Polyline joins points.
type Polyline struct {
	Pts   plotter.XYs
	Style draw.LineStyle
}

func (l Polyline) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := make([]vg.Point, len(l.Pts))
	for i, pt := range l.Pts {
		line[i] = vg.Point{X: x(pt.X), Y: y(pt.Y)}
	}
	c.StrokeLines(l.Style, line)
}

// Between returns the point that lies the share of the way from p to q.
func Between(p, q vg.Point, share float64) vg.Point {
	return vg.Point{X: p.X + (q.X-p.X)*vg.Length(share), Y: p.Y + (q.Y-p.Y)*vg.Length(share)}
}

// Cross draws a cross of radius r.
func Cross(c draw.Canvas, at vg.Point, r vg.Length) {
	sty := draw.LineStyle{Color: Vermilion, Width: 1.4}
	c.StrokeLine2(sty, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(sty, at.X-r, at.Y+r, at.X+r, at.Y-r)
}
