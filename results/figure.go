package results

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A figure is panels above each other whose data begin and end at the same x.
type figure struct {
	name    string // of its files
	title   string
	caption string // says what is to be seen, and how it was measured
	panels  []panel
	top     []headline // above the first panel, from top to bottom
	wide    bool       // has no version for a column
	check   int        // the number of the check that it is evidence of, from 1; 0 for none
}

// A panel is one plot with its legend above it.
type panel struct {
	plot   *plot.Plot
	y      string    // label of the y axis; the plot has none of its own, which would move the data
	height vg.Length // of all of it but the legend, in a column
	legend []entry
}

// A headline is a row of labels above the data, each at an instant or over a span of x.
type headline struct{ labels []label }

type label struct {
	from, to float64 // in units of x; equal for an instant
	text     string
}

// An entry explains one mark.
type entry struct {
	text  string
	mark  mark
	color color.Color
}

// mark is how an entry's sample is drawn.
type mark int

const (
	line mark = iota
	dashes
	dots
	block
	tick
	wedge
	points
)

const (
	legendHeight   = vg.Length(11)
	headlineHeight = vg.Length(10)
	pngDPI         = 300
)

// height is what the figure needs in the format.
func (f *figure) height(in format) vg.Length {
	h := headlineHeight*vg.Length(len(f.top)) + 2
	for _, p := range f.panels {
		h += p.height * in.stretch
		h += legendHeight * vg.Length(len(p.rows(in)))
	}
	return h
}

// draw draws the figure.
func (f *figure) draw(c draw.Canvas, in format) {
	top := c.Max.Y - 2
	for i, p := range f.panels {
		for _, row := range p.rows(in) {
			drawLegend(c, c.Min.X+in.left, top-legendHeight/2, row)
			top -= legendHeight
		}
		head := top
		if i == 0 {
			top -= headlineHeight * vg.Length(len(f.top))
		}
		bottom := top - p.height*in.stretch
		data := p.draw(c, bottom, top, in)
		if i == 0 {
			for k, h := range f.top {
				h.draw(c, data, p.plot, head-headlineHeight*(vg.Length(k)+0.5))
			}
		}
		top = bottom
	}
}

// draw draws the panel between bottom and top, and returns where its data are.
func (p panel) draw(c draw.Canvas, bottom, top vg.Length, in format) draw.Canvas {
	area := c
	area.Min.Y, area.Max.Y = bottom, top-2
	area = aligned(p.plot, area, in)
	p.plot.Draw(area)
	data := p.plot.DataCanvas(area)
	sty := textStyle(textSize, black)
	sty.Rotation, sty.XAlign, sty.YAlign = math.Pi/2, draw.XCenter, draw.YTop
	c.FillText(sty, vg.Point{X: c.Min.X + 1, Y: (data.Min.Y + data.Max.Y) / 2}, p.y)
	return data
}

// aligned is the canvas on which the plot's data fill the format's width exactly.
func aligned(p *plot.Plot, c draw.Canvas, in format) draw.Canvas {
	area := c
	for range 2 { // the second round mends what moved tick labels change
		data := p.DataCanvas(area)
		area.Min.X += c.Min.X + in.left - data.Min.X
		area.Max.X += c.Max.X - in.right - data.Max.X
	}
	return area
}

// rows breaks the legend into lines that fit.
func (p panel) rows(in format) [][]entry {
	var rows [][]entry
	room := vg.Length(0)
	for _, e := range p.legend {
		w := e.width()
		if len(rows) == 0 || w > room {
			rows = append(rows, nil)
			room = in.width - in.left
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		room -= w
	}
	return rows
}

const sampleWidth = vg.Length(10)

func (e entry) width() vg.Length {
	return sampleWidth + 3 + textStyle(smallSize, black).Width(e.text) + 6
}

func drawLegend(c draw.Canvas, x, y vg.Length, row []entry) {
	for _, e := range row {
		e.sample(c, x, y)
		c.FillText(textStyle(smallSize, black), vg.Point{X: x + sampleWidth + 3, Y: y}, e.text)
		x += e.width()
	}
}

func (e entry) sample(c draw.Canvas, x, y vg.Length) {
	mid, end := x+sampleWidth/2, x+sampleWidth
	switch e.mark {
	case line:
		c.StrokeLine2(draw.LineStyle{Color: e.color, Width: 1.2}, x, y, end, y)
	case dashes:
		c.StrokeLine2(draw.LineStyle{Color: e.color, Width: 1, Dashes: dashed}, x, y, end, y)
	case dots:
		c.StrokeLine2(draw.LineStyle{Color: e.color, Width: 1.2, Dashes: dotted}, x, y, end, y)
	case block:
		fillRect(c, e.color, x+2, y-3, end, y+3)
	case tick:
		c.StrokeLine2(draw.LineStyle{Color: e.color, Width: 0.8}, mid, y-3, mid, y+3)
	case wedge:
		fillWedge(c, e.color, mid, y, 2.6)
	case points:
		for i := range 3 {
			px := x + 1 + 3.4*vg.Length(i)
			fillRect(c, e.color, px, y-0.8+vg.Length(i%2), px+1.6, y+0.8+vg.Length(i%2))
		}
	}
}

func fillRect(c draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func fillWedge(c draw.Canvas, col color.Color, x, y, r vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x - r, Y: y + r*0.8}, {X: x + r, Y: y + r*0.8}, {X: x, Y: y - r*0.8}})
}

// draw puts the labels over what they label, and leaves out those for which there is no room.
func (h headline) draw(c, data draw.Canvas, p *plot.Plot, y vg.Length) {
	at, _ := p.Transforms(&data)
	sty := textStyle(smallSize, dark)
	taken := c.Min.X
	for _, l := range h.labels {
		x0, x1 := at(max(l.from, p.X.Min)), at(min(l.to, p.X.Max))
		w := sty.Width(l.text)
		x := (x0+x1)/2 - w/2
		if l.from == l.to {
			fillWedge(c, dark, x0, y, 2)
			x = x0 + 4
		}
		x = min(max(x, c.Min.X+1), c.Max.X-w-1)
		if x >= taken && l.text != "" {
			c.FillText(sty, vg.Point{X: x, Y: y}, l.text)
			taken = x + w + 4
		}
	}
}

// svg is the figure as a document of its own.
func (f *figure) svg(in format) []byte {
	w, h := in.width, f.height(in)
	canvas := vgsvg.NewWith(vgsvg.UseWH(w, h))
	c := draw.NewCanvas(canvas, w, h)
	f.draw(c, in)
	var b bytes.Buffer
	_, _ = canvas.WriteTo(&b) // a buffer takes everything
	return plainFonts(b.Bytes())
}

// fallbacks are metrically the same as Liberation Sans, or near enough where that is not installed.
const fallbacks = "Liberation Sans,Arimo,Arial,Helvetica,sans-serif"

var fontStyle = regexp.MustCompile(`font-family:[^;"]*;font-variant:normal;font-weight:normal;font-style:normal;?`)

// plainFonts names the font once for all of the document, with substitutes.
func plainFonts(svg []byte) []byte {
	svg = fontStyle.ReplaceAll(svg, nil)
	return bytes.Replace(svg, []byte("<svg "), []byte(`<svg font-family="`+fallbacks+`" `), 1)
}

var (
	prolog   = regexp.MustCompile(`(?s)^.*?<svg `)
	svgSize  = regexp.MustCompile(`width="[^"]*" height="[^"]*" viewBox`)
	svgSpace = regexp.MustCompile(`\s+xmlns(:xlink)?="[^"]*"`)
)

// inline is the figure as an element of a page: it takes the width that the page gives it, and refers to nothing.
func (f *figure) inline(in format) string {
	svg := string(f.svg(in))
	svg = prolog.ReplaceAllLiteralString(svg, `<svg `)
	svg = svgSpace.ReplaceAllLiteralString(svg, "")
	svg = svgSize.ReplaceAllLiteralString(svg, fmt.Sprintf(`role="img" aria-label="%s" viewBox`, html.EscapeString(f.title)))
	return svg
}

// png is the figure at 300 dots an inch.
func (f *figure) png(in format) ([]byte, error) {
	w, h := in.width, f.height(in)
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(white))}
	f.draw(draw.NewCanvas(canvas, w, h), in)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.name, err)
	}
	return b.Bytes(), nil
}
