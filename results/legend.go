package results

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rows breaks the legend into lines that fit.
func (p panel) rows(in format) [][]entry {
	var rows [][]entry
	room := vg.Length(0)
	for _, e := range p.legend {
		w := e.width()
		if len(rows) == 0 || w > room {
			rows = append(rows, nil)
			room = in.width - 4
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

// drawLegend begins a row where the data begin, or as far to the left of that as the row needs.
func drawLegend(c draw.Canvas, y vg.Length, row []entry, in format) {
	width := vg.Length(0)
	for _, e := range row {
		width += e.width()
	}
	x := c.Min.X + max(2, min(in.left, in.width-width))
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
	case crossed, hollow:
		e.mark.box(c, e.color, x+2, y-3, end, y+3)
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
