package canvas

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The marks that figures are made of. Each draws one path for all it holds, in multiples of a
// fraction of a point: a hundred thousand operations make a file of a few hundred kilobytes.

// Bands shades spans of x over the whole height.
type Bands struct{ Spans []Span }

// leastBand is the least width of a span.
const leastBand = vg.Length(0.8)

// A Span is from where to where on the x axis.
type Span struct{ From, To float64 }

func (b Bands) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, s := range b.Spans {
		x0, x1 := x(max(s.From, p.X.Min)), x(min(s.To, p.X.Max))
		if s.From >= p.X.Min && s.From <= p.X.Max && x1-x0 < leastBand { // one that is over at once would not be seen
			FillRect(c, Grey, x0-leastBand/2, c.Min.Y, x0+leastBand/2, c.Max.Y)
		} else if x1 > x0 {
			FillRect(c, shade, x0, c.Min.Y, x1, c.Max.Y)
		}
	}
}

// Verticals draws thin lines at instants.
type Verticals struct{ At []float64 }

func (v Verticals) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, t := range v.At {
		if t >= p.X.Min && t <= p.X.Max {
			c.StrokeLine2(draw.LineStyle{Color: Dark, Width: 0.6, Dashes: Dots}, x(t), c.Min.Y, x(t), c.Max.Y)
		}
	}
}

// Cloud draws every point as a small square. Points that would cover each other are drawn once.
type Cloud struct {
	Pts   plotter.XYs
	Color color.Color
}

// cloudSize returns the size of the points: those of a small cloud are larger, or they would not be
// seen them.
func cloudSize(points int) vg.Length {
	switch {
	case points < 100:
		return 2.6
	case points < 1000:
		return 1.7
	}
	return 1.1
}

func (s Cloud) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const grid = 2 // cells a point
	type cell struct{ x, y int32 }
	seen := make(map[cell]struct{}, len(s.Pts)/2)
	var path vg.Path
	size := cloudSize(len(s.Pts))
	for _, pt := range s.Pts {
		k := cell{int32(x(pt.X) * grid), int32(y(pt.Y) * grid)}
		if _, dup := seen[k]; dup {
			continue
		}
		seen[k] = struct{}{}
		at := vg.Point{X: vg.Length(k.x) / grid, Y: vg.Length(k.y) / grid}
		path.Move(vg.Point{X: at.X - size/2, Y: at.Y})
		path.Line(vg.Point{X: at.X + size/2, Y: at.Y})
	}
	c.SetLineStyle(draw.LineStyle{Color: s.Color, Width: size})
	c.Stroke(path)
}

// Density shades cells by how many points fall into them, on a log scale.
type Density struct {
	Pts plotter.XYs
}

// DensityRamp goes from few to many. Its darkest leaves lines over it readable.
var DensityRamp = []color.RGBA{
	{0xB4, 0xDB, 0xF4, 255}, {0x9A, 0xCF, 0xF0, 255}, {0x7C, 0xC2, 0xEC, 255},
	{0x56, 0xB4, 0xE9, 255}, {0x45, 0xA6, 0xDD, 255}, {0x35, 0x97, 0xCF, 255},
}

const densityCell = vg.Length(1.5)

func (d Density) Plot(c draw.Canvas, p *plot.Plot) {
	counts, w, most := d.count(c, p)
	if most == 0 {
		return
	}
	paths := make([]vg.Path, len(DensityRamp))
	for i := 0; i < len(counts); {
		level := densityLevel(counts[i], most)
		run := i
		for i++; i < len(counts) && i%w != 0 && densityLevel(counts[i], most) == level; i++ {
		}
		if level < 0 {
			continue
		}
		x0, y0 := c.Min.X+vg.Length(run%w)*densityCell, c.Min.Y+vg.Length(run/w)*densityCell
		// cells overlap by a hair, or seams show
		x1, y1 := x0+vg.Length(i-run)*densityCell+0.1, y0+densityCell+0.1
		q := &paths[level]
		q.Move(vg.Point{X: x0, Y: y0})
		q.Line(vg.Point{X: x1, Y: y0})
		q.Line(vg.Point{X: x1, Y: y1})
		q.Line(vg.Point{X: x0, Y: y1})
		q.Close()
	}
	for level, q := range paths {
		if len(q) > 0 {
			c.SetColor(DensityRamp[level])
			c.Fill(q)
		}
	}
}

// count returns the number of points in each cell, row by row from the bottom.
func (d Density) count(c draw.Canvas, p *plot.Plot) (counts []int, width, most int) {
	x, y := p.Transforms(&c)
	width = int((c.Max.X - c.Min.X) / densityCell)
	height := int((c.Max.Y - c.Min.Y) / densityCell)
	counts = make([]int, width*height)
	for _, pt := range d.Pts {
		i, j := int((x(pt.X)-c.Min.X)/densityCell), int((y(pt.Y)-c.Min.Y)/densityCell)
		if i < 0 || i >= width || j < 0 || j >= height {
			continue
		}
		counts[j*width+i]++
		most = max(most, counts[j*width+i])
	}
	return counts, width, most
}

// densityLevel returns the colour for a count, -1 for none.
func densityLevel(n, most int) int {
	if n == 0 {
		return -1
	}
	share := math.Log1p(float64(n)) / math.Log1p(float64(most))
	return min(int(share*float64(len(DensityRamp))), len(DensityRamp)-1)
}

// Rug draws a mark for each instant in a row at a fraction of the height.
type Rug struct {
	At    []float64
	Row   float64
	Color color.Color
	Mark  Mark // tick or wedge
}

func (r Rug) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	y := c.Min.Y + (c.Max.Y-c.Min.Y)*vg.Length(r.Row)
	slices.Sort(r.At)
	last := vg.Length(math.Inf(-1))
	least := vg.Length(0.4)
	if r.Mark == MarkWedge {
		least = 1.5
	}
	var path vg.Path
	for _, t := range r.At {
		px := x(t)
		if px-last < least {
			continue
		}
		last = px
		if r.Mark == MarkWedge {
			fillWedge(c, r.Color, px, y, 2)
			continue
		}
		path.Move(vg.Point{X: px, Y: y - 2.5})
		path.Line(vg.Point{X: px, Y: y + 2.5})
	}
	c.SetLineStyle(draw.LineStyle{Color: r.Color, Width: 0.6})
	c.Stroke(path)
}

// A Series is a value for each window of x; NaN where there is none.
type Series struct {
	from, Width float64
	Values      []float64
}

// Steps draws a series as a line that is level within each window, and broken where there is no
// value.
type Steps struct {
	Series
	Style draw.LineStyle
}

func (s Steps) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	drawing := false
	for i, v := range s.Values {
		x0, x1 := x(s.from+float64(i)*s.Width), x(min(s.from+float64(i+1)*s.Width, p.X.Max))
		if math.IsNaN(v) || x1 <= x0 {
			drawing = false
			continue
		}
		py := min(max(y(v), c.Min.Y), c.Max.Y)
		if drawing {
			path.Line(vg.Point{X: x0, Y: py})
		} else {
			path.Move(vg.Point{X: x0, Y: py})
		}
		path.Line(vg.Point{X: x1, Y: py})
		drawing = true
	}
	c.SetLineStyle(s.Style)
	c.Stroke(path)
}

// Area fills between two series of the same windows.
type Area struct {
	Low, High Series
	Color     color.Color
}

func (a Area) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for i := range a.High.Values {
		lo, hi := y(a.Low.Values[i]), y(a.High.Values[i])
		x0, x1 := x(a.High.from+float64(i)*a.High.Width), x(min(a.High.from+float64(i+1)*a.High.Width, p.X.Max))
		if hi <= lo || x1 <= x0 {
			continue
		}
		path.Move(vg.Point{X: x0, Y: lo})
		path.Line(vg.Point{X: x1, Y: lo})
		path.Line(vg.Point{X: x1, Y: hi})
		path.Line(vg.Point{X: x0, Y: hi})
		path.Close()
	}
	c.SetColor(a.Color)
	c.Fill(path)
}

// Horizontal draws a level across the plot, with a label at its right end.
type Horizontal struct {
	At    float64
	Text  string
	Style draw.LineStyle
}

func (h Horizontal) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	at := y(h.At)
	c.StrokeLine2(h.Style, c.Min.X, at, c.Max.X, at)
	sty := Text(SmallSize, h.Style.Color)
	sty.XAlign, sty.YAlign = draw.XRight, draw.YBottom
	c.FillText(sty, vg.Point{X: c.Max.X - 2, Y: at + 1}, h.Text)
}
