package canvas

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rows breaks the legend into lines that fit.
func (p Panel) rows(in format) [][]Entry {
	var rows [][]Entry
	room := vg.Length(0)
	for _, e := range p.Legend {
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

func (e Entry) width() vg.Length {
	return sampleWidth + 3 + Text(SmallSize, Black).Width(e.Text) + 6
}

// drawLegend begins a row where the data begin, or as far to the left of that as the row needs.
func drawLegend(c draw.Canvas, y vg.Length, row []Entry, in format) {
	width := vg.Length(0)
	for _, e := range row {
		width += e.width()
	}
	x := c.Min.X + max(2, min(in.left, in.width-width))
	for _, e := range row {
		e.sample(c, x, y)
		c.FillText(Text(SmallSize, Black), vg.Point{X: x + sampleWidth + 3, Y: y}, e.Text)
		x += e.width()
	}
}

func (e Entry) sample(c draw.Canvas, x, y vg.Length) {
	mid, end := x+sampleWidth/2, x+sampleWidth
	switch e.Mark {
	case MarkLine:
		c.StrokeLine2(draw.LineStyle{Color: e.Color, Width: 1.2}, x, y, end, y)
	case MarkDashes:
		c.StrokeLine2(draw.LineStyle{Color: e.Color, Width: 1, Dashes: Dashes}, x, y, end, y)
	case MarkDots:
		c.StrokeLine2(draw.LineStyle{Color: e.Color, Width: 1.2, Dashes: Dots}, x, y, end, y)
	case MarkBlock:
		FillRect(c, e.Color, x+2, y-3, end, y+3)
	case MarkCrossed, MarkHollow:
		e.Mark.Box(c, e.Color, x+2, y-3, end, y+3)
	case MarkTick:
		c.StrokeLine2(draw.LineStyle{Color: e.Color, Width: 0.8}, mid, y-3, mid, y+3)
	case MarkWedge:
		fillWedge(c, e.Color, mid, y, 2.6)
	case MarkPoints:
		for i := range 3 {
			px := x + 1 + 3.4*vg.Length(i)
			FillRect(c, e.Color, px, y-0.8+vg.Length(i%2), px+1.6, y+0.8+vg.Length(i%2))
		}
	}
}

// FillRect fills a rectangle.
func FillRect(c draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func fillWedge(c draw.Canvas, col color.Color, x, y, r vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x - r, Y: y + r*0.8}, {X: x + r, Y: y + r*0.8}, {X: x, Y: y - r*0.8}})
}

// Box draws a box in the way of the mark: filled, crossed or hollow.
func (m Mark) Box(c draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	outline := draw.LineStyle{Color: col, Width: 0.8}
	switch m {
	case MarkHollow:
		FillRect(c, White, x0, y0, x1, y1)
		c.StrokeLines(outline, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}, {X: x0, Y: y0}})
	case MarkCrossed:
		FillRect(c, col, x0, y0, x1, y1)
		over := draw.LineStyle{Color: White, Width: 0.7}
		c.StrokeLine2(over, x0, y0, x1, y1)
		c.StrokeLine2(over, x0, y1, x1, y0)
	default:
		FillRect(c, col, x0, y0, x1, y1)
	}
}
