package canvas

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LineStyle returns the style of the line that the entry explains.
func LineStyle(e Entry) draw.LineStyle {
	s := draw.LineStyle{Color: e.Color, Width: 1}
	switch e.Mark {
	case MarkDashes:
		s.Dashes = Dashes
	case MarkDots:
		s.Dashes = Dots
	}
	return s
}

// Colours are Okabe and Ito's ("Color Universal Design", 2008), which people with any common colour
// vision tell apart; what must not be confused differs in shape or dash as well.
var (
	Black     = color.RGBA{0, 0, 0, 255}
	Sky       = color.RGBA{0x56, 0xB4, 0xE9, 255}
	Blue      = color.RGBA{0x00, 0x72, 0xB2, 255}
	Green     = color.RGBA{0x00, 0x9E, 0x73, 255}
	Orange    = color.RGBA{0xE6, 0x9F, 0x00, 255}
	Vermilion = color.RGBA{0xD5, 0x5E, 0x00, 255}
	Purple    = color.RGBA{0xCC, 0x79, 0xA7, 255}
	shade     = color.NRGBA{0, 0, 0, 20} // fault windows; where two overlap it is darker
	Faint     = color.RGBA{0xDD, 0xDD, 0xDD, 255}
	Grey      = color.RGBA{0x77, 0x77, 0x77, 255}
	Dark      = color.RGBA{0x33, 0x33, 0x33, 255}
	White     = color.RGBA{255, 255, 255, 255}

	Dashes = []vg.Length{4, 2}
	Dots   = []vg.Length{1, 1.5}
)

// A format is the size that a figure is drawn in. Text is 8 pt in both: a paper
// prints the figure as it is.
type format struct {
	width   vg.Length
	stretch vg.Length // of the height of panels
	// from the edges to the data: the same in all figures, so that time axes align
	left, right vg.Length
}

var (
	// column is a figure in one column of a paper, 3.4 inches wide.
	Column = format{width: 3.4 * vg.Inch, stretch: 1, left: 38, right: 9}
	// page is a figure across both columns, or on a screen.
	Page = format{width: 7 * vg.Inch, stretch: 1.3, left: 46, right: 12}
)

const (
	textSize  = 8
	SmallSize = 7
)

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}
}

// Text is how everything but axes is labelled.
func Text(size float64, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: sans(size), XAlign: draw.XLeft, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler,
	}
}

// NewPlot is a plot without junk: no title, thin axes, no space between axes and data.
func NewPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(textSize)
		a.Label.Padding = 1
		a.Tick.Label.Font = sans(textSize)
		a.Tick.Length = 3
		a.Tick.Width = 0.5
		a.Width = 0.5
		a.Padding = 0
	}
	return p
}

// LogTicks marks decades, 2 and 5 as well where there are few of them, and all digits where there
// is hardly one.
type LogTicks struct{}

func (LogTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	few, hardly := hi/lo < 150, hi/lo < 6
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1; m < 10; m++ {
			t := plot.Tick{Value: float64(m) * math.Pow(10, e)}
			if t.Value < lo*(1-1e-9) || t.Value > hi*(1+1e-9) {
				continue
			}
			if m == 1 || few && (m == 2 || m == 5) || hardly {
				t.Label = Number(t.Value)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// LinearTicks marks about n round numbers.
type LinearTicks struct{ N int }

func (l LinearTicks) Ticks(lo, hi float64) []plot.Tick {
	step := Nice((hi - lo) / float64(l.N))
	var ticks []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: Number(i * step)})
	}
	return ticks
}

// Nice is the smallest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is at least x.
func Nice(x float64) float64 {
	if !(x > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5, 10} {
		if x <= m*p*(1+1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// NiceBelow is the largest of them that is at most x.
func NiceBelow(x float64) float64 { return 1 / Nice(1/x) }

// LogRange is a range for a log axis that holds lo and hi and has labels near both ends.
func LogRange(lo, hi float64) (from, to float64) {
	from, to = NiceBelow(lo), Nice(hi)
	if from == to {
		to = Nice(2 * to)
	}
	return from, to
}

// Number prints a round number without noise: 0.1, 5, 2000.
func Number(x float64) string {
	if math.Abs(x) < 1e-12 {
		return "0"
	}
	return strconv.FormatFloat(x, 'f', -1, 32)
}

// Grid is faint enough to stay behind the data.
func Grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal = draw.LineStyle{Color: Faint, Width: 0.4}
	g.Vertical = g.Horizontal
	return g
}
