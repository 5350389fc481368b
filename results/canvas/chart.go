package canvas

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// A Chart is a figure of several runs in the style of a run's own: the same
// type, colours and margins. It is as wide as a column of a paper, 3.3 inches, with text of 8 pt.
type Chart struct {
	Name   string // of its files
	Title  string
	Left   float64 // points from the left edge to the data, where labels need more than is usual
	Panels []ChartPanel
}

// ChartWidth is the width in points of all charts, and ChartMargin what is free on each side of the
// data where the y axis has no label.
const (
	PaperWidth  = 3.3 * 72
	PaperMargin = 9
)

// A ChartPanel is one plot, made by NewPlot, with its legend above it.
type ChartPanel struct {
	Plot   *plot.Plot
	Y      string  // label of the y axis; the plot has none of its own
	Height float64 // in points
	Legend []Key
}

// A Key explains one mark.
type Key struct {
	Text   string
	Color  color.Color
	Dashed bool // a dashed line
	Block  bool // a filled area instead of a line
}

// The colours that stand for the sides of a comparison, and for what belongs to none (see
// theme.go).
var (
	ColorA, ColorB   = Blue, Vermilion
	paper            = format{width: PaperWidth, stretch: 1, left: 38, right: PaperMargin}
	paperWithoutAxis = format{width: PaperWidth, stretch: 1, left: PaperMargin, right: PaperMargin}
)

// TextStyle returns how labels within the data are set: the smaller of the two sizes in use.
func TextStyle(c color.Color) text.Style { return Text(SmallSize, c) }

// LogAxis makes the axis logarithmic, from about lo to hi.
func LogAxis(a *plot.Axis, lo, hi float64) {
	a.Scale, a.Tick.Marker = plot.LogScale{}, LogTicks{}
	a.Min, a.Max = LogRange(lo, hi)
}

// LinearAxis marks about n round numbers.
func LinearAxis(a *plot.Axis, lo, hi float64, n int) {
	a.Min, a.Max, a.Tick.Marker = lo, hi, LinearTicks{n}
}

// Draw returns the chart as "svg", "pdf" or "png" (at 300 dots an inch).
func (c Chart) Draw(kind string) ([]byte, error) {
	f, in := c.figure()
	switch kind {
	case "svg":
		return f.SVG(in), nil
	case "png":
		return f.PNG(in)
	case "pdf":
		return f.pdf(in)
	}
	return nil, fmt.Errorf("draw %s: no such form: %q", c.Name, kind)
}

func (c Chart) figure() (*Figure, format) {
	f, in := &Figure{Name: c.Name, Title: c.Title}, paperWithoutAxis
	for _, p := range c.Panels {
		q := Panel{Plot: p.Plot, Y: p.Y, Height: vg.Length(p.Height)}
		for _, k := range p.Legend {
			e := Entry{Text: k.Text, Color: k.Color}
			switch {
			case k.Block:
				e.Mark = MarkBlock
			case k.Dashed:
				e.Mark = MarkDashes
			}
			q.Legend = append(q.Legend, e)
		}
		if p.Y != "" {
			in = paper
		}
		f.Panels = append(f.Panels, q)
	}
	in.left = max(in.left, vg.Length(c.Left))
	return f, in
}

// pdf returns the figure as a document of one page with its fonts in it, as publishers want it.
func (f *Figure) pdf(in format) ([]byte, error) {
	w, h := in.width, f.height(in)
	canvas := vgpdf.New(w, h)
	canvas.EmbedFonts(true)
	f.draw(draw.NewCanvas(winAnsi{canvas}, w, h), in)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// winAnsi writes text in the encoding of the document's fonts, Windows-1252; gonum writes the bytes
// of UTF-8, which read otherwise.
type winAnsi struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas.
func (c winAnsi) FillString(f font.Face, at vg.Point, s string) {
	c.Canvas.FillString(f, at, toWinAnsi(s))
}

func toWinAnsi(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r < 0x80 || r >= 0xA0 && r <= 0xFF:
			b = append(b, byte(r))
		case r == '−' || r == '–': // it has no minus but the dash of the same length
			b = append(b, 0x96)
		case r == '…':
			b = append(b, 0x85)
		case r == '≤':
			b = append(b, "<="...)
		default:
			b = append(b, '?')
		}
	}
	return string(b)
}

// Pale returns the colour of an area whose outline has the colour given.
func Pale(c color.Color) color.Color { return Mix(c, 0.3) }

// Mix returns the share of the colour on white.
func Mix(c color.Color, share float64) color.Color {
	r, g, b, _ := c.RGBA()
	on := func(v uint32) uint8 { return uint8(255 - share*(255-float64(v>>8)) + 0.5) }
	return color.RGBA{on(r), on(g), on(b), 255}
}
