package results

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours are Okabe and Ito's ("Color Universal Design", 2008), which people
// with any common colour vision tell apart; what must not be confused differs in shape or dash as well.
var (
	black     = color.RGBA{0, 0, 0, 255}
	sky       = color.RGBA{0x56, 0xB4, 0xE9, 255}
	blue      = color.RGBA{0x00, 0x72, 0xB2, 255}
	green     = color.RGBA{0x00, 0x9E, 0x73, 255}
	orange    = color.RGBA{0xE6, 0x9F, 0x00, 255}
	vermilion = color.RGBA{0xD5, 0x5E, 0x00, 255}
	purple    = color.RGBA{0xCC, 0x79, 0xA7, 255}
	shade     = color.NRGBA{0, 0, 0, 20} // fault windows; where two overlap it is darker
	faint     = color.RGBA{0xDD, 0xDD, 0xDD, 255}
	grey      = color.RGBA{0x77, 0x77, 0x77, 255}
	dark      = color.RGBA{0x33, 0x33, 0x33, 255}
	white     = color.RGBA{255, 255, 255, 255}

	dashed = []vg.Length{4, 2}
	dotted = []vg.Length{1, 1.5}
)

// A format is the size that a figure is drawn in. Text is 8 pt in both: a paper
// prints the figure as it is.
type format struct {
	width       vg.Length
	stretch     vg.Length // of the height of panels
	left, right vg.Length // from the edges to the data: the same in all figures, so that time axes align
}

var (
	// column is a figure in one column of a paper, 3.4 inches wide.
	column = format{width: 3.4 * vg.Inch, stretch: 1, left: 38, right: 9}
	// page is a figure across both columns, or on a screen.
	page = format{width: 7 * vg.Inch, stretch: 1.3, left: 46, right: 12}
)

const (
	textSize  = 8
	smallSize = 7
)

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}
}

// textStyle is how everything but axes is labelled.
func textStyle(size float64, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: sans(size), XAlign: draw.XLeft, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler,
	}
}

// newPlot is a plot without junk: no title, thin axes, no space between axes and data.
func newPlot() *plot.Plot {
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

// logTicks marks decades, 2 and 5 as well where there are few of them, and all digits where there is hardly one.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	few, hardly := hi/lo < 150, hi/lo < 6
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1; m < 10; m++ {
			t := plot.Tick{Value: float64(m) * math.Pow(10, e)}
			if t.Value < lo*(1-1e-9) || t.Value > hi*(1+1e-9) {
				continue
			}
			if m == 1 || few && (m == 2 || m == 5) || hardly {
				t.Label = number(t.Value)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// linearTicks marks about n round numbers.
type linearTicks struct{ n int }

func (l linearTicks) Ticks(lo, hi float64) []plot.Tick {
	step := nice((hi - lo) / float64(l.n))
	var ticks []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: number(i * step)})
	}
	return ticks
}

// nice is the smallest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is at least x.
func nice(x float64) float64 {
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

// niceBelow is the largest of them that is at most x.
func niceBelow(x float64) float64 { return 1 / nice(1/x) }

// logRange is a range for a log axis that holds lo and hi and has labels near both ends.
func logRange(lo, hi float64) (from, to float64) {
	from, to = niceBelow(lo), nice(hi)
	if from == to {
		to = nice(2 * to)
	}
	return from, to
}

// number prints a round number without noise: 0.1, 5, 2000.
func number(x float64) string {
	if math.Abs(x) < 1e-12 {
		return "0"
	}
	return strconv.FormatFloat(x, 'f', -1, 32)
}
