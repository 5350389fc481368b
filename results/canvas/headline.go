package canvas

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A headline is a row of labels that do not cover each other.
type headline []placed

// placed is a label at its place, in points from the left edge of the data.
type placed struct {
	text string
	x, w vg.Length
	at   vg.Length // of the wedge that points to an instant
	mark bool
}

// halfWedge is half the width of a wedge, in points.
const halfWedge = 2

const faultRows, leaderRows = 3, 2

// headlines places the labels: those of faults in as many rows as they need, up to three, leaders
// in one or two rows below. A label for which there is no room loses its text, and its wedge where
// that would lie on another's text.
func (f *Figure) headlines(in format) []headline {
	if len(f.Panels) == 0 {
		return nil
	}
	x := f.Panels[0].Plot.X
	width := in.width - in.left - in.right
	return append(
		pack(f.Faults, x.Min, x.Max, width, in, faultRows),
		pack(f.Leaders, x.Min, x.Max, width, in, leaderRows)...)
}

func pack(labels []Label, lo, hi float64, width vg.Length, in format, most int) []headline {
	var rows []headline
	for _, l := range labels {
		p := l.place(lo, hi, width, in)
		k := roomFor(p, rows)
		if k == len(rows) && k == most && p.mark {
			p.text, p.x, p.w = "", p.at-halfWedge, 2*halfWedge
			k = roomFor(p, rows)
		}
		switch {
		case k < len(rows):
			rows[k] = append(rows[k], p)
		case k < most:
			rows = append(rows, headline{p})
		}
	}
	return rows
}

// roomFor returns the first of the rows in which the label covers nothing; behind the last where
// there is none.
func roomFor(p placed, rows []headline) int {
	k := 0
	for k < len(rows) && rows[k].covers(p) {
		k++
	}
	return k
}

// place puts the label over the middle of its span, or beside its instant, but not over the edges
// of the figure.
func (l Label) place(lo, hi float64, width vg.Length, in format) placed {
	at := func(x float64) vg.Length { return width * vg.Length((min(max(x, lo), hi)-lo)/(hi-lo)) }
	p := placed{text: l.Text, w: Text(SmallSize, Dark).Width(l.Text), at: at(l.From), mark: l.From == l.To}
	p.x = (at(l.From)+at(l.To))/2 - p.w/2
	if p.mark {
		p.x = p.at + 4
	}
	p.x = min(max(p.x, 1-in.left), width+in.right-p.w-1)
	return p
}

// span returns what the label takes up, with its wedge.
func (p placed) span() (from, to vg.Length) {
	if !p.mark {
		return p.x, p.x + p.w
	}
	return min(p.x, p.at-halfWedge), max(p.x+p.w, p.at+halfWedge)
}

func (h headline) covers(p placed) bool {
	const space = 4
	from, to := p.span()
	for _, q := range h {
		if qfrom, qto := q.span(); from-space < qto && qfrom-space < to {
			return true
		}
	}
	return false
}

func (h headline) draw(c draw.Canvas, left, y vg.Length) {
	for _, p := range h {
		if p.mark {
			fillWedge(c, Dark, left+p.at, y, halfWedge)
		}
		if p.text != "" {
			c.FillText(Text(SmallSize, Dark), vg.Point{X: left + p.x, Y: y}, p.text)
		}
	}
}
