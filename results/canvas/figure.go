package canvas

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Figure is panels above each other whose data begin and end at the same x.
type Figure struct {
	Name    string // of its files
	Title   string
	Caption string // says what is to be seen, and how it was measured
	Panels  []Panel
	Faults  []Label // named above the first panel
	Leaders []Label // and below those
	Wide    bool    // has no version for a column
	Check   int     // the number of the check that it is evidence of, from 1; 0 for none
}

// A Panel is one plot with its legend above it.
type Panel struct {
	Plot   *plot.Plot
	Y      string    // label of the y axis; the plot has none of its own, which would move the data
	Height vg.Length // of all of it but the legend, in a column
	Legend []Entry
}

// A Label is put above the data, at an instant or over a span of x.
type Label struct {
	From, To float64 // in units of x; equal for an instant
	Text     string
}

// An Entry explains one mark.
type Entry struct {
	Text  string
	Mark  Mark
	Color color.Color
}

// Mark is how an entry's sample is drawn.
type Mark int

const (
	MarkLine Mark = iota
	MarkDashes
	MarkDots
	MarkBlock
	MarkTick
	MarkWedge
	MarkPoints
	MarkCrossed // a block with a cross in it
	MarkHollow  // a block's outline
)

const (
	legendHeight   = vg.Length(11)
	headlineHeight = vg.Length(10)
	pngDPI         = 300
)

// height returns what the figure needs in the format.
func (f *Figure) height(in format) vg.Length {
	h := headlineHeight*vg.Length(len(f.headlines(in))) + 2
	for _, p := range f.Panels {
		h += p.Height * in.stretch
		h += legendHeight * vg.Length(len(p.rows(in)))
	}
	return h
}

// draw draws the figure.
func (f *Figure) draw(c draw.Canvas, in format) {
	top := c.Max.Y - 2
	for i, p := range f.Panels {
		for _, row := range p.rows(in) {
			drawLegend(c, top-legendHeight/2, row, in)
			top -= legendHeight
		}
		head := top
		if i == 0 {
			top -= headlineHeight * vg.Length(len(f.headlines(in)))
		}
		bottom := top - p.Height*in.stretch
		data := p.draw(c, bottom, top, in)
		if i == 0 {
			for k, row := range f.headlines(in) {
				row.draw(c, data.Min.X, head-headlineHeight*(vg.Length(k)+0.5))
			}
		}
		top = bottom
	}
}

// draw draws the panel between bottom and top, and returns where its data are.
func (p Panel) draw(c draw.Canvas, bottom, top vg.Length, in format) draw.Canvas {
	area := c
	area.Min.Y, area.Max.Y = bottom, top-2
	area = aligned(p.Plot, area, in)
	p.Plot.Draw(area)
	data := p.Plot.DataCanvas(area)
	sty := Text(textSize, Black)
	sty.Rotation, sty.XAlign, sty.YAlign = math.Pi/2, draw.XCenter, draw.YTop
	c.FillText(sty, vg.Point{X: c.Min.X + 1, Y: (data.Min.Y + data.Max.Y) / 2}, p.Y)
	return data
}

// aligned returns the canvas on which the plot's data fill the format's width exactly.
func aligned(p *plot.Plot, c draw.Canvas, in format) draw.Canvas {
	area := c
	for range 2 { // the second round mends what moved tick labels change
		data := p.DataCanvas(area)
		area.Min.X += c.Min.X + in.left - data.Min.X
		area.Max.X += c.Max.X - in.right - data.Max.X
	}
	return area
}

// SVG is the figure as a document of its own.
func (f *Figure) SVG(in format) []byte {
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

var textElement = regexp.MustCompile(`style="font-size:([0-9.]+)px([^>]*)>([^<]{2,})</text>`)

// plainFonts names the font once for all of the document, with substitutes, and says how wide each
// text is: a substitute that runs wider is squeezed, not written over its neighbour.
func plainFonts(svg []byte) []byte {
	svg = fontStyle.ReplaceAll(svg, nil)
	svg = textElement.ReplaceAllFunc(svg, func(e []byte) []byte {
		m := textElement.FindSubmatch(e)
		size, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return e
		}
		width := Text(size, Black).Width(html.UnescapeString(string(m[3])))
		return fmt.Appendf(nil, `textLength="%.4g" lengthAdjust="spacingAndGlyphs" %s`, width.Points(), e)
	})
	return bytes.Replace(svg, []byte("<svg "), []byte(`<svg font-family="`+fallbacks+`" `), 1)
}

var (
	prolog   = regexp.MustCompile(`(?s)^.*?<svg `)
	svgSize  = regexp.MustCompile(`width="[^"]*" height="[^"]*" viewBox`)
	svgSpace = regexp.MustCompile(`\s+xmlns(:xlink)?="[^"]*"`)
)

// Inline is the figure as an element of a page: it takes the width that the page gives it, and
// refers to nothing.
func (f *Figure) Inline(in format) string {
	svg := string(f.SVG(in))
	svg = prolog.ReplaceAllLiteralString(svg, `<svg `)
	svg = svgSpace.ReplaceAllLiteralString(svg, "")
	svg = svgSize.ReplaceAllLiteralString(svg, fmt.Sprintf(`role="img" aria-label="%s" viewBox`, html.EscapeString(f.Title)))
	return svg
}

// PNG is the figure at 300 dots an inch.
func (f *Figure) PNG(in format) ([]byte, error) {
	w, h := in.width, f.height(in)
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(White))}
	f.draw(draw.NewCanvas(canvas, w, h), in)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}
