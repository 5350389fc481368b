package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results/canvas"
)

const (
	reachUpTo   = 9 // are drawn
	reachAcross = 3
	hostsUpTo   = 12 // stand on a circle and can still be told apart
)

// reachability draws which hosts could reach which, once for each network state.
func (v *view) reachability() *canvas.Figure {
	all := reachabilities(v.Reading)
	if len(all) == 0 {
		return nil
	}
	more := max(0, len(all)-reachUpTo)
	f := &canvas.Figure{
		Name: "hearing", Title: "Who could reach whom", Wide: true,
		Caption: "From the record of what was injected: one diagram per network state. A thick outline marks the leader before the fault. Clients are shown where their links were affected.",
	}
	if more > 0 {
		f.Caption += fmt.Sprintf(" %d more are in events.jsonl.", more)
	}
	all = all[:len(all)-more]
	for i := 0; i < len(all); i += reachAcross {
		p := canvas.NewPlot()
		p.HideAxes()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, reachAcross, 0, 1
		p.Add(circles{v, all[i:min(i+reachAcross, len(all))]})
		row := canvas.Panel{Plot: p, Height: 112}
		if i == 0 {
			row.Legend = []canvas.Entry{{Text: "connected", Mark: canvas.MarkLine, Color: canvas.Grey}, {Text: "cut", Mark: canvas.MarkDashes, Color: canvas.Vermilion}, {Text: "degraded", Mark: canvas.MarkDots, Color: canvas.Blue}, {Text: "cut one way: packets still pass along the arrow", Mark: canvas.MarkWedge, Color: canvas.Vermilion}}
		}
		f.Panels = append(f.Panels, row)
	}
	return f
}

// circles draws reachabilities beside each other.
type circles struct {
	v   *view
	all []reachability
}

func (k circles) Plot(c draw.Canvas, _ *plot.Plot) {
	width := (c.Max.X - c.Min.X) / reachAcross
	for i, h := range k.all {
		cell := c
		cell.Min.X = c.Min.X + width*vg.Length(i)
		cell.Max.X = cell.Min.X + width - 6
		k.draw(cell, h)
	}
}

func (k circles) draw(c draw.Canvas, h reachability) {
	when := fmt.Sprintf("%s s to %s s", canvas.Number(stats.Round(k.v.Since(h.from), 2)), canvas.Number(stats.Round(k.v.Since(h.to), 2)))
	if h.times > 1 {
		when += fmt.Sprintf(", %d times", h.times)
	}
	y := c.Max.Y - 4
	c.FillText(canvas.Text(canvas.SmallSize, canvas.Black), vg.Point{X: c.Min.X, Y: y}, when)
	for _, line := range canvas.Wrap(strings.Join(h.details, "; "), 36, 2) {
		y -= 8.5
		c.FillText(canvas.Text(canvas.SmallSize, canvas.Dark), vg.Point{X: c.Min.X, Y: y}, line)
	}
	hosts, more := h.hosts(k.v.Info.Nodes, k.v.Info.Clients)
	at := onCircle(c, hosts, y-5)
	for i, a := range hosts {
		for _, b := range hosts[i+1:] {
			h.edge(c, a, b, at)
		}
	}
	h.worst(c, hosts, at)
	for _, host := range hosts {
		h.host(c, host, at[host], slices.Contains(k.v.Info.Nodes, host))
	}
	if more > 0 {
		c.FillText(canvas.Text(canvas.SmallSize, canvas.Dark), vg.Point{X: c.Min.X, Y: c.Min.Y + 4}, fmt.Sprintf("and %d more hosts", more))
	}
}

// hosts returns those to draw: nodes, and clients whose links were struck.
func (h reachability) hosts(nodes, clients []string) (hosts []string, more int) {
	hosts = slices.Clone(nodes)
	for _, c := range clients {
		for p := range h.links {
			if p.From == c || p.To == c {
				hosts = append(hosts, c)
				break
			}
		}
	}
	more = max(0, len(hosts)-hostsUpTo)
	return hosts[:len(hosts)-more], more
}

// onCircle places the hosts, the first at the top.
func onCircle(c draw.Canvas, hosts []string, top vg.Length) map[string]vg.Point {
	r := min((top-c.Min.Y)/2-9, (c.Max.X-c.Min.X)/2-12)
	mid := vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + top) / 2}
	at := map[string]vg.Point{}
	for i, host := range hosts {
		angle := math.Pi/2 - 2*math.Pi*float64(i)/float64(len(hosts))
		at[host] = vg.Point{X: mid.X + r*vg.Length(math.Cos(angle)), Y: mid.Y + r*vg.Length(math.Sin(angle))}
	}
	return at
}

const hostRadius = 8

// edge draws what lies between two hosts.
func (h reachability) edge(c draw.Canvas, a, b string, at map[string]vg.Point) {
	if slices.Contains(h.dead, a) || slices.Contains(h.dead, b) || isClient(a) && isClient(b) {
		return
	}
	there, back := h.links[link.Path{From: a, To: b}], h.links[link.Path{From: b, To: a}]
	p, q := at[a], at[b]
	switch {
	case there.Cut && back.Cut:
		c.StrokeLine2(draw.LineStyle{Color: canvas.Vermilion, Width: 1, Dashes: canvas.Dashes}, p.X, p.Y, q.X, q.Y)
		canvas.Cross(c, canvas.Between(p, q, 0.5), 3)
	case there.Cut:
		oneWay(c, q, p)
	case back.Cut:
		oneWay(c, p, q)
	case there.Shape != "" || back.Shape != "":
		c.StrokeLine2(draw.LineStyle{Color: canvas.Blue, Width: 1.2, Dashes: canvas.Dots}, p.X, p.Y, q.X, q.Y)
	default:
		c.StrokeLine2(draw.LineStyle{Color: canvas.Grey, Width: 0.6}, p.X, p.Y, q.X, q.Y)
	}
}

// worst says beside the first worse link what is the matter with it: they are mostly alike.
func (h reachability) worst(c draw.Canvas, hosts []string, at map[string]vg.Point) {
	said := map[string]bool{}
	for i, a := range hosts {
		for _, b := range hosts[i+1:] {
			for _, p := range []link.Path{{From: a, To: b}, {From: b, To: a}} {
				text := h.links[p].Shape
				if text == "" || said[text] {
					continue
				}
				said[text] = true
				sty := canvas.Text(canvas.SmallSize, canvas.Blue)
				mid := canvas.Between(at[a], at[b], 0.5)
				w := sty.Width(text)
				mid.X = min(max(mid.X-w/2, c.Min.X), c.Max.X-w)
				canvas.FillRect(c, canvas.White, mid.X-1, mid.Y-3.5, mid.X+w+1, mid.Y+3.5)
				c.FillText(sty, mid, text)
			}
		}
	}
}

func isClient(host string) bool { return strings.HasPrefix(host, "c") }

// oneWay is an arrow: packets pass to q, and none come back.
func oneWay(c draw.Canvas, p, q vg.Point) {
	c.StrokeLine2(draw.LineStyle{Color: canvas.Vermilion, Width: 1}, p.X, p.Y, q.X, q.Y)
	d := math.Hypot(float64(q.X-p.X), float64(q.Y-p.Y))
	tip := canvas.Between(p, q, 1-(hostRadius+1)/d)
	dx, dy := vg.Length(float64(q.X-p.X)/d), vg.Length(float64(q.Y-p.Y)/d)
	c.FillPolygon(canvas.Vermilion, []vg.Point{tip,
		{X: tip.X - 6*dx + 3*dy, Y: tip.Y - 6*dy - 3*dx}, {X: tip.X - 6*dx - 3*dy, Y: tip.Y - 6*dy + 3*dx}})
}

// host draws one: nodes are round, clients square.
func (h reachability) host(c draw.Canvas, name string, at vg.Point, node bool) {
	dead, paused := slices.Contains(h.dead, name), slices.Contains(h.paused, name)
	var fill color.Color = canvas.White
	if dead || paused {
		fill = canvas.Faint
	}
	edge := draw.LineStyle{Color: canvas.Dark, Width: 0.7}
	if name == h.leader {
		edge.Width = 2.2
	}
	if dead {
		canvas.Cross(c, at, hostRadius+1) // behind it, so that its name can be read
	}
	var outline vg.Path
	if node {
		outline.Move(vg.Point{X: at.X + hostRadius, Y: at.Y})
		outline.Arc(at, hostRadius, 0, 2*math.Pi)
		outline.Close()
	} else {
		r := vg.Length(hostRadius - 1)
		outline.Move(vg.Point{X: at.X - r, Y: at.Y - r})
		for _, p := range []vg.Point{{X: at.X + r, Y: at.Y - r}, {X: at.X + r, Y: at.Y + r}, {X: at.X - r, Y: at.Y + r}} {
			outline.Line(p)
		}
		outline.Close()
	}
	c.SetColor(fill)
	c.Fill(outline)
	c.SetLineStyle(edge)
	c.Stroke(outline)
	sty := canvas.Text(canvas.SmallSize, canvas.Black)
	sty.XAlign = draw.XCenter
	c.FillText(sty, at, name)
	if paused && !dead {
		for _, dx := range []vg.Length{-2, 2} {
			c.StrokeLine2(draw.LineStyle{Color: canvas.Vermilion, Width: 1.6}, at.X+dx, at.Y-hostRadius-5, at.X+dx, at.Y-hostRadius+1)
		}
	}
}
