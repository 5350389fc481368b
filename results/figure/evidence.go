package figure

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results/canvas"
)

// EvidenceUpTo is how many operations of a proof are drawn; more are unreadable.
const EvidenceUpTo = 40

// evidence draws the operations that prove a check's verdict as intervals, those of one process
// beneath each other. The order of calls and returns is all that the proof rests on, so the
// horizontal axis keeps the order and not the distances: a write of the preload and a read 20 s
// later fit beside two reads that overlap by microseconds.
func (v *view) evidence(number int, c check.Result) *canvas.Figure {
	if c.Verdict != check.Invalid || len(c.Evidence) == 0 {
		return nil
	}
	ops := slices.Clone(c.Evidence)
	left := max(0, len(ops)-EvidenceUpTo)
	ops = ops[:len(ops)-left]
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	ops = byProcess(ops)
	chart := v.newIntervals(ops)
	p := canvas.NewPlot()
	p.Add(chart)
	p.X.Min, p.X.Max = -0.5, float64(len(chart.instants))-0.5
	p.X.Tick.Marker = chart.ticks()
	p.X.Label.Text = "time since the load started (s); order is kept, distances are not"
	p.Y.Min, p.Y.Max = -0.5, float64(len(ops))-0.5
	p.Y.Tick.Length = 0
	p.Y.Tick.Marker = processTicks(ops)
	f := &canvas.Figure{
		Name: fmt.Sprintf("evidence-%d", number+1), Title: "Evidence: " + c.Name, Wide: true, Check: number + 1,
		Caption: "The operations that prove the violation, each from its call to its return. A dashed end stands for an operation that may have taken effect at any later time.",
		Panels: []canvas.Panel{{Plot: p, Height: 34 + 13*vg.Length(len(ops)), Legend: []canvas.Entry{
			{Text: "write", Mark: canvas.MarkBlock, Color: canvas.Blue}, {Text: "read", Mark: canvas.MarkBlock, Color: canvas.Orange}, {Text: "outcome unknown", Mark: canvas.MarkDashes, Color: canvas.Black}}}},
	}
	if left > 0 {
		f.Caption += fmt.Sprintf(" %d more are in summary.json.", left)
	}
	return f
}

// ProcessName returns the name of an operation's process: "c1/4".
func ProcessName(o history.Op) string { return fmt.Sprintf("%s/%d", o.Client, o.Process) }

// byProcess puts operations of one process together, processes in the order of their first call.
func byProcess(ops []history.Op) []history.Op {
	first := map[string]int{}
	for i, o := range ops {
		if _, ok := first[ProcessName(o)]; !ok {
			first[ProcessName(o)] = i
		}
	}
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(first[ProcessName(a)], first[ProcessName(b)]) })
	return ops
}

// processTicks names each process at its first row.
func processTicks(ops []history.Op) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, o := range ops {
		if i == 0 || ProcessName(ops[i-1]) != ProcessName(o) {
			ticks = append(ticks, plot.Tick{Value: float64(len(ops) - 1 - i), Label: ProcessName(o)})
		}
	}
	return ticks
}

// intervals draws operations on an axis of the instants at which any of them begins or ends.
type intervals struct {
	v        *view
	ops      []history.Op
	instants []time.Duration
}

func (v *view) newIntervals(ops []history.Op) intervals {
	var at []time.Duration
	for _, o := range ops {
		at = append(at, o.Call)
		if o.Outcome != history.Unknown {
			at = append(at, o.Return)
		}
	}
	slices.Sort(at)
	return intervals{v, ops, slices.Compact(at)}
}

func (n intervals) place(at time.Duration) float64 {
	i, _ := slices.BinarySearch(n.instants, at)
	return float64(i)
}

// ticks names so many instants as there is room for.
func (n intervals) ticks() plot.ConstantTicks {
	const room = 9
	every := (len(n.instants) + room - 1) / room
	var ticks plot.ConstantTicks
	for i, at := range n.instants {
		t := plot.Tick{Value: float64(i)}
		if i%every == 0 {
			t.Label = fmt.Sprintf("%.3f", n.v.Since(at))
		}
		ticks = append(ticks, t)
	}
	return ticks
}

func (n intervals) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, o := range n.ops {
		at := y(float64(len(n.ops) - 1 - i))
		x0, x1 := x(n.place(o.Call)), c.Max.X
		var col color.Color = canvas.Blue
		if o.Kind == history.Read {
			col = canvas.Orange
		}
		c.StrokeLine2(draw.LineStyle{Color: canvas.Faint, Width: 0.4}, c.Min.X, at, c.Max.X, at)
		if o.Outcome == history.Unknown {
			c.StrokeLine2(draw.LineStyle{Color: col, Width: 1.5, Dashes: canvas.Dashes}, x0, at, x1, at)
			canvas.FillRect(c, col, x0, at-3, x0+2, at+3)
			x1 = x0 + 2
		} else {
			x1 = x(n.place(o.Return))
			canvas.FillRect(c, col, x0, at-3, x1, at+3)
		}
		n.label(c, o, x0, x1, at)
	}
}

// label says what the operation did, on the side of its bar where there is room.
func (n intervals) label(c draw.Canvas, o history.Op, x0, x1, y vg.Length) {
	text := What(o)
	sty := canvas.Text(canvas.SmallSize, canvas.Black)
	at := vg.Point{X: x1 + 3, Y: y}
	w := sty.Width(text)
	if at.X+w > c.Max.X {
		at.X = x0 - 3 - w
	}
	if at.X < c.Min.X {
		at.X = c.Min.X + 1 // on the bar: there is nowhere else
	}
	canvas.FillRect(c, canvas.White, at.X-1, y-3.5, at.X+w+1, y+3.5)
	c.FillText(sty, at, text)
}

// What is the operation in few words: "write 7 = ab", "read 7: ab (rev 12)".
func What(o history.Op) string {
	s := fmt.Sprintf("%s %s = %s", o.Kind, o.Key, canvas.OneLine(o.Value, 18))
	if o.Kind == history.Read {
		s = fmt.Sprintf("read %s: %s", o.Key, canvas.OneLine(o.Value, 18))
		if o.Value == "" && o.Version == 0 {
			s = fmt.Sprintf("read %s: nothing", o.Key)
		}
	}
	if o.Stage != history.Load {
		s += ", " + o.Stage.String()
	}
	if o.Outcome == history.Failed {
		s += ", failed"
	}
	if o.Outcome == history.OK && o.Revision != 0 {
		s += fmt.Sprintf(" (rev %d)", o.Revision)
	}
	return s
}
